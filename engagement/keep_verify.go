package engagement

import (
	"context"
	"fmt"
	"math"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Report is what Verify found.
type Report struct {
	Users     int64 `json:"users"`
	Signals   int64 `json:"signals"`
	Days      int64 `json:"days"`
	Fires     int64 `json:"fires"` // still kept one by one
	Trades    int64 `json:"trades"`
	Uncounted int64 `json:"uncounted"` // facts that another program inserted; the next Open counts them
	Horizon   Day   `json:"horizon"`
	// Findings are what is wrong; none if every figure is proven. At most
	// MaxFindings of each kind are listed.
	Findings []Finding `json:"findings"`
	// Repaired are the findings that Rebuild put right.
	Repaired []Finding `json:"repaired,omitempty"`
}

// OK says whether nothing was found wrong.
func (r Report) OK() bool { return len(r.Findings) == 0 }

// MaxFindings is how many findings of one kind a Report lists.
const MaxFindings = 100

// Finding is one figure that is not what it should be.
type Finding struct {
	Invariant string `json:"invariant"` // V1 to V6, as described at [DB.Verify]
	Subject   string `json:"subject"`   // such as: user 12345
	Field     string `json:"field"`
	Stored    string `json:"stored"`
	Expected  string `json:"expected"`
}

// String returns the finding as one line.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s is %s, want %s", f.Invariant, f.Subject, f.Field, f.Stored, f.Expected)
}

// Verify recomputes every figure from what it derives from and compares, in
// one snapshot, and then checks the file itself:
//
//   - V1: a user's totals are the sums of the user's days, and the P&L, the
//     win rate and its bound follow from them.
//   - V2: a signal's totals are the sums of the signal's days.
//   - V3: a day's figures are the sums of its users' days, and its new users
//     those whose first day it is.
//   - V4: the users' and signals' days are the counts of the fires, from the
//     horizon on, and of the trades; and each of these is on the day of its time.
//   - V5: the schema is what the migrations make, and the file is sound.
//   - V6: a user's streak, freezes and first day are what the user's days and
//     grants say by the streak rules. Awards are facts and are not compared.
//
// An error means that it could not be verified, not that something was found.
func (db *DB) Verify(ctx context.Context) (report Report, err error) {
	err = db.core.do(ctx, "verify", func() (int, error) {
		report, err = db.verify(ctx)
		return int(report.Fires + report.Trades), err
	})
	return report, err
}

func (db *DB) verify(ctx context.Context) (Report, error) {
	report, err := db.verifyFigures(ctx)
	if err != nil {
		return report, err
	}
	// The snapshot has ended: two connections held at once by each of many
	// callers could leave them waiting for one another.
	var differences []string
	err = db.core.retry(ctx, "check the structure", func() (err error) {
		differences, err = db.core.engine.CheckStructure(ctx)
		return err
	})
	for _, difference := range differences {
		report.Findings = append(report.Findings, Finding{
			Invariant: "V5", Subject: "schema", Field: "structure", Stored: difference, Expected: "as migrated",
		})
	}
	return report, err
}

// verifyFigures verifies all invariants but V5, in one snapshot.
func (db *DB) verifyFigures(ctx context.Context) (report Report, err error) {
	err = db.core.retry(ctx, "verify the figures", func() error {
		_, err := db.read(ctx, func(r *Reader) (_ int, err error) {
			report, err = r.verifyFigures(ctx)
			return 0, err
		})
		return err
	})
	return report, err
}

// verifyFigures checks all invariants but V5.
func (r *Reader) verifyFigures(ctx context.Context) (Report, error) {
	report := Report{Findings: []Finding{}}
	if err := r.countRows(ctx, &report); err != nil {
		return report, err
	}
	checks := []func(context.Context, *Report) error{
		r.verifyUserTotals, r.verifyUserDerived, r.verifySignalTotals, r.verifyDays,
		r.verifyUserDays, r.verifyUserDayTrades, r.verifySignalDays, r.verifyUsers, r.verifyFactDays,
	}
	p := progressOf(ctx, int64(len(checks)))
	for _, check := range checks {
		if err := check(ctx, &report); err != nil {
			return report, err
		}
		p.add(1)
	}
	return report, nil
}

