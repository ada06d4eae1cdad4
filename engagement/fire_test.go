package engagement_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestRecordFire(t *testing.T) {
	minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	type step struct {
		fire engagement.Fire
		want engagement.Status
	}
	for _, tt := range []struct {
		name  string
		steps []step
		want  []engagement.SignalFire
	}{
		{
			"the first fire of a signal is recorded",
			[]step{{engagement.Fire{UserID: 1, SignalID: "A", At: minute(-1)}, engagement.Recorded}},
			[]engagement.SignalFire{{UserID: 1, SignalID: "A", Timestamp: minute(-1)}},
		},
		{
			"without a time it is of now",
			[]step{{engagement.Fire{UserID: 1, SignalID: "A", Executed: true}, engagement.Recorded}},
			[]engagement.SignalFire{{UserID: 1, SignalID: "A", Timestamp: noon, Executed: true}},
		},
		{
			"the same again changes nothing and the first time stays",
			[]step{
				{engagement.Fire{UserID: 1, SignalID: "A", At: minute(-5)}, engagement.Recorded},
				{engagement.Fire{UserID: 1, SignalID: "A", At: minute(-9)}, engagement.Duplicate},
				{engagement.Fire{UserID: 1, SignalID: "A"}, engagement.Duplicate},
			},
			[]engagement.SignalFire{{UserID: 1, SignalID: "A", Timestamp: minute(-5)}},
		},
		{
			"a fire that executes later is marked once and keeps its time",
			[]step{
				{engagement.Fire{UserID: 1, SignalID: "A", At: minute(-5)}, engagement.Recorded},
				{engagement.Fire{UserID: 1, SignalID: "A", At: minute(-1), Executed: true}, engagement.MarkedExecuted},
				{engagement.Fire{UserID: 1, SignalID: "A", At: minute(-1), Executed: true}, engagement.Duplicate},
			},
			[]engagement.SignalFire{{UserID: 1, SignalID: "A", Timestamp: minute(-5), Executed: true}},
		},
		{
			"a late retry takes no execution back",
			[]step{
				{engagement.Fire{UserID: 1, SignalID: "A", At: minute(-5), Executed: true}, engagement.Recorded},
				{engagement.Fire{UserID: 1, SignalID: "A", At: minute(-5)}, engagement.Duplicate},
			},
			[]engagement.SignalFire{{UserID: 1, SignalID: "A", Timestamp: minute(-5), Executed: true}},
		},
		{
			"times are kept to the microsecond, in UTC",
			[]step{{engagement.Fire{UserID: 1, SignalID: "A", At: time.Date(2026, 1, 14, 6, 0, 0, 123_456_789, time.FixedZone("", -3600))}, engagement.Recorded}},
			[]engagement.SignalFire{{UserID: 1, SignalID: "A", Timestamp: time.Date(2026, 1, 14, 7, 0, 0, 123_456_000, time.UTC)}},
		},
		{
			"fires that come out of order are listed newest first",
			[]step{
				{engagement.Fire{UserID: 1, SignalID: "B", At: minute(-2)}, engagement.Recorded},
				{engagement.Fire{UserID: 1, SignalID: "C", At: minute(-1)}, engagement.Recorded},
				{engagement.Fire{UserID: 1, SignalID: "A", At: minute(-3)}, engagement.Recorded},
			},
			[]engagement.SignalFire{
				{UserID: 1, SignalID: "C", Timestamp: minute(-1)},
				{UserID: 1, SignalID: "B", Timestamp: minute(-2)},
				{UserID: 1, SignalID: "A", Timestamp: minute(-3)},
			},
		},
		{
			"signals that differ in case only are different",
			[]step{
				{engagement.Fire{UserID: 1, SignalID: "a", At: minute(-2)}, engagement.Recorded},
				{engagement.Fire{UserID: 1, SignalID: "A", At: minute(-1)}, engagement.Recorded},
			},
			[]engagement.SignalFire{
				{UserID: 1, SignalID: "A", Timestamp: minute(-1)},
				{UserID: 1, SignalID: "a", Timestamp: minute(-2)},
			},
		},
		{
			"a clock ahead of ours by a day is believed",
			[]step{{engagement.Fire{UserID: 1, SignalID: "A", At: noon.Add(24 * time.Hour)}, engagement.Recorded}},
			[]engagement.SignalFire{{UserID: 1, SignalID: "A", Timestamp: noon.Add(24 * time.Hour)}},
		},
		{
			"the second day of 1970 is the first that counts",
			[]step{{engagement.Fire{UserID: 1, SignalID: "A", At: time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC)}, engagement.Recorded}},
			[]engagement.SignalFire{{UserID: 1, SignalID: "A", Timestamp: time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC)}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				db := open(newClock(noon).option())
				for _, step := range tt.steps {
					same(t, fmt.Sprintf("RecordFire(%+v)", step.fire), fire(t, db, step.fire), step.want)
				}
				same(t, "UserFires", must(db.Fires(context.Background(), engagement.FireFilter{UserID: 1}, anyPage))(t).Items, tt.want, withoutIDs)
				proven(t, db)
			})
		})
	}
}

