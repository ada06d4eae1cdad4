package engagement_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// The environment of a child process that writes: the database, who it is, and
// how many fires each of its callers records (0: until it is killed).
const (
	childDSN   = "ENGAGEMENT_TEST_CHILD_DSN"
	childName  = "ENGAGEMENT_TEST_CHILD_NAME"
	childFires = "ENGAGEMENT_TEST_CHILD_FIRES"
)

const childCallers = 16

// A test binary that is started with a child's environment writes and does not
// test.
func init() {
	if os.Getenv(childDSN) == "" {
		return
	}
	write := writeAsChild
	if os.Getenv(childHot) != "" {
		write = fireHotAsChild
	}
	if err := write(os.Getenv(childDSN), os.Getenv(childName)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// childHot makes a child call fireHotAsChild; see TestHotSignal.
const childHot = "ENGAGEMENT_TEST_CHILD_HOT"

// writeAsChild records fires and prints the signal of each once it is
// acknowledged.
func writeAsChild(dsn, name string) error {
	limit, err := strconv.Atoi(os.Getenv(childFires))
	if err != nil {
		return err
	}
	ctx := context.Background()
	db, err := engagement.Open(ctx, dsn)
	if err != nil {
		return err
	}
	errs := make(chan error, childCallers)
	for caller := range childCallers {
		go func() {
			for i := 0; limit == 0 || i < limit; i++ {
				signal := fmt.Sprintf("%s_%d_%d", name, caller, i)
				_, err := db.RecordFire(ctx, engagement.Fire{UserID: int64(i%50) + 1, SignalID: signal, Executed: i%2 == 0})
				if err != nil {
					errs <- fmt.Errorf("fire %s: %w", signal, err)
					return
				}
				// One write a line, so that a kill cannot tear it.
				if _, err := os.Stdout.WriteString(signal + "\n"); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range childCallers {
		if err := <-errs; err != nil {
			return err
		}
	}
	return db.Close()
}

func childCommand(t *testing.T, dsn, name string, fires int) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	noError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childDSN+"="+dsn, childName+"="+name, childFires+"="+strconv.Itoa(fires))
	return cmd
}

func TestNoAcknowledgedFireIsLostWhenTheProcessIsKilled(t *testing.T) {
	const kills = 50
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn := e.migrated(t)
			acknowledged := map[string]bool{}
			for run := range kills {
				for signal := range killedRun(t, dsn, fmt.Sprint("K", run)) {
					acknowledged[signal] = true
				}
			}
			if len(acknowledged) < kills {
				t.Fatalf("only %d fires were acknowledged in %d runs", len(acknowledged), kills)
			}
			db := openAt(t, dsn)
			proven(t, db)
			ctx := context.Background()
			lost := 0
			for signal := range acknowledged {
				fires, err := db.Fires(ctx, engagement.FireFilter{SignalID: signal}, anyPage)
				noError(t, err)
				if len(fires.Items) != 1 {
					t.Errorf("the acknowledged fire of %s is there %d times", signal, len(fires.Items))
					lost++
				}
			}
			t.Logf("%d fires acknowledged in %d killed processes, %d not there once", len(acknowledged), kills, lost)
		})
	}
}

// killedRun lets a child write until a random moment after its first
// acknowledgement and returns what it acknowledged.
func killedRun(t *testing.T, dsn, name string) map[string]bool {
	t.Helper()
	cmd := childCommand(t, dsn, name, 0)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	noError(t, err)
	noError(t, cmd.Start())
	acknowledged := map[string]bool{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if len(acknowledged) == 0 {
			time.AfterFunc(time.Duration(rand.IntN(60_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		}
		acknowledged[lines.Text()] = true
	}
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		t.Fatalf("the child ended by itself (%v): %s", err, stderr.String())
	}
	return acknowledged
}

func TestSeveralProcessesWriteToOneDatabaseAtOnce(t *testing.T) {
	const processes, fires = 4, 25
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn := e.fresh(t)
			var wg sync.WaitGroup
			for p := range processes {
				cmd := childCommand(t, dsn, fmt.Sprint("P", p), fires)
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				wg.Go(func() {
					out, err := cmd.Output()
					if err != nil {
						t.Errorf("process %d: %v: %s", p, err, stderr.String())
					}
					if got := strings.Count(string(out), "\n"); got != childCallers*fires {
						t.Errorf("process %d acknowledged %d fires, want %d", p, got, childCallers*fires)
					}
				})
			}
			wg.Wait()
			db := openAt(t, dsn)
			report := proven(t, db)
			same(t, "fires", report.Fires, int64(processes*childCallers*fires))
		})
	}
}
