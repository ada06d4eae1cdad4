package engagement

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

// Report is what Verify found.
type Report struct {
	Users     int64 `json:"users"`
	Signals   int64 `json:"signals"`
	Days      int64 `json:"days"`  // on which anybody fired, or a trade was won or lost
	Fires     int64 `json:"fires"` // still kept one by one
	Trades    int64 `json:"trades"`
	Uncounted int64 `json:"uncounted"` // facts that another program inserted; the next Open counts them
	// Aside is how many rows are set aside because they cannot be facts, and
	// AsideRows are the first MaxFindings of them. They are in no figure, so no
	// figure depends on them. See [Reader.Aside].
	Aside     int64      `json:"aside"`
	AsideRows []AsideRow `json:"aside_rows,omitempty"`
	Horizon   Day        `json:"horizon"`
	// Findings are what is wrong; none if every figure is proven. At most
	// MaxFindings of each kind are listed.
	Findings []Finding `json:"findings"`
	// Repaired are the findings that Rebuild put right.
	Repaired []Finding `json:"repaired,omitempty"`
	// Timestamp is the time of the state that was checked, UTC. It is zero if not
	// everything was checked: in a report that comes with an error, and in one whose
	// findings are values that cannot be read.
	Timestamp time.Time `json:"timestamp"`
}

// OK reports whether everything was looked at and nothing was found wrong.
func (r Report) OK() bool { return !r.Timestamp.IsZero() && len(r.Findings) == 0 }

// MaxFindings is how many findings of one kind a Report lists.
const MaxFindings = 100

// Finding is one figure that is not what it should be.
type Finding struct {
	Invariant string `json:"invariant"` // V1 to V7, as described at [DB.Verify]
	Subject   string `json:"subject"`   // such as: user 12345
	Field     string `json:"field"`
	Stored    string `json:"stored"`
	Expected  string `json:"expected"`
}

// String returns the finding as one line.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s is %s, want %s", f.Invariant, f.Subject, f.Field, f.Stored, f.Expected)
}

// Verify recomputes every figure from what it derives from and compares, in one
// snapshot, and then checks the schema and the file:
//
//   - V1: a user's totals are the sums of the user's days, and the P&L, the
//     win rate and its bound follow from them. Nobody has totals without a fact, or
//     was updated last before the latest fact.
//   - V2: a signal's totals are the sums of the signal's days, and it is there since
//     its earliest fire. No signal has totals without a fire.
//   - V3: a day's figures are the sums of its users' days, and its new users
//     those whose first day it is; before the horizon, its signals' days add up to
//     as many fires, or more where users were erased since.
//   - V4: the users' and signals' days are the counts of the fires, from the
//     horizon on, and of the trades; and each of these can be read and is on the
//     day of its time.
//   - V5: the schema is what the migrations make, the file is sound, and each value
//     of a counter can be read. What cannot be read is named, and nothing else is
//     compared then.
//   - V6: a user's streak, freezes and first day are what the user's days and
//     grants say by the streak rules.
//   - V7: what is stored as it was given makes sense by itself: settings, metrics,
//     awards, freezes, tokens and who is public, and the counts of each single day.
//
// Where the database can be written to and could be read, it is noted when that was and
// how much was found: see [Reader.Upkeep]. Nothing else changes.
//
// An error means that it could not be verified, not that something was found.
func (db *DB) Verify(ctx context.Context) (Report, error) {
	report, err := run(ctx, db.shared(), "verify", func() (Report, error) { return db.core.verify(ctx) })
	if err == nil && !report.Timestamp.IsZero() {
		db.note(ctx, Upkeep{LastVerify: &Verification{db.core.instant(), int64(len(report.Findings))}})
	}
	return report, err
}

func (c *core) verify(ctx context.Context) (Report, error) {
	report, err := c.verifyCounters(ctx)
	if err != nil {
		return report, err
	}
	// The snapshot has ended by now: if each of many callers kept two connections at
	// once, they could wait for one another for ever.
	differences, err := retry(ctx, c, "check the structure", c.engine.CheckStructure)
	for _, difference := range differences {
		report.Findings = append(report.Findings, Finding{
			Invariant: "V5", Subject: "schema", Field: "structure", Stored: difference, Expected: "as migrated",
		})
	}
	if err != nil {
		report.Timestamp = time.Time{}
	}
	return report, err
}

// verifyCounters checks all invariants but V5, in one snapshot.
func (c *core) verifyCounters(ctx context.Context) (Report, error) {
	return retry(ctx, c, "verify the counters", func(ctx context.Context) (Report, error) {
		return inSnapshot(ctx, c, engine.CloseGate, func(v *view) (Report, error) { return v.verifyCounters(ctx) })
	})
}

