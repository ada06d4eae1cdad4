package engagementtest_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/engagementtest"
)

// A test of code that records and reads fires.
func TestAFireIsCountedOnTheDayOfItsTime(t *testing.T) {
	now := time.Date(2026, time.January, 14, 23, 59, 0, 0, time.UTC)
	db := engagementtest.Open(t, engagement.WithClock(func() time.Time { return now }))

	for range 2 { // any call may be repeated
		if _, err := db.RecordFire(t.Context(), engagement.Fire{UserID: 12345, SignalID: "EURUSD_LONG_001"}); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(2 * time.Minute) // the next day
	if _, err := db.RecordFire(t.Context(), engagement.Fire{UserID: 12345, SignalID: "EURUSD_LONG_002"}); err != nil {
		t.Fatal(err)
	}

	user, err := db.UserSummary(t.Context(), 12345)
	if err != nil {
		t.Fatal(err)
	}
	if user.TotalFires != 2 || user.CurrentStreak != 2 {
		t.Errorf("%d fires and a streak of %d days, want 2 and 2", user.TotalFires, user.CurrentStreak)
	}
}

func TestEachDatabaseIsEmptyAndClosedWithItsTest(t *testing.T) {
	var opened []*engagement.DB
	for i := range 2 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			db := engagementtest.Open(t)
			if _, err := db.UserStats(t.Context(), 1); !errors.Is(err, engagement.ErrNotFound) {
				t.Errorf("before the first fire: %v, want ErrNotFound", err)
			}
			if _, err := db.RecordFire(t.Context(), engagement.Fire{UserID: 1, SignalID: "A"}); err != nil {
				t.Error(err)
			}
			opened = append(opened, db)
		})
	}
	for i, db := range opened {
		if _, err := db.UserStats(t.Context(), 1); !errors.Is(err, engagement.ErrClosed) {
			t.Errorf("database %d after its test: %v, want ErrClosed", i, err)
		}
	}
}

// failing is a test that keeps why it failed.
type failing struct {
	testing.TB
	why string
}

func (f *failing) Fatalf(format string, args ...any) {
	f.why = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestADatabaseThatCannotBeOpenedFailsTheTest(t *testing.T) {
	f, done := &failing{TB: t}, make(chan struct{})
	go func() {
		defer close(done)
		engagementtest.Open(f, engagement.WithoutMigrate()) // there is nothing to open yet
	}()
	<-done
	if !strings.Contains(f.why, "schema") {
		t.Errorf("the test failed with %q", f.why)
	}
}