func TestAFireMovesEveryCounterItTouches(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		db := open(clock.option())
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "A", At: noon.Add(-time.Hour)})
		fire(t, db, engagement.Fire{UserID: 2, SignalID: "A", Executed: true})
		clock.Advance(time.Minute)
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "A", Executed: true})
		clock.Advance(time.Minute)
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "A", Executed: true})

		// That a fire has executed is no activity of its user.
		same(t, "UserStats of the first", must(db.UserStats(ctx, 1))(t), engagement.UserStats{UserID: 1, TotalFires: 1, Executed: 1, LastUpdated: noon})
		same(t, "UserStats of the second", must(db.UserStats(ctx, 2))(t), engagement.UserStats{UserID: 2, TotalFires: 1, Executed: 1, LastUpdated: noon})
		same(t, "SignalMetrics", must(db.SignalMetrics(ctx, "A"))(t),
			engagement.SignalMetrics{SignalID: "A", TotalFires: 2, ActiveUsers: 2, CreatedAt: noon.Add(-time.Hour)})
		signal := "A"
		same(t, "RealTimeStats", must(db.RealTimeStats(ctx))(t), engagement.RealTimeStats{
			TotalFiresToday: 2, ExecutedFiresToday: 2, ActiveUsersToday: 2,
			MostFiredSignal: engagement.SignalCount{SignalID: &signal, FireCount: 2},
			AvgFiresPerUser: 1, ExecutionRate: 1, Day: db.Today(), Timestamp: clock.Now(),
		})
		proven(t, db)
	})
}

func TestRecordFiresStoresAllOrNone(t *testing.T) {
	good := engagement.Fire{UserID: 1, SignalID: "A"}
	for _, tt := range []struct {
		name string
		bad  engagement.Fire
		want string
	}{
		{"a bad user", engagement.Fire{SignalID: "A"}, "number 2 of 3: invalid user id 0"},
		{"a bad signal", engagement.Fire{UserID: 1, SignalID: "a\x00b"}, `number 2 of 3: invalid signal id "a\x00b"`},
		{"a bad time", engagement.Fire{UserID: 1, SignalID: "B", At: noon.Add(25 * time.Hour)}, `number 2 of 3: invalid timestamp "2026-01-15T13:00:00Z"`},
	} {
		t.Run("one with "+tt.name+" refuses the whole batch and is named", func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				db := open(newClock(noon).option())
				unchanged(t, db, func() {
					_, err := db.RecordFires(context.Background(), []engagement.Fire{good, tt.bad, good})
					wantError(t, err, engagement.ErrInvalid)
					contains(t, err, tt.want)
				})
			})
		})
	}
	t.Run("the same fire twice in a batch is recorded once", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			executed := good
			executed.Executed = true
			results := must(db.RecordFires(context.Background(), []engagement.Fire{good, good, executed, executed}))(t)
			same(t, "RecordFires", results, []engagement.FireReceipt{
				{Status: engagement.Recorded}, {Status: engagement.Duplicate},
				{Status: engagement.MarkedExecuted}, {Status: engagement.Duplicate},
			})
			same(t, "fires", proven(t, db).Fires, int64(1))
		})
	})
	t.Run("an empty batch is nothing to do", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open()
			same(t, "RecordFires", must(db.RecordFires(context.Background(), nil))(t), []engagement.FireReceipt{})
		})
	})
	t.Run("a batch of many users, signals and days counts as they would one by one", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			var fires []engagement.Fire
			for i := range 5_000 {
				fires = append(fires, engagement.Fire{
					UserID: int64(i%37) + 1, SignalID: fmt.Sprint("S_", i/37), At: noon.Add(-time.Duration(i) * time.Hour), Executed: i%3 == 0,
				})
			}
			again := fires[:10]
			for i, result := range must(db.RecordFires(context.Background(), append(fires, again...)))(t) {
				want := engagement.Recorded
				if i >= 5_000 {
					want = engagement.Duplicate
				}
				if result.Status != want {
					t.Fatalf("number %d: %s, want %s", i, result.Status, want)
				}
			}
			same(t, "fires", proven(t, db).Fires, int64(5_000))
		})
	})
}

func TestAFireOfACleanedUpDayIsRefused(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		fireOn(t, db, 1, noon.Add(-72*time.Hour), noon)
		must(db.Cleanup(ctx, 2))(t)
		unchanged(t, db, func() {
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "late", At: noon.Add(-60*time.Hour - time.Second)})
			wantError(t, err, engagement.ErrInvalid)
			contains(t, err, `timestamp "2026-01-11T23:59:59Z"`, "2026-01-12 have been cleaned up")
		})
	})
}