func (v *view) verifyCounters(ctx context.Context) (Report, error) {
	report := Report{Findings: []Finding{}}
	if readable, err := v.verifyReadable(ctx, &report); err != nil || !readable {
		return report, err
	}
	if err := v.countRows(ctx, &report); err != nil {
		return report, err
	}
	checks := []func(context.Context, *Report) error{
		v.verifyUserTotals, v.verifyUserDerived, v.verifySignalTotals, v.verifyDays,
		v.verifyUserDays, v.verifyUserDayTrades, v.verifySignalDays, v.verifyUsers, v.verifyFactDays,
		v.verifyOrigins, v.verifySense, v.verifyGiven,
	}
	p := progressOf(ctx, int64(len(checks)))
	for _, check := range checks {
		if err := check(ctx, &report); err != nil {
			return report, err
		}
		p.add(1)
	}
	report.Timestamp = v.now
	return report, nil
}

func (v *view) countRows(ctx context.Context, report *Report) (err error) {
	if report.Horizon, err = v.horizon(ctx); err != nil {
		return err
	}
	for _, c := range []struct {
		count func(context.Context) (int64, error)
		into  *int64
	}{
		{v.q.CountUsers, &report.Users},
		{v.q.CountSignals, &report.Signals},
		{v.q.CountDays, &report.Days},
		{v.q.CountFires, &report.Fires},
		{v.q.CountTrades, &report.Trades},
	} {
		if *c.into, err = c.count(ctx); err != nil {
			return err
		}
	}
	if report.Uncounted, err = v.countNoDay(ctx, uncounted); err != nil {
		return err
	}
	return v.countAside(ctx, report)
}

// compare adds a finding if a stored figure is not the expected one.
func compare[T comparable](report *Report, invariant, subject, field string, stored, expected T) {
	if stored != expected {
		report.Findings = append(report.Findings, Finding{
			Invariant: invariant, Subject: subject, Field: field,
			Stored: fmt.Sprint(stored), Expected: fmt.Sprint(expected),
		})
	}
}

// comparePnL compares a stored P&L with the sum of its parts, which is larger by the
// missing units and millionths. The sum may not fit into 64 bits.
func comparePnL(report *Report, invariant, subject string, stored, missingUnits, missingMicros int64) {
	parts := new(big.Int).Mul(big.NewInt(missingUnits), big.NewInt(stats.Micros))
	parts.Add(parts, big.NewInt(missingMicros)).Add(parts, big.NewInt(stored))
	compare(report, invariant, subject, "pnl_micros", fmt.Sprint(stored), parts.String())
}

func (v *view) verifyUserTotals(ctx context.Context, report *Report) error {
	rows, err := v.q.UserTotalMismatches(ctx, MaxFindings)
	for _, row := range rows {
		subject := fmt.Sprintf("user %d", row.UserID)
		compare(report, "V1", subject, "total_fires", row.StoredFires, row.Fires)
		compare(report, "V1", subject, "executed", row.StoredExecuted, row.Executed)
		compare(report, "V1", subject, "wins", row.StoredWins, row.Wins)
		compare(report, "V1", subject, "losses", row.StoredLosses, row.Losses)
		compare(report, "V1", subject, "draws", row.StoredDraws, row.Draws)
		comparePnL(report, "V1", subject, row.StoredPnlMicros, row.MissingUnits, row.MissingMicros)
		switch {
		case row.Known == 0:
			compare(report, "V1", subject, "row", "there", noFacts)
		case row.Parts == 1:
			compare(report, "V1", subject, "row", "half", "fire_totals and user_states")
		}
	}
	return err
}

// noFacts is what is expected of totals without any fact.
const noFacts = "none: there are no facts"

func (v *view) verifyUserDerived(ctx context.Context, report *Report) error {
	rows, err := v.q.UserDerivedMismatches(ctx, MaxFindings)
	for _, row := range rows {
		subject := fmt.Sprintf("user %d", row.UserID)
		compare(report, "V1", subject, "pnl", row.Pnl, fromMicros(row.PnlMicros))
		compare(report, "V1", subject, "win_rate", row.WinRate, stats.RatioOrZero(row.Wins, row.Wins+row.Losses))
	}
	return err
}

func (v *view) verifySignalTotals(ctx context.Context, report *Report) error {
	rows, err := v.q.SignalTotalMismatches(ctx, MaxFindings)
	for _, row := range rows {
		subject := fmt.Sprintf("signal %q", row.SignalID)
		compare(report, "V2", subject, "total_fires", row.StoredFires, row.Fires)
		compare(report, "V2", subject, "active_users", row.StoredUsers, row.Fires)
		if row.Known == 0 {
			compare(report, "V2", subject, "row", "there", noFacts)
		}
	}
	return err
}

