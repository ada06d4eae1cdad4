package engagement_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestParseWindow(t *testing.T) {
	t.Parallel()
	db := openAt(t, freshFile(t), newClock(noon).option()) // noon is on Wednesday 2026-01-14
	for _, tt := range []struct{ text, want string }{
		{"all", "all"},
		{"today", "2026-01-14..2026-01-14"},
		{"week", "2026-01-12..2026-01-18"},
		{"month", "2026-01-01..2026-01-31"},
		{"1d", "2026-01-14..2026-01-14"},
		{"30d", "2025-12-16..2026-01-14"},
		{"10000d", "1998-08-30..2026-01-14"},
		{"2026-02-01", "2026-02-01..2026-02-01"},
		{"2025-12-31..2026-01-02", "2025-12-31..2026-01-02"},
		{"1970-01-01", "1970-01-01..1970-01-01"},
	} {
		t.Run(tt.text, func(t *testing.T) {
			w := must(db.ParseWindow(tt.text))(t)
			same(t, "String", w.String(), tt.want)
			same(t, "read back", must(engagement.ParseWindow(w.String()))(t), w)
		})
	}
	for _, text := range []string{
		"", "All", " all", "year", "d", "0d", "-1d", "+1d", "1.5d", "10001d", "99999999999999999999d", "30 d",
		"2026-1-1", "2026-01-01..", "..2026-01-01", "2026-01-01...2026-01-02", "2026-01-01..2026-01-02..2026-01-03",
		"2026-01-02..2026-01-01", "1970-01-01..2026-01-01", "2026-02-30", "today..2026-01-20",
	} {
		t.Run("not "+text, func(t *testing.T) {
			_, err := db.ParseWindow(text)
			same(t, "refused field and value", []any{refusal(t, err).Field, refusal(t, err).Value}, []any{"window", any(text)})
			_, err = engagement.ParseWindow(text)
			same(t, "without a database", []any{refusal(t, err).Field, refusal(t, err).Value}, []any{"window", any(text)})
		})
	}
	for _, text := range []string{"today", "week", "month", "30d"} {
		_, err := engagement.ParseWindow(text)
		same(t, "what it depends on today for", refusal(t, err).Value, any(text))
	}
}

func TestAllTimeIsNotTheFirstDayOf1970(t *testing.T) {
	if engagement.AllTime() != (engagement.Window{}) || engagement.Days(0, 0) == engagement.AllTime() {
		t.Error("all time is not the zero window, or a window of days is")
	}
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		fireOn(t, db, 1, noon.AddDate(0, 0, -1), noon)
		first := engagement.Days(0, 0)
		same(t, "signals of it", len(must(db.PopularSignals(ctx, first, anyPage))(t).Items), 0)
		same(t, "its board", len(must(db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires, Window: first}, anyPage))(t).Items), 0)
		same(t, "its hours", must(db.Hours(ctx, first))(t).Total, int64(0))
		same(t, "its days", len(must(db.DailyFigures(ctx, first))(t)), 1)
		same(t, "the hours of all time", must(db.Hours(ctx, engagement.AllTime()))(t).Total, int64(2))
		days := must(db.DailyFigures(ctx, engagement.AllTime()))(t)
		same(t, "the days of all time", []any{len(days), days[0].Day, days[0].Fires}, []any{2, db.Today() - 1, int64(1)})
	})
}

func TestDailyFiguresOfAllTimeBeforeThereIsAFire(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		same(t, "days", must(db.DailyFigures(context.Background(), engagement.AllTime()))(t), []engagement.DayFigures{})
	})
}

func TestARefusalIsLoggedWithoutItsValue(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	log := slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	db := openAt(t, freshFile(t), newClock(noon).option(), engagement.WithLogger(log))
	_, err := db.RecordTrade(t.Context(), engagement.Trade{UserID: 1, TradeID: "secret\n", PnL: 12345.5, ClosedAt: noon.Add(-time.Hour)})
	same(t, "the refused value", refusal(t, err).Value, any("secret\n"))
	if got := lines.String(); strings.Contains(got, "secret") || !strings.Contains(got, "error=invalid\n") {
		t.Errorf("the log holds the value or not the refusal:\n%s", got)
	}
}
