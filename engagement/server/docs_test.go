package server

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

// TestTheHandbookShowsWhatHappens runs the lines of docs/http.md that ask a server,
// in their order, and compares what they print with the block that follows.
func TestTheHandbookShowsWhatHappens(t *testing.T) {
	t.Parallel()
	text := string(must(os.ReadFile("../docs/http.md"))(t))
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	a := serve(t, fileDB(t, atNoon()))
	ran, compared := 0, 0
	blocks := regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```").FindAllStringSubmatch(text, -1)
	for i, block := range blocks {
		if block[1] != "sh" || !strings.Contains(block[2], "curl") {
			continue
		}
		ran++
		cmd := exec.Command("sh", "-e", "-c", block[2])
		cmd.Env = append(os.Environ(), "URL="+a.url, "TOKEN="+a.admin())
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("%v: %s\n%s", err, out, block[2])
			continue
		}
		if i+1 == len(blocks) || (blocks[i+1][1] != "json" && blocks[i+1][1] != "text") {
			continue
		}
		compared++
		if blocks[i+1][1] == "text" {
			same(t, block[2], string(out), blocks[i+1][2])
			continue
		}
		var got, want any
		noError(t, json.Unmarshal([]byte(blocks[i+1][2]), &want))
		if err := json.Unmarshal(out, &got); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		same(t, block[2], got, want)
	}
	if ran < 9 || compared != ran {
		t.Errorf("ran %d blocks and compared %d", ran, compared)
	}
	t.Run("in Python", func(t *testing.T) {
		path := pythonWith(t, "requests")
		for _, block := range blocks {
			if block[1] == "python" {
				cmd := exec.Command(path, "-c", block[2])
				cmd.Env = append(os.Environ(), "URL="+a.url, "TOKEN="+a.admin())
				out, err := cmd.CombinedOutput()
				noError(t, err)
				same(t, block[2], string(out), "duplicate\n")
			}
		}
	})
}

func TestTheHandbookHasEveryPathAndProblem(t *testing.T) {
	t.Parallel()
	text := string(must(os.ReadFile("../docs/http.md"))(t))
	names := strings.NewReplacer("{user}", "USER", "{other}", "USER", "{signal}", "SIGNAL", "{trade}", "TRADE", "{figure}", "FIGURE",
		"{ranking}", "RANKING", "{day}", "DAY", "{name}", "NAME")
	// What follows … is behind what the cell began with.
	for path := range must(documented())(t).Paths.Map() {
		shown := names.Replace(path)
		last := shown[strings.LastIndex(shown, "/"):]
		before := strings.TrimSuffix(shown, last)
		if !strings.Contains(text, "`"+shown+"`") && !strings.Contains(text, " "+shown+"`") && !strings.Contains(text, " "+shown+"?") &&
			!strings.Contains(text, "`…"+last+"`") && !strings.Contains(text, "`…"+before[max(0, strings.LastIndex(before, "/")):]+last+"`") {
			t.Errorf("%s is missing", shown)
		}
	}
	for _, known := range append([]kind{kindUnauthorized, kindForbidden, kindMethod, kindTooLarge, kindMediaType, kindTooMany, kindInternal}, kindsOf()...) {
		if !strings.Contains(text, "`"+known.name+"`") {
			t.Errorf("the problem %s is missing", known.name)
		}
	}
	for _, scope := range []engagement.Scope{engagement.ScopeRead, engagement.ScopeWrite, engagement.ScopeAdmin} {
		if !strings.Contains(text, "| `"+string(scope)+"` |") {
			t.Errorf("the scope %s is missing", scope)
		}
	}
	families := must(serve(t, fileDB(t)).server.metrics.registry.Gather())(t)
	for _, family := range families {
		if name := family.GetName(); strings.HasPrefix(name, "engagement_") && !strings.Contains(text, "`"+name+"`") {
			t.Errorf("the metric %s is missing", name)
		}
	}
}

func kindsOf() (kinds []kind) {
	for _, known := range kindOf {
		kinds = append(kinds, known.kind)
	}
	return kinds
}
