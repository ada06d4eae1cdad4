package engagement_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement"
)

// The universe is small, so that facts collide.
var (
	universeUsers   = []int64{1, 2, 3, 4, -7}
	universeSignals = []string{"EURUSD_LONG_001", "EURUSD_LONG_002", "GBPUSD_SHORT_1", "plain", "007"}
	universeTrades  = []string{"t1", "t2", "t3"}
	universeAmounts = []float64{0, 1.5, -1.5, 0.1, -0.1, 150.75, 0.000_000_4, 0.000_000_5, -0.000_000_5, 1e6, -1e6, 12345.678901}
)

// An ordinary run checks fewer histories than rapid's default, for it has many
// other tests to run; -rapid.checks or RAPID_CHECKS ask for more.
func init() {
	if _, given := os.LookupEnv("RAPID_CHECKS"); given {
		return
	}
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
}

// TestAnyHistoryGivesTheFiguresOfItsFacts runs random histories against the
// database and against a model that counts everything from its list of facts.
func TestAnyHistoryGivesTheFiguresOfItsFacts(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			steps := 0
			rapid.Check(t, func(t *rapid.T) {
				h := newHistory(t, e)
				actions := h.actions()
				actions[""] = func(*rapid.T) { steps++ }
				t.Repeat(actions)
				h.compareAll(t)
			})
			t.Logf("%d random steps", steps) // make soak adds them up
		})
	}
}

// history is one database, the model of what it must hold, and the clock that
// both go by.
type history struct {
	dsn   string
	clock *clock
	opts  []engagement.Option
	db    *engagement.DB
	model *model
}

func newHistory(t *rapid.T, e engine) *history {
	loc := zone(t, rapid.SampledFrom([]string{"UTC", "America/New_York"}).Draw(t, "zone"))
	start := rapid.SampledFrom([]time.Time{
		time.Date(2026, time.March, 6, 15, 4, 5, 678_000, loc),   // two days before a day of 23 hours
		time.Date(2026, time.October, 30, 23, 59, 59, 0, loc),    // before a day of 25 hours
		time.Date(2026, time.June, 15, 0, 0, 0, 0, loc),          // local midnight
		time.Date(1970, time.January, 4, 12, 0, 0, 0, time.UTC),  // near the first day there is
		time.Date(2028, time.February, 28, 22, 30, 0, 1000, loc), // a leap year
	}).Draw(t, "start").UTC()
	h := &history{dsn: e.migrated(t), clock: newClock(start), model: newModel(loc, start)}
	h.opts = []engagement.Option{h.clock.option(), engagement.WithLocation(loc)}
	h.db = openAt(t, h.dsn, h.opts...)
	return h
}

func (h *history) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"fire":           func(t *rapid.T) { h.fire(t, h.db, h.model) },
		"fire again":     func(t *rapid.T) { h.fire(t, h.db, h.model) }, // twice as often as the others
		"fires":          func(t *rapid.T) { h.fires(t, h.db, h.model) },
		"trade":          func(t *rapid.T) { h.trade(t, h.db, h.model) },
		"update P&L":     func(t *rapid.T) { h.updatePnL(t, h.db, h.model) },
		"grant a freeze": func(t *rapid.T) { h.grant(t, h.db, h.model) },
		"set the rules":  h.setRules,
		"erase":          func(t *rapid.T) { h.erase(t, h.db, h.model) },
		"transaction":    h.transaction,
		"clean up":       h.cleanup,
		"rebuild":        h.rebuild,
		"let time pass":  h.letTimePass,
		"reopen":         h.reopen,
		"compare a user": h.compareAUser,
		"compare lists":  func(t *rapid.T) { h.compareLists(t, h.db.Reader) },
	}
}

var whens = []string{
	"now", "now", "now", "now", "now", "late", "late", "late", "late", "late", "late",
	"midnight", "midnight", "midnight", "ahead", "ahead", "too far ahead", "too early",
}

// drawTime draws a time that may be missing, late, ahead, at the edge of a day
// or refused.
func (h *history) drawTime(t *rapid.T) time.Time {
	now := h.model.now
	switch rapid.SampledFrom(whens).Draw(t, "when") {
	case "late":
		days := rapid.SampledFrom([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}).Draw(t, "days late")
		return now.AddDate(0, 0, -days).Add(-time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "late by")))
	case "midnight":
		days := rapid.SampledFrom([]int{0, 1, 2, 3, 6, 7}).Draw(t, "days before")
		midnight := h.model.startOf(h.model.today() - engagement.Day(days))
		return midnight.Add(rapid.SampledFrom([]time.Duration{-time.Second, -time.Microsecond, 0, time.Second}).Draw(t, "from midnight"))
	case "ahead":
		return now.Add(rapid.SampledFrom([]time.Duration{1, time.Hour, 12 * time.Hour, 23 * time.Hour, 24 * time.Hour}).Draw(t, "ahead by"))
	case "too far ahead":
		return now.Add(24*time.Hour + time.Microsecond)
	case "too early":
		return time.Date(1969, time.December, 31, 23, 0, 0, 0, time.UTC)
	}
	return time.Time{}
}

