package engagement

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hydraxdev/engagementdb/dbgen"
)

func checkUserID(id int64) error {
	if id == 0 {
		return invalid("user id", id, "want a number other than 0")
	}
	return nil
}

const maxIDBytes = 256

// checkID refuses an id that could not be stored or shown faithfully.
func checkID(field, id string) error {
	switch {
	case id == "":
		return invalid(field, id, "it is empty")
	case len(id) > maxIDBytes:
		return invalid(field, id[:32]+"…", fmt.Sprintf("it has %d bytes, want at most %d", len(id), maxIDBytes))
	case !utf8.ValidString(id):
		return invalid(field, id, "it is not UTF-8")
	}
	for _, r := range id {
		if unicode.IsControl(r) {
			return invalid(field, id, "it has a control character")
		}
	}
	return nil
}

// maxAhead is how far a clock may be ahead of ours.
const maxAhead = 24 * time.Hour

// checkTime returns t (now, if zero) in the form in which it is stored, and its day.
func (c *core) checkTime(field string, t, now time.Time) (time.Time, Day, error) {
	if t.IsZero() {
		t = now
	}
	t = stored(t)
	day := DayOf(t, c.loc)
	switch {
	case t.Unix() > endOfTime.Unix(): // first, for the furthest times cannot be compared
		return t, 0, invalid(field, t.Format(time.RFC3339), "want a time before the year 10000")
	case t.Unix() < 0 || day < firstDay:
		return t, 0, invalid(field, t.Format(time.RFC3339), "want a time after 1970-01-01")
	case t.After(now.Add(maxAhead)):
		return t, 0, invalid(field, t.Format(time.RFC3339), "it is more than 24 hours ahead")
	}
	return t, day, nil
}

// checkClock refuses to write while the clock shows a time that cannot be stored.
func checkClock(now time.Time) error {
	if !DayOf(now, time.UTC).known() {
		return invalid("clock", now.Format(time.RFC3339), wantDay)
	}
	return nil
}

// DefaultLimit is how many rows a Limit of 0 stands for; MaxLimit is the most
// that one call returns.
const (
	DefaultLimit = 100
	MaxLimit     = 10_000
)

func checkLimit(limit int) (int64, error) {
	switch {
	case limit == 0:
		return DefaultLimit, nil
	case limit < 0 || limit > MaxLimit:
		return 0, invalid("limit", limit, fmt.Sprintf("want 1 to %d, or 0 for %d", MaxLimit, DefaultLimit))
	}
	return int64(limit), nil
}

// endOfTime is the last time that can be stored as text.
var endOfTime = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)

// furthestDay is after every day of the calendar; differences of days up to it do not
// overflow.
const furthestDay Day = 4_000_000

// The first and the last day of the calendar. The first is a Monday, so that the
// weeks of all days begin with one of them.
const (
	minDay Day = -719_162  // 0001-01-01
	maxDay Day = 2_932_896 // 9999-12-31
)

const wantDay = "want a day of the years 1 to 9999"

func checkDay(field string, day Day) error {
	if !day.known() {
		return invalid(field, int64(day), wantDay)
	}
	return nil
}

func checkDayRange(from, to Day) error {
	switch shown := Days(from, to).String(); {
	case from > to:
		return invalid("window", shown, "it ends before it starts")
	case !from.known() || !to.known():
		return invalid("window", shown, wantDay)
	case to-from >= MaxLimit:
		return invalid("window", shown, fmt.Sprintf("want at most %d days", MaxLimit))
	}
	return nil
}

func checkKeepDays(keepDays int) error {
	if keepDays < 1 {
		return invalid("days to keep", keepDays, "want at least 1")
	}
	return nil
}

// checkFire refuses a fire that cannot be stored and returns the fact for one
// that can.
func (c *core) checkFire(f Fire, now time.Time) (*fact, error) {
	if err := checkUserID(f.UserID); err != nil {
		return nil, err
	}
	if err := checkID("signal id", f.SignalID); err != nil {
		return nil, err
	}
	at, day, err := c.checkTime("timestamp", f.At, now)
	if err != nil {
		return nil, err
	}
	return &fact{fire: dbgen.SignalFire{
		UserID: f.UserID, SignalID: f.SignalID, Timestamp: at, Executed: f.Executed, Day: int64(day),
	}}, nil
}

// checkHorizon refuses a fire of a day whose fires have been cleaned up.
func (f *fact) checkHorizon(horizon Day) error {
	if f.isTrade || Day(f.fire.Day) >= horizon {
		return nil
	}
	return invalid("timestamp", f.fire.Timestamp.Format(time.RFC3339), fmt.Sprintf(
		"the fires before %s have been cleaned up, so it may have been counted already", horizon))
}