func TestFirePages(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		for i := range 7 { // several at the same time, so that pages end inside a tie
			at := noon.Add(-time.Duration(i/3) * time.Minute)
			fire(t, db, engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S", i), At: at})
			fire(t, db, engagement.Fire{UserID: int64(i + 10), SignalID: "same", At: at})
		}
		all := must(db.Fires(ctx, engagement.FireFilter{UserID: 1}, anyPage))(t).Items
		signal := must(db.Fires(ctx, engagement.FireFilter{SignalID: "same"}, anyPage))(t).Items
		same(t, "number of fires", []int{len(all), len(signal)}, []int{7, 7})
		for limit := 1; limit <= 8; limit++ {
			same(t, "a user's fires in pages", inPages(t, limit, listFires(db.Reader, engagement.FireFilter{UserID: 1})), all)
			same(t, "a signal's fires in pages", inPages(t, limit, listFires(db.Reader, engagement.FireFilter{SignalID: "same"})), signal)
		}
		first := must(db.Fires(ctx, engagement.FireFilter{UserID: 1}, engagement.PageQuery{Limit: 2}))(t)
		fireOn(t, db, 1, noon.Add(time.Minute)) // a newer one does not shift the pages behind it
		second := must(db.Fires(ctx, engagement.FireFilter{UserID: 1}, engagement.PageQuery{Limit: 2, After: first.Next}))(t)
		same(t, "the second page", second.Items, all[2:4])
	})
}

func TestConcurrentFires(t *testing.T) {
	const workers, keys = 50, 40
	record := func(t *testing.T, pick func(worker int) *engagement.DB) map[string]int {
		t.Helper()
		var mu sync.Mutex
		recorded := map[string]int{}
		var wg sync.WaitGroup
		for worker := range workers {
			wg.Go(func() {
				for i := range keys {
					key := (i*7 + worker) % keys
					f := engagement.Fire{UserID: int64(key%5) + 1, SignalID: fmt.Sprint("S_", key), Executed: worker%2 == 0}
					result, err := pick(worker).RecordFire(context.Background(), f)
					if err != nil {
						t.Errorf("RecordFire(%+v): %v", f, err)
						return
					}
					if result.Status == engagement.Recorded {
						mu.Lock()
						recorded[f.SignalID]++
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		return recorded
	}
	once := map[string]int{}
	for key := range keys {
		once[fmt.Sprint("S_", key)] = 1
	}
	t.Run("each key of many goroutines is recorded exactly once", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open()
			same(t, "times each key was recorded", record(t, func(int) *engagement.DB { return db }), once)
			same(t, "fires", proven(t, db).Fires, int64(keys))
			same(t, "executed", must(db.RealTimeStats(context.Background()))(t).ExecutedFiresToday, int64(keys))
		})
	})
	t.Run("two openings of one database may write at once", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			dbs := []*engagement.DB{open(), open()}
			same(t, "times each key was recorded", record(t, func(worker int) *engagement.DB { return dbs[worker%2] }), once)
			same(t, "fires", proven(t, dbs[0]).Fires, int64(keys))
		})
	})
}

// contains fails the test unless err's text holds each part.
func contains(t tb, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// A batch means its facts in their order: each is told what it would be told alone.
func TestABatchAwardsWhatItsFiresAwardOneByOne(t *testing.T) {
	for _, tt := range []struct {
		name       string
		milestones []int64
		days       []int
		want       [][]int64 // milestones that each fire is told of
	}{
		{"the fire that closes the gap reaches the milestone", []int64{3}, []int{-3, -1, -2}, [][]int64{nil, nil, {3}}},
		{"two runs that one fire joins", []int64{2}, []int{-10, -9, -7, -6, -8}, [][]int64{nil, {2}, nil, {2}, nil}},
		{"backwards", []int64{1, 2, 3}, []int{-1, -2, -3}, [][]int64{{1}, {2}, {3}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, db := context.Background(), open(newClock(noon).option())
				rules := engagement.DefaultStreakRules()
				rules.Milestones = tt.milestones
				noError(t, db.SetStreakRules(ctx, rules))
				var batch []engagement.Fire
				for i, ago := range tt.days {
					at := noon.AddDate(0, 0, ago)
					batch = append(batch, engagement.Fire{UserID: 1, SignalID: fmt.Sprint(i), At: at})
					single := must(db.RecordFire(ctx, engagement.Fire{UserID: 2, SignalID: fmt.Sprint(i), At: at}))(t)
					same(t, fmt.Sprintf("what fire %d is told alone", i), single.Milestones, tt.want[i])
				}
				for i, receipt := range must(db.RecordFires(ctx, batch))(t) {
					same(t, fmt.Sprintf("what fire %d of the batch is told", i), receipt.Milestones, tt.want[i])
				}
				same(t, "awards", must(db.Awards(ctx, 1))(t), must(db.Awards(ctx, 2))(t))
				same(t, "streak", must(db.Streak(ctx, 1))(t).Longest, must(db.Streak(ctx, 2))(t).Longest)
				proven(t, db)
			})
		})
	}
}
