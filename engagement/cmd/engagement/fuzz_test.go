package main

import (
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// aliasBomb is a few hundred bytes of YAML that stand for gigabytes.
func aliasBomb() string {
	text := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for name := 'b'; name < 'k'; name++ {
		text += string(name) + ": &" + string(name) + " [" + strings.Repeat("*"+string(name-1)+", ", 8) + "*" + string(name-1) + "]\n"
	}
	return text
}

func TestAFewHundredBytesOfAliasesTakeLittleMemory(t *testing.T) {
	for name, text := range map[string]string{
		"as they are": aliasBomb(), "in a definition": executionRate + "filter: &f [a]\nx: *f\n" + aliasBomb(),
		"merged": "a: &a {x: 1}\n" + strings.Repeat("b: {<<: *a}\n", 30),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := readDefinition("-", strings.NewReader(text))
		runtime.ReadMemStats(&after)
		if !errors.Is(err, engagement.ErrInvalid) || !strings.Contains(err.Error(), "anchors") {
			t.Errorf("%s: %v", name, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 32<<20 {
			t.Errorf("%s: it took %d bytes", name, took)
		}
	}
}

// FuzzDefinition reads definitions in YAML: what is refused is invalid with a short
// text, what is read is read the same from its JSON, and nothing takes long.
func FuzzDefinition(f *testing.F) {
	for _, text := range []string{
		executionRate, "{name: d, what: pnl, of: trades, per: day, window: 2026-01-01..2026-01-31}", "", "# soon", "name: [", "---\n---\n",
		aliasBomb(), strings.Repeat("[", 2_000), strings.Repeat("- ", 2_000), "name: !!binary aGk=\n", "? [a]\n: b\n", "name: |\n  x\n  y\n", "a: .inf\nb: .nan\n",
		"name: \"\\x00\\u2028\"", "name: 'it''s'", "{\"name\":\"j\"}", "1: 2\n3: {4: 5}\n", "%YAML 1.2\n---\na: 1\n...\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		begun := time.Now()
		d, err := readDefinition("-", strings.NewReader(text))
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
		if err != nil {
			if !errors.Is(err, engagement.ErrInvalid) || len(err.Error()) > 2_000 {
				t.Errorf("it is refused as %v", err)
			}
			return
		}
		written, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		back, err := readDefinition("-", strings.NewReader(string(written)))
		if again, _ := json.Marshal(back); err != nil || string(again) != string(written) {
			t.Errorf("%s is read back as %s: %v", written, again, err)
		}
	})
}

func FuzzArguments(f *testing.F) {
	for _, text := range []string{"", "1", "-7", "9223372036854775808", "1e3", "0x1p-2", "NaN", "Inf", "1_000", "٣"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, userErr := parseUserID(text)
		_, pnlErr := parsePnL(text)
		for _, err := range []error{userErr, pnlErr} {
			if err != nil && (!errors.Is(err, engagement.ErrInvalid) || len(err.Error()) > 2_000) {
				t.Errorf("%q is refused as %v", text, err)
			}
		}
	})
}