// checkTrade refuses a trade that cannot be stored and returns the fact for one
// that can.
func (c *core) checkTrade(t Trade, now time.Time) (*fact, error) {
	if err := checkTradeIDs(t.UserID, t.TradeID, t.SignalID); err != nil {
		return nil, err
	}
	if t.TradeID == openingBalance {
		return nil, invalid("trade id", t.TradeID, "it is reserved for the P&L with which a user came from an adopted file")
	}
	micros, err := toMicros("P&L", t.PnL)
	if err != nil {
		return nil, err
	}
	outcome, err := outcomeOf(t.Outcome, micros)
	if err != nil {
		return nil, err
	}
	at, day, err := c.checkTime("closing time", t.ClosedAt, now)
	if err != nil {
		return nil, err
	}
	return &fact{isTrade: true, timeGiven: !t.ClosedAt.IsZero(), trade: dbgen.Trade{
		UserID: t.UserID, TradeID: t.TradeID, SignalID: t.SignalID,
		PnlMicros: micros, Outcome: outcome.String(), ClosedAt: at, Day: int64(day),
	}}, nil
}

// checkOpeningBalance is checkTrade for an opening balance. It checks the user, the
// P&L and the time only.
func (c *core) checkOpeningBalance(t Trade) (*fact, error) {
	if err := checkUserID(t.UserID); err != nil {
		return nil, err
	}
	micros, err := toMicros("P&L", t.PnL)
	if err != nil {
		return nil, err
	}
	return &fact{isTrade: true, trade: dbgen.Trade{
		UserID: t.UserID, TradeID: openingBalance, PnlMicros: micros, Outcome: Draw.String(),
		ClosedAt: stored(balanceTime(t.ClosedAt)), Day: int64(balanceDay),
	}}, nil
}

// balanceTime returns the time that an opening balance is stored with: the given one
// if it can be stored, otherwise another. No figure depends on it.
func balanceTime(t time.Time) time.Time {
	if t.Unix() < 0 || t.After(endOfTime) {
		return time.Unix(0, 0).UTC()
	}
	return t
}

func checkTradeIDs(userID int64, tradeID, signalID string) error {
	if err := checkUserID(userID); err != nil {
		return err
	}
	if err := checkID("trade id", tradeID); err != nil {
		return err
	}
	if signalID == "" {
		return nil
	}
	return checkID("signal id", signalID)
}

// placeFire refuses a stored fire that could not have been recorded as it is, and
// returns the day that it belongs on.
func (c *core) placeFire(f dbgen.SignalFire, now time.Time) (Day, error) {
	if err := checkUserID(f.UserID); err != nil {
		return 0, err
	}
	if err := checkID("signal id", f.SignalID); err != nil {
		return 0, err
	}
	return c.placeTime("timestamp", f.Timestamp, now)
}

// placeTrade is placeFire for a stored trade.
func (c *core) placeTrade(t dbgen.Trade, now time.Time) (Day, error) {
	if kept, isKept := strings.CutPrefix(t.SignalID, keptPnL); isKept && t.TradeID == openingBalance {
		return 0, invalid("P&L", kept, "it is no amount that can be carried")
	}
	if err := checkTradeIDs(t.UserID, t.TradeID, t.SignalID); err != nil {
		return 0, err
	}
	if t.PnlMicros > maxMicros || t.PnlMicros < -maxMicros {
		return 0, invalid("P&L", fromMicros(t.PnlMicros), fmt.Sprintf("want a number within ±%.0f", MaxPnL))
	}
	if _, err := ParseOutcome(t.Outcome); err != nil {
		return 0, err
	}
	if t.TradeID == openingBalance {
		if t.Outcome != Draw.String() || t.SignalID != "" {
			return 0, invalid("trade id", t.TradeID, "it is reserved for opening balances, which are draws without a signal")
		}
		return balanceDay, nil
	}
	return c.placeTime("closing time", t.ClosedAt, now)
}

// placeTime is checkTime for a time that is stored.
func (c *core) placeTime(field string, t, now time.Time) (Day, error) {
	if t.IsZero() {
		return 0, invalid(field, nil, "it cannot be read")
	}
	_, day, err := c.checkTime(field, t, now)
	return day, err
}

// keptPnL begins the signal of an opening balance whose P&L could not be carried; the
// P&L as it was written follows.
const keptPnL = "P&L "

func checkSameTrade(known, row dbgen.Trade, timeGiven bool) error {
	conflict := func(field string, have, got any) error {
		return fmt.Errorf("%w: %s is stored as %#v, got %#v", ErrConflict, field, have, got)
	}
	switch {
	case known.SignalID != row.SignalID:
		return conflict("signal id", known.SignalID, row.SignalID)
	case known.PnlMicros != row.PnlMicros:
		return conflict("P&L", fromMicros(known.PnlMicros), fromMicros(row.PnlMicros))
	case known.Outcome != row.Outcome:
		return conflict("outcome", known.Outcome, row.Outcome)
	case timeGiven && !known.ClosedAt.Equal(row.ClosedAt):
		return conflict("closing time", known.ClosedAt.Format(time.RFC3339Nano), row.ClosedAt.Format(time.RFC3339Nano))
	}
	return nil
}

// errAside refuses a fact with the key of a row that is set aside.
func errAside(table string, id int64) error {
	return fmt.Errorf("%w: %s, row %d has this key and is set aside; mend or delete it", ErrConflict, table, id)
}

// stored returns t as the database keeps it: UTC, whole microseconds.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
