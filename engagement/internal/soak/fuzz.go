package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// fuzzTime is how long a target is fuzzed in one case.
const fuzzTime = "5s"

// fuzzTarget is a fuzz test and its package, as go test names them.
type fuzzTarget struct{ folder, name string }

var fuzzFunction = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// fuzzTargets returns all of the repository.
func (s *soak) fuzzTargets() (targets []fuzzTarget, err error) {
	err = filepath.WalkDir(filepath.Join(s.root, "engagement"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, match := range fuzzFunction.FindAllSubmatch(source, -1) {
			targets = append(targets, fuzzTarget{filepath.Dir(path), string(match[1])})
		}
		return err
	})
	return targets, err
}

// fuzz fuzzes one of the targets for a while. What makes it fail is not decided
// by a seed: go keeps it in testdata and says how to run it again.
func fuzz(ctx context.Context, a *attack) error {
	targets, err := a.fuzzTargets()
	if err != nil {
		return err
	}
	target := targets[a.IntN(len(targets))]
	cmd := exec.CommandContext(ctx, "go", "test", "-run=^$", "-fuzz=^"+target.name+"$", "-fuzztime="+fuzzTime,
		fmt.Sprint("-parallel=", runtime.GOMAXPROCS(0)), ".")
	cmd.Dir = target.folder
	cmd.Env = append(os.Environ(), "ENGAGEMENT_TEST_POSTGRES=postgres://unused") // it needs none
	out, err := cmd.CombinedOutput()
	if inputs := fuzzedInputs.FindAllSubmatch(out, -1); len(inputs) > 0 {
		n, _ := strconv.Atoi(string(inputs[len(inputs)-1][1]))
		a.count += n
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", target.name, err, tail(string(out), 4000))
	}
	return nil
}

var fuzzedInputs = regexp.MustCompile(`execs: (\d+)`)
