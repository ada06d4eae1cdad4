package engagement_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// Times and days with which sums overflow.
var (
	extremeTimes = []time.Time{
		time.Unix(math.MaxInt64-62135596800+1, 0), time.Unix(math.MaxInt64-62135596800, 0), time.Unix(math.MaxInt64, 0),
		time.Unix(math.MaxInt64, 999_999_999), time.Unix(math.MinInt64, 0), time.Unix(math.MinInt64, 999_999_999),
		time.Unix(math.MinInt64+62135596800, 0), time.Unix(-62135596800-1, 0), time.Unix(0, 0), time.Unix(-1, 0),
		time.Unix(253402300800, 0), time.UnixMicro(math.MaxInt64), time.UnixMicro(math.MinInt64), time.UnixMilli(math.MaxInt64),
	}
	extremeDays = []engagement.Day{
		math.MaxInt64, math.MaxInt64 - 1, math.MinInt64, math.MinInt64 + 1, math.MaxInt64 / 86400, math.MaxInt64/86400 + 1,
		math.MinInt64 / 86400, math.MaxInt32, math.MinInt32, 2_932_897, -719_163,
	}
)

// atOnce ends all tests if fn takes longer than a moment: it would not be over
// when the database is closed.
func atOnce(t testing.TB, what string, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); fn() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		panic(what + " does not return")
	}
}

func TestExtremeTimesAreRefusedAtOnce(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		fireOn(t, db, 1, noon)
		for _, at := range extremeTimes {
			f, tr := engagement.Fire{UserID: 1, SignalID: "A", At: at}, engagement.Trade{UserID: 1, TradeID: "t", ClosedAt: at}
			unchanged(t, db, func() {
				for what, record := range map[string]func() error{
					"RecordFire":  func() error { _, err := db.RecordFire(ctx, f); return err },
					"RecordFires": func() error { _, err := db.RecordFires(ctx, []engagement.Fire{f}); return err },
					"RecordTrade": func() error { _, err := db.RecordTrade(ctx, tr); return err },
					"Tx.RecordFire": func() error {
						return db.Tx(ctx, func(tx *engagement.Tx) error { _, err := tx.RecordFire(ctx, f); return err })
					},
					"Tx.RecordTrade": func() error {
						return db.Tx(ctx, func(tx *engagement.Tx) error { _, err := tx.RecordTrade(ctx, tr); return err })
					},
				} {
					atOnce(t, what, func() {
						field := refusal(t, record()).Field
						if field != "timestamp" && field != "closing time" {
							t.Errorf("%s at %v refuses %s", what, at, field)
						}
					})
				}
			})
		}
	})
}

// Nothing is written by a clock that shows what cannot be stored, and nothing hangs.
func TestAClockOutsideTheCalendarWritesNothing(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		db := open(clock.option())
		fireOn(t, db, 1, noon)
		for _, at := range extremeTimes {
			if at.Unix() == 0 || at.Unix() == -1 {
				continue // these can be stored
			}
			clock.Set(at)
			for what, write := range map[string]func() error{
				"RecordFire":     func() error { _, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A"}); return err },
				"RecordTrade":    func() error { _, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t"}); return err },
				"GrantFreeze":    func() error { _, err := db.GrantFreeze(ctx, engagement.Freeze{UserID: 1, GrantID: "f"}); return err },
				"SetStreakRules": func() error { return db.SetStreakRules(ctx, engagement.DefaultStreakRules()) },
				"DefineMetric": func() error {
					return db.DefineMetric(ctx, engagement.MetricDefinition{Name: "m", What: "count", Of: "fires", Per: "user"})
				},
				"EraseUser": func() error { _, err := db.EraseUser(ctx, 1); return err },
				"Cleanup":   func() error { _, err := db.Cleanup(ctx, 1); return err },
			} {
				atOnce(t, what, func() { wantError(t, write(), engagement.ErrInvalid) })
			}
			for what, read := range map[string]func() error{
				"RealTimeStats":     func() error { _, err := db.RealTimeStats(ctx); return err },
				"UserSummary":       func() error { _, err := db.UserSummary(ctx, 1); return err },
				"Streak":            func() error { _, err := db.Streak(ctx, 1); return err },
				"StreakDays":        func() error { _, err := db.StreakDays(ctx, 1); return err },
				"StreakLeaderboard": func() error { _, err := db.StreakLeaderboard(ctx, anyPage); return err },
				"EndingStreaks":     func() error { _, err := db.EndingStreaks(ctx, anyPage); return err },
				"WriteUserExport":   func() error { return db.WriteUserExport(ctx, io.Discard, 1) },
				"Activity":          func() error { _, err := db.Activity(ctx, engagement.AllTime()); return err },
				"Activity of week":  func() error { _, err := db.Activity(ctx, db.ThisWeek()); return err },
				"ThisMonth":         func() error { _, err := db.DailyFigures(ctx, db.ThisMonth()); return err },
				"Verify":            func() error { _, err := db.Verify(ctx); return err },
			} {
				atOnce(t, what, func() { _ = read() })
			}
		}
		clock.Set(noon)
		same(t, "fires", proven(t, db).Fires, int64(1))
	})
}