func (h *history) drawFire(t *rapid.T) engagement.Fire {
	return engagement.Fire{
		UserID:   rapid.SampledFrom(universeUsers).Draw(t, "user"),
		SignalID: rapid.SampledFrom(universeSignals).Draw(t, "signal"),
		At:       h.drawTime(t),
		Executed: rapid.Bool().Draw(t, "executed"),
	}
}

func (h *history) fire(t *rapid.T, w writer, m *model) {
	f := h.drawFire(t)
	got, err := w.RecordFire(context.Background(), f)
	results, ok := m.recordFires([]engagement.Fire{f})
	if !ok {
		wantError(t, err, engagement.ErrInvalid)
		return
	}
	noError(t, err)
	same(t, fmt.Sprintf("RecordFire(%+v)", f), got, results[0])
}

func (h *history) fires(t *rapid.T, w writer, m *model) {
	fires := make([]engagement.Fire, rapid.IntRange(0, 8).Draw(t, "fires"))
	for i := range fires {
		fires[i] = h.drawFire(t)
	}
	got, err := w.RecordFires(context.Background(), fires)
	results, ok := m.recordFires(fires)
	if !ok {
		wantError(t, err, engagement.ErrInvalid)
		return
	}
	noError(t, err)
	same(t, fmt.Sprintf("RecordFires(%+v)", fires), got, results)
}

func (h *history) trade(t *rapid.T, w writer, m *model) {
	tr := engagement.Trade{
		UserID:   rapid.SampledFrom(universeUsers).Draw(t, "user"),
		TradeID:  rapid.SampledFrom(universeTrades).Draw(t, "trade"),
		SignalID: rapid.SampledFrom([]string{"", "", "EURUSD_LONG_001"}).Draw(t, "signal"),
		PnL:      rapid.SampledFrom(universeAmounts).Draw(t, "P&L"),
		Outcome:  rapid.SampledFrom([]engagement.Outcome{0, 0, engagement.Win, engagement.Loss, engagement.Draw}).Draw(t, "result"),
		ClosedAt: h.drawTime(t),
	}
	if n := len(m.trades); n > 0 && rapid.Bool().Draw(t, "again") {
		if known := m.trades[rapid.IntRange(0, n-1).Draw(t, "which")].Trade; known.TradeID != generatedTrade {
			tr = retold(t, known, tr)
		}
	}
	record := w.RecordTrade
	if rapid.Bool().Draw(t, "in a batch") {
		record = func(ctx context.Context, tr engagement.Trade) (engagement.TradeReceipt, error) {
			receipts, err := w.RecordTrades(ctx, []engagement.Trade{tr})
			if err != nil {
				return engagement.TradeReceipt{}, err
			}
			return receipts[0], nil
		}
	}
	got, err := record(context.Background(), tr)
	status, refusal := m.recordTrade(tr)
	if refusal != nil {
		wantError(t, err, refusal)
		return
	}
	noError(t, err)
	same(t, fmt.Sprintf("RecordTrade(%+v)", tr), got, engagement.TradeReceipt{Status: status})
}

// retold returns a trade once more, to the letter or with one field of another.
func retold(t *rapid.T, known, other engagement.Trade) engagement.Trade {
	switch rapid.SampledFrom([]string{"same", "same", "no time", "time", "P&L", "signal", "result"}).Draw(t, "retold with another") {
	case "no time":
		known.ClosedAt = time.Time{}
	case "time":
		known.ClosedAt = other.ClosedAt
	case "P&L":
		known.PnL = other.PnL
	case "signal":
		known.SignalID = other.SignalID
	case "result":
		known.Outcome = other.Outcome
	}
	return known
}

func (h *history) updatePnL(t *rapid.T, w writer, m *model) {
	user := rapid.SampledFrom(universeUsers).Draw(t, "user")
	change := rapid.SampledFrom(universeAmounts).Draw(t, "change")
	isWin := rapid.Bool().Draw(t, "win")
	got, err := w.UpdateUserPnL(context.Background(), user, change, isWin)
	noError(t, err)
	same(t, "UpdateUserPnL", got, m.updateUserPnL(user, change, isWin))
}

