package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

const docs = "../../docs/"

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheReadmeListsTheCommandsAsHelpDoes(t *testing.T) {
	help := mustRun(t)
	list := help[strings.Index(help, "Begin:\n"):strings.Index(help, "\nAdditional Commands:")]
	if !strings.Contains(readText(t, "../../../README.md"), list) {
		t.Errorf("want this in the README:\n%s", list)
	}
}

func TestTheCommandReferenceHasEveryCommandAndFlag(t *testing.T) {
	rows := map[string]string{} // by the command's name
	for line := range strings.Lines(readText(t, docs+"commands.md")) {
		if usage := regexp.MustCompile("^\\| `([a-z ]+?)(?: [A-Z\\[-].*)?` \\|").FindStringSubmatch(line); usage != nil {
			rows["engagement "+usage[1]] = line
		}
	}
	for _, cmd := range allCommands((&app{}).rootCommand()) {
		row := rows[cmd.CommandPath()]
		delete(rows, cmd.CommandPath())
		if cmd.HasSubCommands() && row == "" {
			continue // it only groups others
		}
		if row == "" {
			t.Errorf("%s is missing", cmd.CommandPath())
		}
		cmd.LocalNonPersistentFlags().VisitAll(func(flag *pflag.Flag) {
			if !strings.Contains(row, "--"+flag.Name) {
				t.Errorf("%s: --%s is missing", cmd.CommandPath(), flag.Name)
			}
		})
		for _, flag := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(row, -1) {
			if cmd.Flag(flag[1]) == nil {
				t.Errorf("%s has no --%s", cmd.CommandPath(), flag[1])
			}
		}
	}
	for name := range rows {
		t.Errorf("there is no command %s", name)
	}
}

// TestCommandLinesInDocumentsAreUnderstood looks at what stands in blocks of
// shell, without running it.
func TestCommandLinesInDocumentsAreUnderstood(t *testing.T) {
	seen := 0
	for path, blocks := range blocksOf(t, "sh") {
		for _, block := range blocks {
			for line := range strings.Lines(block) {
				line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
				args, ours := strings.CutPrefix(line, "engagement ")
				if !ours {
					continue
				}
				seen++
				cmd, rest, err := (&app{}).rootCommand().Find(strings.Fields(args))
				if err == nil {
					err = cmd.ParseFlags(rest)
				}
				if err == nil && cmd.Args != nil {
					err = cmd.Args(cmd, cmd.Flags().Args())
				}
				if err != nil {
					t.Errorf("%s: %s: %v", path, line, err)
				}
			}
		}
	}
	if seen < 5 {
		t.Errorf("found only %d command lines", seen)
	}
}

func TestMetricsInDocumentsCanBeDefined(t *testing.T) {
	defined := 0
	for _, format := range []string{"yaml", "json"} {
		for _, block := range blocksOf(t, format)["metrics.md"] {
			file := filepath.Join(t.TempDir(), "metric")
			if err := os.WriteFile(file, []byte(block), 0o600); err != nil {
				t.Fatal(err)
			}
			mustRun(t, "metric", "define", file, "--db", sampleDB(t))
			defined++
		}
	}
	if defined < 4 {
		t.Errorf("found only %d definitions", defined)
	}
}

// blocksOf returns the blocks of a language in each document.
func blocksOf(t *testing.T, language string) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(docs + "*.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?ms)^```" + language + "\n(.*?)^```")
	found := map[string][]string{}
	for _, file := range files {
		for _, match := range block.FindAllStringSubmatch(readText(t, file), -1) {
			found[filepath.Base(file)] = append(found[filepath.Base(file)], match[1])
		}
	}
	return found
}
