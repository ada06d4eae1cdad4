package engagement_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

var errNoEnd = errors.New("it has no end")

// readAll reads every list page by page and asks every question that goes through
// many rows or days.
func readAll(ctx context.Context, db *engagement.DB) (found map[string]error) {
	found = map[string]error{}
	ask := func(what string, err error) { found[what] = err }
	each := func(what string, seq func(yield func(error) bool)) {
		n := 0
		for err := range seq {
			if n++; err != nil || n > 1_000 {
				if err == nil {
					err = errNoEnd
				}
				found[what] = err
				return
			}
		}
		found[what] = nil
	}
	each("Users", errorsOf(ctx, db.Users))
	each("Signals", errorsOf(ctx, db.Signals))
	each("CustomMetrics", errorsOf(ctx, db.CustomMetrics))
	each("StreakLeaderboard", errorsOf(ctx, db.StreakLeaderboard))
	each("EndingStreaks", errorsOf(ctx, listEnding(db.Reader)))
	for _, w := range []engagement.Window{engagement.AllTime(), lastDays(db, 30)} {
		each(fmt.Sprint("PopularSignals ", w), errorsOf(ctx, func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.PopularSignal], error) {
			return db.PopularSignals(ctx, w, q)
		}))
		for _, r := range engagement.Rankings() {
			each(fmt.Sprintf("Leaderboard %s %s", r, w), errorsOf(ctx, listBoard(db.Reader, engagement.Board{Ranking: r, Window: w, MinDecided: 1})))
		}
		for _, f := range []engagement.FireFilter{{Window: w}, {Window: w, UserID: 1}, {Window: w, SignalID: "B"}} {
			each(fmt.Sprintf("Fires %+v", f), errorsOf(ctx, listFires(db.Reader, f)))
		}
		for _, f := range []engagement.TradeFilter{{Window: w}, {Window: w, UserID: 1}, {Window: w, SignalID: "B"}} {
			each(fmt.Sprintf("Trades %+v", f), errorsOf(ctx, func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.ClosedTrade], error) {
				return db.Trades(ctx, f, q)
			}))
		}
		_, err := db.Activity(ctx, w)
		ask(fmt.Sprint("Activity ", w), err)
		_, err = db.Lifecycle(ctx, w, engagement.Weekly)
		ask(fmt.Sprint("Lifecycle ", w), err)
		_, err = db.Lifecycle(ctx, w, engagement.Daily)
		ask(fmt.Sprint("daily Lifecycle ", w), err)
		_, err = db.Cohorts(ctx, w, engagement.Weekly, 4)
		ask(fmt.Sprint("Cohorts ", w), err)
		_, err = db.DailyFigures(ctx, w)
		ask(fmt.Sprint("DailyFigures ", w), err)
		_, err = db.Hours(ctx, w)
		ask(fmt.Sprint("Hours ", w), err)
		_, err = db.TradeQuality(ctx, engagement.QualityQuery{UserID: 1, Window: w})
		ask(fmt.Sprint("TradeQuality ", w), err)
		_, err = db.ScoreForecasts(ctx, engagement.CalibrationQuery{Window: w})
		ask(fmt.Sprint("ScoreForecasts ", w), err)
	}
	_, err := db.RealTimeStats(ctx)
	ask("RealTimeStats", err)
	_, err = db.StreakDays(ctx, 1)
	ask("StreakDays", err)
	_, err = db.Streak(ctx, 1)
	ask("Streak", err)
	_, err = db.Freezes(ctx, 1)
	ask("Freezes", err)
	_, err = db.UserSummary(ctx, 1)
	ask("UserSummary", err)
	ask("WriteUserExport", db.WriteUserExport(ctx, io.Discard, 1))
	for _, figure := range engagement.FiguresOfUser() {
		_, err = db.ExplainUser(ctx, 1, figure, anyPage)
		ask(fmt.Sprint("ExplainUser ", figure), err)
	}
	_, err = db.Verify(ctx)
	ask("Verify", err)
	return found
}

// errorsOf reads a list in pages of one, and yields the error of each.
func errorsOf[T any](ctx context.Context, list func(context.Context, engagement.PageQuery) (engagement.Page[T], error)) func(yield func(error) bool) {
	return func(yield func(error) bool) {
		for q := (engagement.PageQuery{Limit: 1}); ; {
			page, err := list(ctx, q)
			if !yield(err) || err != nil || page.Next == "" {
				return
			}
			q.After = page.Next
		}
	}
}

// damages are what other programs have done to files.
func damages() (statements []string) {
	for _, column := range []string{
		"user_days.day", "user_days.fires", "days.day", "days.active_users", "signal_days.day",
		"user_stats.first_day", "user_stats.streak_start", "user_stats.streak_end", "user_stats.streak_length", "user_stats.streak_until",
		"user_stats.streak_longest", "user_stats.freezes", "user_stats.total_fires", "user_stats.pnl", "user_stats.win_bound", "user_stats.last_updated",
		"signal_fires.day", "signal_fires.timestamp", "trades.day", "trades.closed_at", "trades.pnl_micros",
		"streak_freezes.granted_day", "streak_freezes.spent_day", "streak_awards.day", "signal_metrics.signal_id", "signal_days.signal_id", "signal_fires.signal_id",
	} {
		table, name, _ := strings.Cut(column, ".")
		values := []string{"'some day'", "1.5", "9223372036854775807", "-9223372036854775808", "X'42'"}
		if name == "timestamp" || name == "closed_at" {
			values = append(values, "1760000000") // which the driver takes for a time
		}
		for _, value := range values {
			statements = append(statements, fmt.Sprintf("UPDATE OR IGNORE %s SET %s = %s", table, name, value),
				fmt.Sprintf("UPDATE OR IGNORE %s SET %s = %s WHERE user_id = 2", table, name, value))
		}
	}
	return statements
}

// An answer about a damaged file may be an error; it must not take for ever. What
// orders by bytes, numbers and text orders otherwise than by their values in Go.
func TestNoDamageMakesAnAnswerTakeForEver(t *testing.T) {
	t.Parallel()
	sound := freshFile(t)
	db := openAt(t, sound, newClock(noon).option())
	for user := int64(1); user <= 3; user++ {
		for ago := range 4 {
			at := noon.AddDate(0, 0, -ago*int(user))
			fire(t, db, engagement.Fire{UserID: user, SignalID: string(rune('A' + ago)), At: at, Executed: ago%2 == 0})
			trade(t, db, engagement.Trade{UserID: user, TradeID: fmt.Sprint(ago), SignalID: "B", PnL: float64(ago - 2), ClosedAt: at})
		}
	}
	grant(t, db, 1, "f")
	noError(t, db.Close())
	content := must(os.ReadFile(sound))(t)
	for _, statement := range damages() {
		path := freshFile(t)
		noError(t, os.WriteFile(path, content, 0o600))
		db := openAt(t, path, newClock(noon).option())
		damaged := must(sql.Open("sqlite3", "file:"+path+"?_busy_timeout=10000"))(t)
		_, err := damaged.Exec(statement)
		noError(t, damaged.Close())
		if err != nil { // the schema forbids it, or there is no user
			noError(t, db.Close())
			continue
		}
		var found map[string]error
		atOnce(t, statement, func() { found = readAll(t.Context(), db) })
		for what, err := range found {
			if errors.Is(err, errNoEnd) {
				t.Errorf("%s: %s: %v", statement, what, err)
			}
		}
		noError(t, db.Close())
	}
}
