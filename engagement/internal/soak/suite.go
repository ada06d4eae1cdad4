package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// calls lets the suite's random histories run against its models.
func calls(ctx context.Context, a *attack) error {
	out, err := a.runSuite(ctx, "^TestAny", "-rapid.checks=10", fmt.Sprint("-rapid.seed=", max(1, a.seed)))
	for _, match := range callsMade.FindAllSubmatch(out, -1) {
		n, _ := strconv.Atoi(string(match[1]))
		a.count += n
	}
	return err
}

// callsMade matches how the suite says how many calls its histories made.
var callsMade = regexp.MustCompile(`(\d+) calls`)

// concurrentTests lets the suite's tests of what is concurrent run, whose
// interleaving is another each time.
func concurrentTests(ctx context.Context, a *attack) error {
	a.count++
	_, err := a.runSuite(ctx, "Concurrent|While|Waits|Waiting|Callers|AtOnce|Load|Hot|Standby|Restart|Busy|Answer")
	return err
}

func (a *attack) runSuite(ctx context.Context, tests string, more ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(a.soak.dir, "suite.test"),
		append([]string{"-test.v", "-test.timeout=20m", "-test.run=" + tests}, more...)...)
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

var failing = regexp.MustCompile(`--- FAIL|^panic:|^fatal error:|^WARNING: DATA RACE`)
