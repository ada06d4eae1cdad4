package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// Which tests of the suite are campaigns: random histories against its models,
// damage of every column, and what is concurrent, whose interleaving is another
// each time.
const (
	histories   = "^TestAny"
	everyColumn = "DamageOfEveryColumn"
	concurrent  = "Concurrent|While|Waits|Waiting|Callers|AtOnce|Load|Hot|Standby|Restart|Busy"
)

// calls lets random histories run, mostly on a file, where they are faster.
func calls(ctx context.Context, a *attack) error {
	engine, checks, environment := "sqlite", 20, []string{"ENGAGEMENT_TEST_POSTGRES=postgres://unused"}
	if a.server != nil && a.IntN(4) == 0 {
		engine, checks, environment = "postgres", 5, nil
	}
	out, err := a.runSuite(ctx, environment, histories+"/"+engine, fmt.Sprint("-rapid.checks=", checks),
		fmt.Sprint("-rapid.seed=", max(1, a.seed)), "-rapid.nofailfile")
	for _, match := range stepsTaken.FindAllSubmatch(out, -1) {
		n, _ := strconv.Atoi(string(match[1]))
		a.count += n
	}
	return err
}

// stepsTaken matches how the suite says how long its histories were.
var stepsTaken = regexp.MustCompile(`(\d+) random steps`)

// concurrentTests lets the suite's concurrent tests run.
func concurrentTests(ctx context.Context, a *attack) error {
	a.count++
	_, err := a.runSuite(ctx, nil, concurrent)
	return err
}

// columns damages every column of every table in turn, which no seed decides.
func columns(ctx context.Context, a *attack) error {
	a.count++
	_, err := a.runSuite(ctx, nil, everyColumn)
	return err
}

// needColumns has the suite with a test for columns.
func needColumns(ctx context.Context, s *soak) error {
	if err := needSuite(ctx, s); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, filepath.Join(s.dir, "suite.test"), "-test.list="+everyColumn).Output()
	if err == nil && !bytes.Contains(out, []byte("Test")) {
		return fmt.Errorf("%w: the suite has no test called %q", errMissing, everyColumn)
	}
	return err
}

// runSuite runs tests of the suite and returns what they print.
func (a *attack) runSuite(ctx context.Context, environment []string, tests string, more ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(a.soak.dir, "suite.test"),
		append([]string{"-test.v", "-test.timeout=20m", "-test.run=" + tests}, more...)...)
	cmd.Env = append(os.Environ(), environment...)
	cmd.Dir = filepath.Join(a.root, "engagement")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return out, nil
	}
	lines := bytes.SplitAfter(out, []byte("\n"))
	var failed []byte
	for i, line := range lines {
		if failing.Match(line) {
			failed = append(failed, bytes.Join(lines[max(0, i-20):min(len(lines), i+20)], nil)...)
			break
		}
	}
	return out, fmt.Errorf("%w: %s", err, failed)
}

var failing = regexp.MustCompile(`--- FAIL|\[rapid\] (failed|panic|flaky)|^panic:|^fatal error:|^WARNING: DATA RACE`)