func (h *history) erase(t *rapid.T, w writer, m *model) {
	user := rapid.SampledFrom(universeUsers).Draw(t, "user")
	got, err := w.EraseUser(context.Background(), user)
	receipt, known := m.eraseUser(user)
	if !known {
		wantError(t, err, engagement.ErrNotFound)
		return
	}
	noError(t, err)
	same(t, "EraseUser", got, receipt)
}

func (h *history) grant(t *rapid.T, w writer, m *model) {
	f := engagement.Freeze{
		UserID:  rapid.SampledFrom(universeUsers).Draw(t, "user"),
		GrantID: fmt.Sprint("grant ", rapid.IntRange(1, 9).Draw(t, "grant")),
	}
	got, err := w.GrantFreeze(context.Background(), f)
	status, refusal := m.grantFreeze(f)
	if refusal != nil {
		wantError(t, err, refusal)
		return
	}
	noError(t, err)
	same(t, fmt.Sprintf("GrantFreeze(%+v)", f), got, engagement.FreezeReceipt{Status: status})
}

func (h *history) setRules(t *rapid.T) {
	rules := engagement.StreakRules{
		RestDays: rapid.SampledFrom([][]time.Weekday{
			{}, {time.Sunday, time.Saturday}, {time.Monday}, {time.Monday, time.Tuesday, time.Wednesday, time.Friday, time.Saturday},
		}).Draw(t, "rest days"),
		Milestones: rapid.SampledFrom([][]int64{{}, {1}, {2, 3, 5}, {1, 2, 3, 4, 5, 6, 7, 8}}).Draw(t, "milestones"),
		FreezeCap:  rapid.IntRange(0, 4).Draw(t, "freeze cap"),
	}
	noError(t, h.db.SetStreakRules(context.Background(), rules))
	h.model.setRules(rules)
}

// transaction does some writes in one transaction, which reads its own writes
// and is then committed or rolled back.
func (h *history) transaction(t *rapid.T) {
	changed := h.model.clone()
	rollBack := rapid.Bool().Draw(t, "roll back")
	regret := errors.New("regret")
	err := h.db.Tx(context.Background(), func(tx *engagement.Tx) error {
		for range rapid.IntRange(0, 4).Draw(t, "writes") {
			write := rapid.SampledFrom([]func(*rapid.T, writer, *model){h.fire, h.fires, h.trade, h.updatePnL, h.grant, h.erase}).Draw(t, "write")
			write(t, tx, changed)
		}
		for _, user := range changed.users() {
			stats, err := tx.UserStats(context.Background(), user)
			noError(t, err)
			same(t, "UserStats inside the transaction", stats, changed.userStats(user))
		}
		if rollBack {
			return regret
		}
		return nil
	})
	if rollBack {
		wantError(t, err, regret)
		return
	}
	noError(t, err)
	h.model.become(changed)
}

func (h *history) cleanup(t *rapid.T) {
	keepDays := rapid.IntRange(1, 7).Draw(t, "days to keep")
	plan, err := h.db.PlanCleanup(context.Background(), keepDays)
	noError(t, err)
	same(t, "PlanCleanup", plan, h.model.planCleanup(keepDays))
	report, err := h.db.Cleanup(context.Background(), keepDays)
	noError(t, err)
	same(t, "Cleanup", report, h.model.cleanup(keepDays))
}

func (h *history) rebuild(t *rapid.T) {
	report, err := h.db.Rebuild(context.Background())
	noError(t, err)
	same(t, "what Rebuild repaired", report.Repaired, []engagement.Finding{})
	same(t, "what Rebuild left", report.Findings, []engagement.Finding{})
}

func (h *history) letTimePass(t *rapid.T) {
	h.clock.Advance(rapid.SampledFrom([]time.Duration{
		time.Microsecond, time.Minute, 5 * time.Hour, 12 * time.Hour, 23 * time.Hour, 24 * time.Hour, 25 * time.Hour, 36 * time.Hour, 60 * time.Hour,
	}).Draw(t, "for"))
	h.model.now = h.clock.Now()
}

func (h *history) reopen(t *rapid.T) {
	noError(t, h.db.Close())
	h.db = openAt(t, h.dsn, h.opts...)
}

// wantError fails the test unless err is one of kind.
func wantError(t tb, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got error %v, want %v", err, kind)
	}
}
