package engagement_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// The environment of a child process that copies or backs up: from where, and to
// where or into which folder.
const (
	copyFrom   = "ENGAGEMENT_TEST_COPY_FROM"
	copyInto   = "ENGAGEMENT_TEST_COPY_TO"
	backupInto = "ENGAGEMENT_TEST_BACKUP_TO"
)

// A test binary that is started with such an environment does that and does not
// test.
func init() {
	var err error
	switch from := os.Getenv(copyFrom); {
	case from == "":
		return
	case os.Getenv(copyInto) != "":
		err = copyAsChild(from, os.Getenv(copyInto))
	default:
		err = backUpAsChild(from, os.Getenv(backupInto))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// copyAsChild copies, prints every report of its progress and, in the end, how
// many rows there are and were written by it.
func copyAsChild(from, to string) error {
	db, err := engagement.Open(context.Background(), from)
	if err != nil {
		return err
	}
	ctx := engagement.ContextWithProgress(context.Background(), func(done, total int64) {
		fmt.Println("progress", done, total)
		time.Sleep(5 * time.Millisecond) // a fast machine would be done before it is killed
	})
	report, err := db.CopyTo(ctx, to)
	fmt.Println("ended", report.Rows, report.Written)
	return errors.Join(err, db.Close())
}

// backUpAsChild makes one backup after another and prints the name of each.
func backUpAsChild(from, folder string) error {
	db, err := engagement.Open(context.Background(), from)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		path := filepath.Join(folder, fmt.Sprintf("%d-%d.db", os.Getpid(), i))
		if err := db.Backup(context.Background(), path); err != nil {
			return err
		}
		fmt.Println(path)
	}
}

// killable starts a child with that environment. Each of its lines is shown to
// look until that returns false; then, or after a delay that is not 0, the child
// is killed. It reports whether the child ended by itself.
func killable(t *testing.T, env []string, delay time.Duration, look func(line string) bool) (ended bool) {
	t.Helper()
	cmd := exec.Command(must(os.Executable())(t))
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out := must(cmd.StdoutPipe())(t)
	noError(t, cmd.Start())
	kill := func() { _ = cmd.Process.Kill() }
	if delay > 0 {
		defer time.AfterFunc(delay, kill).Stop()
	}
	looking := true
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if looking && !look(lines.Text()) {
			looking = false
			defer time.AfterFunc(time.Duration(rand.IntN(10_000))*time.Microsecond, kill).Stop()
		}
	}
	err := cmd.Wait()
	if stderr.Len() > 0 {
		t.Fatalf("the child failed (%v): %s", err, stderr.String())
	}
	return err == nil
}

// A copy is killed while its target is made, after every few chunks, while it
// compares and while it verifies. Each try must go on where the last one was.
func TestACopyComesToItsEndHoweverOftenItIsKilled(t *testing.T) {
	forEachDirection(t, func(t *testing.T, from, to engine) {
		source, target := from.migrated(t), to.fresh(t)
		var fires []engagement.Fire
		for n := range 8_000 {
			fires = append(fires, engagement.Fire{
				UserID: int64(n%701) + 1, SignalID: fmt.Sprintf("S_%05d", n%4_003), At: noon.Add(-time.Duration(n%997) * time.Hour),
			})
		}
		db := openAt(t, source, newClock(noon).option())
		must(db.RecordFires(context.Background(), fires))(t)
		noError(t, db.Close())
		env := []string{copyFrom + "=" + source, copyInto + "=" + target}

		for range 6 { // before it has begun to copy, most likely
			killable(t, env, time.Duration(20+rand.IntN(80))*time.Millisecond, func(string) bool { return true })
		}
		late := []int{1, 8, 30} // reports once all is copied, after which it is killed
		tries, lateKills, reached, furthest, rows, written := 0, 0, int64(0), int64(0), int64(0), int64(-1)
		for ; written < 0; tries++ {
			if tries > 60 {
				t.Fatalf("no end in %d tries", tries)
			}
			reports, lateReports, wanted := 0, 0, 1+rand.IntN(3)
			killable(t, env, 0, func(line string) bool {
				var done, total int64
				if _, err := fmt.Sscanf(line, "ended %d %d", &rows, &written); err == nil {
					return true
				}
				must(fmt.Sscanf(line, "progress %d %d", &done, &total))(t)
				furthest = max(furthest, done)
				if reports++; reports == 1 && done < reached {
					t.Errorf("try %d goes on at row %d, not behind row %d", tries, done, reached)
				}
				if done < total/2 && lateReports == 0 {
					reached = max(reached, done)
					return reports < wanted
				}
				if lateReports++; lateKills < len(late) && lateReports >= late[lateKills] {
					lateKills++
					return false
				}
				return true
			})
			if written < 0 {
				_, err := engagement.Open(context.Background(), target)
				if !errors.Is(err, engagement.ErrSchema) || !strings.Contains(err.Error(), "unfinished copy") {
					t.Fatalf("Open of the unfinished copy: %v", err)
				}
			}
		}
		if furthest != 2*rows {
			t.Errorf("%d rows were copied and compared, want %d twice", furthest, rows)
		}
		if tries < len(late)+3 {
			t.Errorf("it took %d tries only", tries)
		}
		same(t, "all rows", dump(t, target), dump(t, source))
		proven(t, openAt(t, target))
	})
}

func TestKilledBackupsLeaveNothingForLong(t *testing.T) {
	t.Parallel()
	source, folder := engines[0].migrated(t), filepath.Dir(freshFile(t))
	db := openAt(t, source)
	var fires []engagement.Fire
	for n := range 2_000 {
		fires = append(fires, engagement.Fire{UserID: int64(n%101) + 1, SignalID: fmt.Sprint("S_", n)})
	}
	must(db.RecordFires(context.Background(), fires))(t)

	env := []string{copyFrom + "=" + source, backupInto + "=" + folder}
	killed := func() {
		killable(t, env, 0, func(string) bool { return false }) // when it makes its second
	}
	left := 0
	for tries := 0; left == 0; tries++ {
		if tries > 50 {
			t.Fatal("no kill has left anything")
		}
		killed()
		left = len(must(filepath.Glob(filepath.Join(folder, ".*")))(t))
	}

	// Another makes backups there meanwhile, and sweeps what is left: nothing of one
	// that is being made.
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := db.Backup(context.Background(), filepath.Join(folder, fmt.Sprintf("other-%d.db", i))); err != nil {
				t.Errorf("a backup beside one that is killed: %v", err)
				return
			}
		}
	}()
	for range 5 {
		killed()
	}
	close(stop)
	<-stopped
	noError(t, db.Backup(context.Background(), filepath.Join(folder, "last.db")))
	for _, entry := range must(os.ReadDir(folder))(t) {
		if !strings.HasSuffix(entry.Name(), ".db") {
			t.Errorf("%s is left", entry.Name())
			continue
		}
		same(t, "fires of "+entry.Name(), proven(t, openAt(t, filepath.Join(folder, entry.Name()))).Fires, int64(len(fires)))
	}
}
