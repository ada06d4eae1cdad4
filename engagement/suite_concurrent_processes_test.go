package engagement_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

// The environment of a child process that fires: the database, and which of the
// processes it is.
const (
	childDSN  = "ENGAGEMENT_TEST_CHILD_DSN"
	childName = "ENGAGEMENT_TEST_CHILD_NAME"
)

// A test binary that is started with a child's environment fires and does not
// test.
func init() {
	if os.Getenv(childDSN) == "" {
		return
	}
	if err := fireHotAsChild(os.Getenv(childDSN), os.Getenv(childName)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

const (
	hotSignal    = "EURUSD_LONG_1"
	hotProcesses = 4
	hotCallers   = 64
	hotUsers     = 640
)

// fireHotAsChild lets many callers fire the same signal at once, for users that
// every process has, and prints how many fires had which status. A fire is
// executed in one half of the processes.
func fireHotAsChild(dsn, name string) error {
	process, err := strconv.Atoi(name)
	if err != nil {
		return err
	}
	ctx := context.Background()
	db, err := engagement.Open(ctx, dsn)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var failed error
	statuses := map[string]int{}
	var callers sync.WaitGroup
	for caller := range hotCallers {
		callers.Go(func() {
			for i := caller; i < hotUsers; i += hotCallers {
				user := (i*7+process*101)%hotUsers + 1 // every process in an order of its own
				result, err := db.RecordFire(ctx, engagement.Fire{
					UserID: int64(user), SignalID: hotSignal, Executed: (user+process)%2 == 0,
				})
				mu.Lock()
				if err != nil {
					failed = err
				}
				statuses[result.Status.String()]++
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	if failed != nil {
		return failed
	}
	if err := json.NewEncoder(os.Stdout).Encode(statuses); err != nil {
		return err
	}
	return db.Close()
}

func TestHotSignal(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(fmt.Sprintf("%d processes with %d callers each fire it on %s", hotProcesses, hotCallers, e.name), func(t *testing.T) {
			t.Parallel()
			dsn := e.migrated(t)
			statuses := make([]map[string]int, hotProcesses)
			var wg sync.WaitGroup
			for p := range hotProcesses {
				cmd := exec.Command(must(os.Executable())(t))
				cmd.Env = append(os.Environ(), childDSN+"="+dsn, childName+"="+strconv.Itoa(p))
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				wg.Go(func() {
					out, err := cmd.Output()
					if err != nil {
						t.Errorf("process %d: %v: %s", p, err, stderr.String())
						return
					}
					if err := json.Unmarshal(out, &statuses[p]); err != nil {
						t.Errorf("process %d said %q", p, out)
					}
				})
			}
			wg.Wait()
			sum := map[string]int{}
			for _, of := range statuses {
				for status, n := range of {
					sum[status] += n
				}
			}
			same(t, "calls that were answered", sum["recorded"]+sum["marked_executed"]+sum["duplicate"], hotProcesses*hotUsers)
			same(t, "calls that recorded a fire", sum["recorded"], hotUsers)
			db := openAt(t, dsn)
			proven(t, db)
			same(t, "fires counted", must(db.SignalMetrics(t.Context(), hotSignal))(t).TotalFires, int64(hotUsers))
			fires := must(db.Fires(t.Context(), engagement.FireFilter{SignalID: hotSignal}, engagement.PageQuery{Limit: engagement.MaxLimit}))(t).Items
			same(t, "fires stored", len(fires), hotUsers)
			for _, f := range fires {
				if !f.Executed {
					t.Errorf("the fire of user %d is not executed", f.UserID)
				}
			}
		})
	}
}