func (r *Reader) countRows(ctx context.Context, report *Report) (err error) {
	if report.Horizon, err = r.horizon(ctx); err != nil {
		return err
	}
	var fires, trades int64
	for _, c := range []struct {
		count func(context.Context) (int64, error)
		into  *int64
	}{
		{r.q.CountUsers, &report.Users},
		{r.q.CountSignals, &report.Signals},
		{r.q.CountDays, &report.Days},
		{r.q.CountFires, &report.Fires},
		{r.q.CountTrades, &report.Trades},
		{r.q.CountUncountedFires, &fires},
		{r.q.CountUncountedTrades, &trades},
	} {
		if *c.into, err = c.count(ctx); err != nil {
			return err
		}
	}
	report.Uncounted = fires + trades
	return nil
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

func (r *Reader) verifyUserTotals(ctx context.Context, report *Report) error {
	rows, err := r.q.UserTotalMismatches(ctx, MaxFindings)
	for _, row := range rows {
		subject := fmt.Sprintf("user %d", row.UserID)
		compare(report, "V1", subject, "total_fires", row.StoredFires, row.Fires)
		compare(report, "V1", subject, "executed", row.StoredExecuted, row.Executed)
		compare(report, "V1", subject, "wins", row.StoredWins, row.Wins)
		compare(report, "V1", subject, "losses", row.StoredLosses, row.Losses)
		compare(report, "V1", subject, "draws", row.StoredDraws, row.Draws)
		compare(report, "V1", subject, "pnl_micros", row.StoredPnlMicros, row.StoredPnlMicros+row.MissingMicros)
	}
	return err
}

func (r *Reader) verifyUserDerived(ctx context.Context, report *Report) error {
	rows, err := r.q.UserDerivedMismatches(ctx, MaxFindings)
	for _, row := range rows {
		subject := fmt.Sprintf("user %d", row.UserID)
		compare(report, "V1", subject, "pnl", row.Pnl, fromMicros(row.PnlMicros))
		compare(report, "V1", subject, "win_rate", row.WinRate, ratio(row.Wins, row.Wins+row.Losses))
	}
	return err
}

func (r *Reader) verifySignalTotals(ctx context.Context, report *Report) error {
	rows, err := r.q.SignalTotalMismatches(ctx, MaxFindings)
	for _, row := range rows {
		subject := fmt.Sprintf("signal %q", row.SignalID)
		compare(report, "V2", subject, "total_fires", row.StoredFires, row.Fires)
		compare(report, "V2", subject, "active_users", row.StoredUsers, row.Fires)
	}
	return err
}

func (r *Reader) verifyDays(ctx context.Context, report *Report) error {
	rows, err := r.q.DayMismatches(ctx, MaxFindings)
	for _, row := range rows {
		subject := fmt.Sprintf("day %s", Day(row.Day))
		compare(report, "V3", subject, "fires", row.StoredFires, row.Fires)
		compare(report, "V3", subject, "executed", row.StoredExecuted, row.Executed)
		compare(report, "V3", subject, "active_users", row.StoredUsers, row.Users)
		compare(report, "V3", subject, "new_users", row.StoredNew, row.New)
	}
	return err
}

func (r *Reader) verifyUserDays(ctx context.Context, report *Report) error {
	rows, err := r.q.UserDayFireMismatches(ctx, dbgen.UserDayFireMismatchesParams{Horizon: int64(report.Horizon), MaxRows: MaxFindings})
	for _, row := range rows {
		subject := fmt.Sprintf("user %d on %s", row.UserID, Day(row.Day))
		compare(report, "V4", subject, "fires", row.StoredFires, row.Fires)
		compare(report, "V4", subject, "executed", row.StoredExecuted, row.Executed)
	}
	return err
}

func (r *Reader) verifyUserDayTrades(ctx context.Context, report *Report) error {
	rows, err := r.q.UserDayTradeMismatches(ctx, MaxFindings)
	for _, row := range rows {
		subject := fmt.Sprintf("user %d on %s", row.UserID, Day(row.Day))
		compare(report, "V4", subject, "wins", row.StoredWins, row.Wins)
		compare(report, "V4", subject, "losses", row.StoredLosses, row.Losses)
		compare(report, "V4", subject, "draws", row.StoredDraws, row.Draws)
		compare(report, "V4", subject, "pnl_micros", row.StoredPnlMicros, row.StoredPnlMicros+row.MissingMicros)
	}
	return err
}

func (r *Reader) verifySignalDays(ctx context.Context, report *Report) error {
	rows, err := r.q.SignalDayMismatches(ctx, dbgen.SignalDayMismatchesParams{Horizon: int64(report.Horizon), MaxRows: MaxFindings})
	for _, row := range rows {
		subject := fmt.Sprintf("signal %q on %s", row.SignalID, Day(row.Day))
		compare(report, "V4", subject, "fires", row.StoredFires, row.Fires)
		compare(report, "V4", subject, "executed", row.StoredExecuted, row.Executed)
	}
	return err
}

func (r *Reader) verifyUsers(ctx context.Context, report *Report) error {
	misfits, err := r.misfits(ctx, MaxFindings)
	for _, m := range misfits {
		subject := fmt.Sprintf("user %d", m.stored.UserID)
		compare(report, "V6", subject, "first_day", Day(m.stored.FirstDay), m.want.first)
		compare(report, "V6", subject, "streak_start", Day(m.stored.StreakStart), m.want.start)
		compare(report, "V6", subject, "streak_end", Day(m.stored.StreakEnd), m.want.end)
		compare(report, "V6", subject, "streak_length", m.stored.StreakLength, m.want.length)
		compare(report, "V6", subject, "streak_until", Day(m.stored.StreakUntil), m.want.until)
		compare(report, "V6", subject, "freezes", m.stored.Freezes, m.want.unspent)
		for _, f := range m.want.moved {
			compare(report, "V6", subject, fmt.Sprintf("day of freeze %q", f.id), f.stored, f.spent)
		}
		compare(report, "V6", subject, "streak_longest", m.stored.StreakLongest, m.want.longest)
		compare(report, "V1", subject, "win_bound", m.stored.WinBound, winBound(m.stored.Wins, m.stored.Losses))
	}
	return err
}

// misfit is a user with a streak, a freeze, a first day or a bound that is not
// what the user's days, grants and totals say.
type misfit struct {
	stored dbgen.UserStat
	want   history
}

// misfits returns misfits, at most limit. It reads users, their days and their
// freezes side by side, all by user.
func (r *Reader) misfits(ctx context.Context, limit int) (found []misfit, err error) {
	rules, err := r.streakRules(ctx)
	if err != nil {
		return nil, err
	}
	allDays, allFreezes := r.activeDays(ctx), r.allFreezes(ctx)
	for from := int64(math.MinInt64); ; {
		users, err := r.q.UsersFrom(ctx, dbgen.UsersFromParams{FromUser: from, MaxRows: MaxLimit})
		if err != nil || len(users) == 0 {
			return found, err
		}
		for _, user := range users {
			days, err := allDays.of(user.UserID)
			if err != nil {
				return found, err
			}
			freezes, err := allFreezes.of(user.UserID)
			if err != nil {
				return found, err
			}
			if m := (misfit{user, rules.history(days, freezes)}); !m.fits() {
				found = append(found, m)
			}
			if len(found) == limit {
				return found, nil
			}
		}
		last := users[len(users)-1].UserID
		if last == math.MaxInt64 {
			return found, nil
		}
		from = last + 1
	}
}

func (m misfit) fits() bool {
	stored := userActivity{
		first: Day(m.stored.FirstDay), start: Day(m.stored.StreakStart), end: Day(m.stored.StreakEnd), until: Day(m.stored.StreakUntil),
		length: m.stored.StreakLength, longest: m.stored.StreakLongest, unspent: m.stored.Freezes,
	}
	return stored == m.want.userActivity && len(m.want.moved) == 0 &&
		m.stored.WinBound == winBound(m.stored.Wins, m.stored.Losses)
}

// byUser reads rows of all users by user, a page at a time, and turns each into
// what it says of its user.
type byUser[Row, T any] struct {
	page  []Row
	next  func(after Row) ([]Row, error)
	after Row
	ended bool
	split func(Row) (user int64, says T)
}

// of returns what the rows of a user say. Users must come in order.
func (b *byUser[Row, T]) of(user int64) (says []T, err error) {
	for {
		for ; len(b.page) > 0; b.page = b.page[1:] {
			owner, said := b.split(b.page[0])
			if owner > user {
				break
			}
			if owner == user {
				says = append(says, said)
			}
			b.after = b.page[0]
		}
		if len(b.page) > 0 || b.ended {
			return says, nil
		}
		if b.page, err = b.next(b.after); err != nil {
			return says, err
		}
		b.ended = len(b.page) == 0
	}
}

func (r *Reader) activeDays(ctx context.Context) *byUser[dbgen.ActiveDaysAfterRow, Day] {
	return &byUser[dbgen.ActiveDaysAfterRow, Day]{
		after: dbgen.ActiveDaysAfterRow{UserID: math.MinInt64},
		next: func(after dbgen.ActiveDaysAfterRow) ([]dbgen.ActiveDaysAfterRow, error) {
			return r.q.ActiveDaysAfter(ctx, dbgen.ActiveDaysAfterParams{
				AfterUser: after.UserID, AfterDay: after.Day, MaxRows: MaxLimit,
			})
		},
		split: func(row dbgen.ActiveDaysAfterRow) (int64, Day) { return row.UserID, Day(row.Day) },
	}
}

func (r *Reader) allFreezes(ctx context.Context) *byUser[dbgen.StreakFreeze, freeze] {
	return &byUser[dbgen.StreakFreeze, freeze]{
		after: dbgen.StreakFreeze{UserID: math.MinInt64},
		next: func(after dbgen.StreakFreeze) ([]dbgen.StreakFreeze, error) {
			return r.q.FreezesAfter(ctx, dbgen.FreezesAfterParams{
				AfterUser: after.UserID, AfterGrant: after.GrantID, MaxRows: MaxLimit,
			})
		},
		split: func(row dbgen.StreakFreeze) (int64, freeze) {
			return row.UserID, freeze{id: row.GrantID, granted: Day(row.GrantedDay), stored: Day(row.SpentDay)}
		},
	}
}

func (r *Reader) verifyFactDays(ctx context.Context, report *Report) error {
	fires, err := r.misplacedFires(ctx, MaxFindings)
	if err != nil {
		return err
	}
	for _, f := range fires {
		compare(report, "V4", fmt.Sprintf("fire %d", f.ID), "day", Day(f.Day), DayOf(f.Timestamp, r.core.loc))
	}
	trades, err := r.misplacedTrades(ctx, MaxFindings)
	for _, t := range trades {
		compare(report, "V4", fmt.Sprintf("trade %d", t.ID), "day", Day(t.Day), DayOf(t.ClosedAt, r.core.loc))
	}
	return err
}

// misplacedFires returns fires, at most limit, that are counted on another day
// than that of their time. Those of day 0 are left out: their time could not be
// read.
func (r *Reader) misplacedFires(ctx context.Context, limit int) (wrong []dbgen.SignalFire, err error) {
	err = r.everyFire(ctx, func(f dbgen.SignalFire) (more bool) {
		if f.Day > int64(unknownDay) && DayOf(f.Timestamp, r.core.loc) != Day(f.Day) {
			wrong = append(wrong, f)
		}
		return len(wrong) < limit
	})
	return wrong, err
}

// misplacedTrades returns trades, at most limit, that are counted on another
// day than that of their time.
func (r *Reader) misplacedTrades(ctx context.Context, limit int) (wrong []dbgen.Trade, err error) {
	err = r.everyTrade(ctx, func(t dbgen.Trade) (more bool) {
		if t.Day > int64(unknownDay) && DayOf(t.ClosedAt, r.core.loc) != Day(t.Day) {
			wrong = append(wrong, t)
		}
		return len(wrong) < limit
	})
	return wrong, err
}

// everyFire shows all fires to look, by their key, until it wants no more.
func (r *Reader) everyFire(ctx context.Context, look func(dbgen.SignalFire) (more bool)) error {
	after := dbgen.FiresAfterParams{AfterUser: math.MinInt64, MaxRows: MaxLimit}
	for {
		fires, err := r.q.FiresAfter(ctx, after)
		if err != nil || len(fires) == 0 {
			return err
		}
		for _, f := range fires {
			if !look(f) {
				return nil
			}
		}
		last := fires[len(fires)-1]
		after.AfterUser, after.AfterSignal = last.UserID, last.SignalID
	}
}

// everyTrade shows all trades to look, by their key, until it wants no more.
func (r *Reader) everyTrade(ctx context.Context, look func(dbgen.Trade) (more bool)) error {
	after := dbgen.TradesAfterParams{AfterUser: math.MinInt64, MaxRows: MaxLimit}
	for {
		trades, err := r.q.TradesAfter(ctx, after)
		if err != nil || len(trades) == 0 {
			return err
		}
		for _, t := range trades {
			if !look(t) {
				return nil
			}
		}
		last := trades[len(trades)-1]
		after.AfterUser, after.AfterTrade = last.UserID, last.TradeID
	}
}