func (v *view) verifyDays(ctx context.Context, report *Report) error {
	rows, err := v.q.DayMismatches(ctx, MaxFindings)
	for _, row := range rows {
		subject := fmt.Sprintf("day %s", Day(row.Day))
		compare(report, "V3", subject, "fires", row.StoredFires, row.Fires)
		compare(report, "V3", subject, "executed", row.StoredExecuted, row.Executed)
		compare(report, "V3", subject, "active_users", row.StoredUsers, row.Users)
		compare(report, "V3", subject, "new_users", row.StoredNew, row.New)
		compare(report, "V3", subject, "wins", row.StoredWins, row.Wins)
		compare(report, "V3", subject, "losses", row.StoredLosses, row.Losses)
		if emptyDay(row) {
			compare(report, "V3", subject, "row", "there", noFacts)
		}
	}
	return err
}

// emptyDay reports whether a day should have no row.
func emptyDay(row dbgen.DayMismatchesRow) bool {
	return row.Fires == 0 && row.Executed == 0 && row.Users == 0 && row.New == 0 && row.Wins == 0 && row.Losses == 0
}

func (v *view) verifyUserDays(ctx context.Context, report *Report) error {
	rows, err := v.q.UserDayFireMismatches(ctx, dbgen.UserDayFireMismatchesParams{Horizon: int64(report.Horizon), MaxRows: MaxFindings})
	for _, row := range rows {
		subject := fmt.Sprintf("user %d on %s", row.UserID, Day(row.Day))
		compare(report, "V4", subject, "fires", row.StoredFires, row.Fires)
		compare(report, "V4", subject, "executed", row.StoredExecuted, row.Executed)
	}
	return err
}

func (v *view) verifyUserDayTrades(ctx context.Context, report *Report) error {
	rows, err := v.q.UserDayTradeMismatches(ctx, MaxFindings)
	for _, row := range rows {
		subject := fmt.Sprintf("user %d on %s", row.UserID, Day(row.Day))
		compare(report, "V4", subject, "wins", row.StoredWins, row.Wins)
		compare(report, "V4", subject, "losses", row.StoredLosses, row.Losses)
		compare(report, "V4", subject, "draws", row.StoredDraws, row.Draws)
		comparePnL(report, "V4", subject, row.StoredPnlMicros, row.MissingUnits, row.MissingMicros)
	}
	return err
}

func (v *view) verifySignalDays(ctx context.Context, report *Report) error {
	rows, err := v.q.SignalDayMismatches(ctx, dbgen.SignalDayMismatchesParams{Horizon: int64(report.Horizon), MaxRows: MaxFindings})
	for _, row := range rows {
		subject := fmt.Sprintf("signal %q on %s", row.SignalID, Day(row.Day))
		compare(report, "V4", subject, "fires", row.StoredFires, row.Fires)
		compare(report, "V4", subject, "executed", row.StoredExecuted, row.Executed)
	}
	return err
}

func (v *view) verifyUsers(ctx context.Context, report *Report) error {
	misfits, err := v.misfits(ctx, MaxFindings)
	for _, m := range misfits {
		subject := fmt.Sprintf("user %d", m.stored.UserID)
		compare(report, "V6", subject, "first_day", Day(m.stored.FirstDay), Day(m.want.First))
		compare(report, "V6", subject, "streak_start", Day(m.stored.StreakStart), Day(m.want.Start))
		compare(report, "V6", subject, "streak_end", Day(m.stored.StreakEnd), Day(m.want.End))
		compare(report, "V6", subject, "streak_length", m.stored.StreakLength, m.want.Length)
		compare(report, "V6", subject, "streak_until", Day(m.stored.StreakUntil), Day(m.want.Until))
		compare(report, "V6", subject, "freezes", m.stored.Freezes, m.want.Unspent)
		for _, f := range m.moved {
			compare(report, "V6", subject, fmt.Sprintf("day of freeze %q", f.GrantID), Day(f.SpentDay), Day(m.spent[f.GrantID]))
		}
		compare(report, "V6", subject, "streak_longest", m.stored.StreakLongest, m.want.Longest)
		compare(report, "V1", subject, "win_bound", m.stored.WinBound, winBound(m.stored.Wins, m.stored.Losses))
		if m.outdated {
			compare(report, "V1", subject, "last_updated", timeText(m.stored.LastUpdated), fmt.Sprintf("%s or later", m.lastDay-daysAhead))
		}
	}
	return err
}
