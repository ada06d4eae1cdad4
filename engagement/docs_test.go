package engagement_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/hydraxdev/engagementdb/engagement"
)

// documents returns the texts for people, by their paths in the repository.
func documents(t *testing.T) map[string]string {
	t.Helper()
	paths := []string{"README.md", ".github/CONTRIBUTING.md", "engagement/examples/README.md"}
	for _, file := range must(filepath.Glob("docs/*.md"))(t) {
		paths = append(paths, filepath.Join("engagement", file))
	}
	texts := map[string]string{}
	for _, path := range paths {
		texts[path] = string(must(os.ReadFile(filepath.Join("..", path)))(t))
	}
	return texts
}

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```")

func TestDocumentsShowOnlyGoCodeThatRunsAsAnExample(t *testing.T) {
	oneLine := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	source := oneLine(string(must(os.ReadFile("example_test.go"))(t)) + string(must(os.ReadFile("server/example_test.go"))(t)))
	for path, text := range documents(t) {
		shown := 0
		for _, block := range fence.FindAllStringSubmatch(text, -1) {
			if block[1] != "go" {
				continue
			}
			shown++
			if !strings.Contains(source, oneLine(block[2])) {
				t.Errorf("%s shows code that is in no example:\n%s", path, block[2])
			}
		}
		if path == "README.md" && shown == 0 {
			t.Error("the README has no Go code")
		}
	}
}

func TestTheReadmeIsReadInOneSitting(t *testing.T) {
	if size := len(documents(t)["README.md"]); size > 8192 {
		t.Errorf("it has %d bytes, want at most 8192: the rest belongs in docs", size)
	}
}

func TestLinksOfDocumentsLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	texts := documents(t)
	for path, text := range texts {
		for _, match := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			file, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(filepath.Join("..", target)); err != nil {
				t.Errorf("%s links to %s: %v", path, match[1], err)
				continue
			}
			if anchor != "" && !anchors(texts[target])[anchor] {
				t.Errorf("%s links to %s: there is no such heading", path, match[1])
			}
		}
	}
}

// anchors returns the names that GitHub gives the headings of a text.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, match[1])
		for n, first := 1, name; found[name]; n++ {
			name = fmt.Sprintf("%s-%d", first, n)
		}
		found[name] = true
	}
	return found
}

func TestTheMapNamesEveryFileOnce(t *testing.T) {
	t.Parallel()
	var mapped, files []string
	for _, line := range regexp.MustCompile(`(?m)^//\t  (\w+) +\S`).FindAllStringSubmatch(string(must(os.ReadFile("doc.go"))(t)), -1) {
		mapped = append(mapped, line[1]+".go")
	}
	for _, file := range must(filepath.Glob("*.go"))(t) {
		if !strings.HasSuffix(file, "_test.go") && file != "doc.go" {
			files = append(files, file)
		}
	}
	slices.Sort(mapped)
	same(t, "files in the map of doc.go", mapped, files)
}

// Since a DB has its reads from a Reader, go doc shows none of them but by this.
func TestTheDocOfADBLeadsToEveryRead(t *testing.T) {
	t.Parallel()
	source := string(must(os.ReadFile("db.go"))(t))
	_, source, _ = strings.Cut(source, "\n// DB is an open")
	doc, _, _ := strings.Cut(source, "\ntype DB struct")
	reader := reflect.TypeFor[*engagement.Reader]()
	for i := range reader.NumMethod() {
		if name := reader.Method(i).Name; !strings.Contains(doc, "[Reader."+name+"]") {
			t.Errorf("the doc comment of DB does not name Reader.%s", name)
		}
	}
}
