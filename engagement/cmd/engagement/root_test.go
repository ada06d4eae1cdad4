package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	for _, cmd := range allCommands((&app{}).rootCommand()) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			help := mustRun(t, append(strings.Fields(cmd.CommandPath())[1:], "--help")...)
			for _, want := range []string{cmd.Long, "Examples:", cmd.CommandPath()} {
				if cmd.Long == "" || !strings.Contains(help, want) {
					t.Errorf("%q is missing in:\n%s", want, help)
				}
			}
			for line := range strings.Lines(cmd.Long + "\n" + cmd.Example) {
				if len(line) > 90 {
					t.Errorf("line of %d characters: %s", len(line), line)
				}
			}
		})
	}
}

// allCommands returns the commands below cmd and those below them.
func allCommands(cmd *cobra.Command) (commands []*cobra.Command) {
	for _, below := range cmd.Commands() {
		commands = append(append(commands, below), allCommands(below)...)
	}
	return commands
}

func TestWithoutACommandThereIsHelp(t *testing.T) {
	if got := mustRun(t); !strings.Contains(got, "Begin:\n  demo ") {
		t.Errorf("got %s", got)
	}
}

func TestHelpListsEveryCommandUnderATitle(t *testing.T) {
	own := strings.Split(mustRun(t), "Additional Commands:\n")
	if len(own) != 2 {
		t.Fatalf("the commands of cobra are not listed by themselves: %q", own)
	}
	listed := regexp.MustCompile(`(?m)^  (\w+) `).FindAllStringSubmatch(own[1], -1)
	var names []string
	for _, match := range listed {
		names = append(names, match[1])
	}
	checkText(t, strings.Join(names, " "), "completion help")
}

func TestShellsGetCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := mustRun(t, "completion", shell); !strings.Contains(got, "engagement") {
			t.Errorf("%s: got %q", shell, got)
		}
	}
}

func TestCompletionOffersWhatACommandTakes(t *testing.T) {
	for _, tt := range []struct {
		name, line, want string
	}{
		{"leaderboards", "leaderboard ", "total_fires win_rate pnl executed longest_streak current_streak"},
		{"leaderboards by their beginning", "leaderboard w", "win_rate"},
		{"outcomes of a trade", "trade 1 t 1 --outcome ", "win loss draw"},
		{"outcomes of listed trades", "trades --outcome ", "win loss draw"},
		{"windows of listed fires", "fires --window ", "all today week month 7d 30d"},
		{"nothing for a cursor", "users --after ", ""},
		{"no files for a user id", "user ", ""},
		{"figures of a signal", "explain signal EURUSD_LONG_001 ", "total_fires executed"},
		{"no files for what is explained", "explain user ", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := run(t, append([]string{"__complete"}, strings.Split(tt.line, " ")...)...)
			lines := strings.Fields(r.out)
			if len(lines) == 0 || lines[len(lines)-1] != ":4" { // no files
				t.Fatalf("got %+v", r)
			}
			checkText(t, strings.Join(lines[:len(lines)-1], " "), tt.want)
		})
	}
}

func TestNegativeNumbersAreArguments(t *testing.T) {
	for _, tt := range []struct {
		name, line, want string
	}{
		{"at the end", "trade 5 t1 -12.5", "trade -- 5 t1 -12.5"},
		{"before a flag", "trade 5 t1 -12.5 --signal X", "trade --signal X -- 5 t1 -12.5"},
		{"between flags", "trade --json 5 t1 -.5 --signal=X", "trade --json --signal=X -- 5 t1 -.5"},
		{"behind two dashes", "trade 5 t1 --signal X -- -1", "trade --signal X -- 5 t1 -1"},
		{"as the first argument", "--db a.db user -5", "user --db a.db -- -5"},
		{"as the value of a flag", "signal X --limit -1", "signal --limit -1 -- X"},
		{"not at all", "trade 5 t1 12.5 --signal X", "trade 5 t1 12.5 --signal X"},
		{"of no command", "-5", "-5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := (&app{}).rootCommand()
			got := numbersAsArguments(root, strings.Fields(tt.line))
			checkText(t, strings.Join(got, " "), tt.want)
		})
	}
}