func TestExtremeDaysAreRefusedAtOnce(t *testing.T) {
	var windows []engagement.Window
	for _, d := range extremeDays {
		windows = append(windows, engagement.Days(d, d), engagement.Days(0, d), engagement.Days(d, 0), engagement.Days(d, math.MaxInt64))
	}
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		fireOn(t, db, 1, noon)
		fireOn(t, db, 2, noon)
		for what, ask := range map[string]func(engagement.Window) error{
			"Activity":       func(w engagement.Window) error { _, err := db.Activity(ctx, w); return err },
			"DailyFigures":   func(w engagement.Window) error { _, err := db.DailyFigures(ctx, w); return err },
			"Lifecycle":      func(w engagement.Window) error { _, err := db.Lifecycle(ctx, w, engagement.Weekly); return err },
			"Cohorts":        func(w engagement.Window) error { _, err := db.Cohorts(ctx, w, engagement.Weekly, 3); return err },
			"Hours":          func(w engagement.Window) error { _, err := db.Hours(ctx, w); return err },
			"HeadToHead":     func(w engagement.Window) error { _, err := db.HeadToHead(ctx, 1, 2, w); return err },
			"PopularSignals": func(w engagement.Window) error { _, err := db.PopularSignals(ctx, w, anyPage); return err },
			"Leaderboard": func(w engagement.Window) error {
				_, err := db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByPnL, Window: w}, anyPage)
				return err
			},
			"UserRank": func(w engagement.Window) error {
				_, err := db.UserRank(ctx, engagement.Board{Ranking: engagement.ByFires, Window: w}, 1)
				return err
			},
			"Around": func(w engagement.Window) error {
				_, err := db.Around(ctx, engagement.Board{Ranking: engagement.ByFires, Window: w}, 1, 1)
				return err
			},
			"Fires": func(w engagement.Window) error {
				_, err := db.Fires(ctx, engagement.FireFilter{Window: w}, anyPage)
				return err
			},
			"Trades": func(w engagement.Window) error {
				_, err := db.Trades(ctx, engagement.TradeFilter{Window: w}, anyPage)
				return err
			},
			"TradeQuality": func(w engagement.Window) error {
				_, err := db.TradeQuality(ctx, engagement.QualityQuery{UserID: 1, Window: w})
				return err
			},
			"ScoreForecasts": func(w engagement.Window) error {
				_, err := db.ScoreForecasts(ctx, engagement.CalibrationQuery{Window: w})
				return err
			},
			"MarshalText": func(w engagement.Window) error { _, err := w.MarshalText(); return err },
			"a metric": func(w engagement.Window) error {
				_, err := db.EvaluateDefinition(ctx, engagement.MetricDefinition{
					Name: "m", What: "count", Of: "fires", Per: "user", Window: w.String(),
				}, anyPage)
				return err
			},
		} {
			for _, w := range windows {
				atOnce(t, what, func() {
					if field := refusal(t, ask(w)).Field; field != "window" {
						t.Errorf("%s of %s refuses %s", what, w, field)
					}
				})
			}
		}
	})
}

func TestMethodsOfExtremeDaysReturn(t *testing.T) {
	for _, name := range []string{"UTC", "America/St_Johns", "Pacific/Apia"} {
		loc := zone(t, name)
		for _, d := range extremeDays {
			atOnce(t, fmt.Sprintf("day %d", int64(d)), func() {
				start := d.Start(loc)
				if year := start.Year(); year < 0 || year > 10_000 {
					t.Errorf("day %d starts in the year %d", int64(d), year)
				}
				_ = d.Weekday()
				_ = d.WeekStart()
				same(t, "text", d.String(), fmt.Sprintf("Day(%d)", int64(d)))
				_, err := json.Marshal(d)
				wantError(t, err, engagement.ErrInvalid)
			})
		}
		for _, at := range extremeTimes {
			atOnce(t, "a time", func() {
				if d := engagement.DayOf(at, loc); d < -719_163 || d > 2_932_897 {
					t.Errorf("%d is on day %d", at.Unix(), int64(d))
				}
			})
		}
		same(t, "day of the end of time", engagement.DayOf(time.Unix(math.MaxInt64, 0), loc), engagement.Day(2_932_897))
		same(t, "day of the beginning of time", engagement.DayOf(time.Unix(math.MinInt64, 0), loc), engagement.Day(-719_163))
	}
	for _, text := range []string{"0000-12-31", "10000-01-01", "-001-01-01", "99999999999999999999-01-01"} {
		_, err := engagement.ParseDay(text)
		same(t, "refused field", refusal(t, err).Field, "day")
		_, err = engagement.ParseWindow(text)
		same(t, "refused field", refusal(t, err).Field, "window")
	}
	same(t, "the first week", day(t, "0001-01-03").WeekStart().String(), "0001-01-01")
}
