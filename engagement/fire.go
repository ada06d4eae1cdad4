package engagement

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Fire says that a user acts on a signal. Its key is (UserID, SignalID).
type Fire struct {
	UserID   int64     `json:"user_id"`   // not 0
	SignalID string    `json:"signal_id"` // 1 to 256 bytes of UTF-8 without control characters
	At       time.Time `json:"timestamp"` // zero: now
	Executed bool      `json:"executed"`  // the order reached the broker
}

// Outcome says what a call did with a fact.
type Outcome int

// The outcomes.
const (
	Recorded       Outcome = iota + 1 // it was new
	MarkedExecuted                    // the fire was stored as not executed, and is now
	Duplicate                         // it was stored already; nothing changed
)

// String returns the outcome as it stands in JSON: "recorded",
// "marked_executed" or "duplicate".
func (o Outcome) String() string {
	switch o {
	case Recorded:
		return "recorded"
	case MarkedExecuted:
		return "marked_executed"
	case Duplicate:
		return "duplicate"
	}
	return fmt.Sprintf("Outcome(%d)", int(o))
}

// MarshalText returns the outcome's name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads the outcome's name. Anything else is ErrInvalid.
func (o *Outcome) UnmarshalText(text []byte) error {
	for _, known := range []Outcome{Recorded, MarkedExecuted, Duplicate} {
		if known.String() == string(text) {
			*o = known
			return nil
		}
	}
	return invalid("outcome", string(text), "want recorded, marked_executed or duplicate")
}

// FireResult is what recording a fire came to.
type FireResult struct {
	Outcome Outcome `json:"outcome"`
	// Milestones are those that the fire's becoming known has awarded to its
	// user's streaks, ascending; none for most fires. See [Reader.Awards].
	Milestones []int64 `json:"milestones,omitempty"`
}

// SignalFire is a stored fire.
type SignalFire struct {
	ID        int64     `json:"id"`
	UserID    int64     `json:"user_id"`
	SignalID  string    `json:"signal_id"`
	Timestamp time.Time `json:"timestamp"` // UTC
	Executed  bool      `json:"executed"`
}

// RecordFire stores a fire and moves every counter that it touches, together
// or not at all. Repeating the call is safe: the same fire again is Duplicate
// and changes nothing, except that a fire stored as not executed becomes
// MarkedExecuted. A late retry never takes an execution back, and the first
// timestamp stays.
//
// A fire of a day whose fires have been cleaned up is ErrInvalid: nobody could
// tell any more whether it was counted. A caller who may repeat a call that
// late must give the fire's time; without one it is a fire of now.
//
// Callers who record at the same time share a commit; each returns when its own
// fire is on disk.
func (db *DB) RecordFire(ctx context.Context, f Fire) (result FireResult, err error) {
	err = db.core.do(ctx, "record fire", func() (int, error) {
		fact, err := db.checkFire(f)
		if err != nil {
			return 0, err
		}
		w := write{fire: fact}
		if err := db.enqueue(ctx, &w); err != nil {
			return 0, fmt.Errorf("fire of user %d for signal %q: %w", f.UserID, f.SignalID, err)
		}
		result = FireResult{w.outcome, w.milestones}
		return 1, nil
	})
	return result, err
}

// RecordFires stores many fires in one transaction, in their order, and
// returns their results in the same order. If one is refused, none is stored.
func (db *DB) RecordFires(ctx context.Context, fires []Fire) (results []FireResult, err error) {
	err = db.writeKeyed(ctx, "record fires", func(tx *Tx) (int, error) {
		results, err = tx.recordFires(ctx, fires)
		return len(results), err
	})
	return results, err
}

// RecordFire does what [DB.RecordFire] does, as part of the transaction.
func (tx *Tx) RecordFire(ctx context.Context, f Fire) (FireResult, error) {
	results, err := tx.RecordFires(ctx, []Fire{f})
	if err != nil {
		return FireResult{}, err
	}
	return results[0], nil
}

// RecordFires does what [DB.RecordFires] does, as part of the transaction.
func (tx *Tx) RecordFires(ctx context.Context, fires []Fire) (results []FireResult, err error) {
	err = tx.joined(ctx, "record fires", func() (int, error) {
		results, err = tx.recordFires(ctx, fires)
		return len(results), err
	})
	return results, err
}

func (tx *Tx) recordFires(ctx context.Context, fires []Fire) ([]FireResult, error) {
	facts := make([]dbgen.SignalFire, len(fires))
	for i, f := range fires {
		var err error
		if facts[i], err = tx.checkFire(f); err != nil {
			return nil, batchError(i, len(fires), err)
		}
	}
	horizon, err := tx.horizonFor(ctx, earliestDay(facts))
	if err != nil {
		return nil, err
	}
	for i := range facts {
		if err := checkHorizon(facts[i], horizon); err != nil {
			return nil, batchError(i, len(fires), err)
		}
	}
	results := make([]FireResult, 0, len(fires))
	for chunk := range slices.Chunk(facts, storeChunk) {
		t := newTally()
		outcomes, err := tx.storeFires(ctx, chunk, t)
		var awarded awards
		if err == nil {
			awarded, err = t.apply(ctx, tx)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", describeFires(chunk), err)
		}
		for i, outcome := range outcomes {
			results = append(results, FireResult{outcome, awarded.take(chunk[i], outcome)})
		}
	}
	return results, nil
}

// storeChunk is how many fires one statement stores.
const storeChunk = 4_096

// batchError says which of several facts an error belongs to.
func batchError(i, n int, err error) error {
	if n == 1 {
		return err
	}
	return fmt.Errorf("number %d of %d: %w", i+1, n, err)
}

func describeFires(facts []dbgen.SignalFire) string {
	if len(facts) == 1 {
		return fmt.Sprintf("fire of user %d for signal %q", facts[0].UserID, facts[0].SignalID)
	}
	return fmt.Sprintf("%d fires", len(facts))
}

type fireKey struct {
	user   int64
	signal string
}

func keyOf(f dbgen.SignalFire) fireKey { return fireKey{f.UserID, f.SignalID} }

func compareFireKeys(a, b fireKey) int {
	return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.signal, b.signal))
}

// storeFires stores fires and returns their outcomes, as if they had come one
// after another, and adds what they change to t. Of each key only the first
// fire can be new, and only the first executed one can mark the stored fire.
func (tx *Tx) storeFires(ctx context.Context, facts []dbgen.SignalFire, t *tally) ([]Outcome, error) {
	if len(facts) == 0 {
		return nil, nil
	}
	first := make(map[fireKey]int, len(facts))
	var params rows
	for i, f := range facts {
		if _, known := first[keyOf(f)]; known {
			continue
		}
		first[keyOf(f)] = i
		params.begin().int(f.UserID).str(f.SignalID).time(f.Timestamp).bool(f.Executed).int(f.Day)
	}
	inserted, err := tx.q.InsertFires(ctx, params.String())
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(facts))
	for _, row := range inserted {
		i := first[fireKey{row.UserID, row.SignalID}]
		outcomes[i] = Recorded
		t.fire(facts[i], tx.now)
	}
	if err := tx.markExecuted(ctx, facts, outcomes, t); err != nil {
		return nil, err
	}
	for i := range outcomes {
		if outcomes[i] == 0 {
			outcomes[i] = Duplicate
		}
	}
	return outcomes, nil
}

// markExecuted handles the executed fires whose key was stored before them.
func (tx *Tx) markExecuted(ctx context.Context, facts []dbgen.SignalFire, outcomes []Outcome, t *tally) error {
	marks := map[fireKey]int{}
	for i, f := range facts {
		if _, known := marks[keyOf(f)]; !known && f.Executed && outcomes[i] != Recorded {
			marks[keyOf(f)] = i
		}
	}
	if len(marks) == 0 {
		return nil
	}
	var params rows
	for _, key := range sortedKeys(marks, compareFireKeys) {
		params.begin().int(key.user).str(key.signal)
	}
	marked, err := tx.q.MarkFiresExecuted(ctx, params.String())
	for _, row := range marked {
		outcomes[marks[fireKey{row.UserID, row.SignalID}]] = MarkedExecuted
		if row.Day >= 0 { // otherwise it is counted later, as executed
			t.executed(row.UserID, row.SignalID, Day(row.Day))
		}
	}
	return err
}

// checkFire refuses a fire that cannot be stored and returns the row for one
// that can.
func (r *Reader) checkFire(f Fire) (dbgen.SignalFire, error) {
	if err := checkUserID(f.UserID); err != nil {
		return dbgen.SignalFire{}, err
	}
	if err := checkID("signal id", f.SignalID); err != nil {
		return dbgen.SignalFire{}, err
	}
	at, day, err := r.checkTime("timestamp", f.At)
	if err != nil {
		return dbgen.SignalFire{}, err
	}
	return dbgen.SignalFire{
		UserID: f.UserID, SignalID: f.SignalID, Timestamp: at, Executed: f.Executed, Day: int64(day),
	}, nil
}

// earliestDay returns the earliest day of some fires.
func earliestDay(facts []dbgen.SignalFire) Day {
	first := int64(math.MaxInt64)
	for _, f := range facts {
		first = min(first, f.Day)
	}
	return Day(first)
}

func checkHorizon(f dbgen.SignalFire, horizon Day) error {
	if Day(f.Day) < horizon {
		return invalid("timestamp", f.Timestamp.Format(time.RFC3339), fmt.Sprintf(
			"the fires before %s have been cleaned up, so it may have been counted already", horizon))
	}
	return nil
}

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

// checkTime returns t (now, if zero) as it is stored, and its day.
func (r *Reader) checkTime(field string, t time.Time) (time.Time, Day, error) {
	if t.IsZero() {
		t = r.instant()
	}
	t = stored(t)
	day := DayOf(t, r.core.loc)
	switch {
	case t.Unix() < 0 || day <= unknownDay:
		return t, 0, invalid(field, t.Format(time.RFC3339), "want a time after 1970-01-01")
	case t.After(r.instant().Add(maxAhead)):
		return t, 0, invalid(field, t.Format(time.RFC3339), "it is more than 24 hours ahead")
	}
	return t, day, nil
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

// FirePage selects some fires out of a list that runs from the newest to the
// oldest.
type FirePage struct {
	Limit int         // 1 to MaxLimit; 0: DefaultLimit
	After *SignalFire // the last fire of the page before; nil: from the newest
}

// endOfTime is the last time that can be stored as text.
var endOfTime = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)

func (p FirePage) position() (before time.Time, id int64) {
	if p.After == nil {
		return endOfTime, math.MaxInt64
	}
	return stored(p.After.Timestamp), p.After.ID
}

// UserFires returns a user's fires that are still kept one by one, newest
// first; none for a user without any.
func (r *Reader) UserFires(ctx context.Context, userID int64, page FirePage) (fires []SignalFire, err error) {
	err = r.single(ctx, "list a user's fires", func(r *Reader) (int, error) {
		rows, err := r.userFires(ctx, userID, page)
		fires = signalFires(rows)
		return len(fires), err
	})
	return fires, err
}

func (r *Reader) userFires(ctx context.Context, userID int64, page FirePage) ([]dbgen.SignalFire, error) {
	if err := checkUserID(userID); err != nil {
		return nil, err
	}
	limit, err := checkLimit(page.Limit)
	if err != nil {
		return nil, err
	}
	before, id := page.position()
	return r.q.UserFires(ctx, dbgen.UserFiresParams{UserID: userID, Before: before, BeforeID: id, MaxRows: limit})
}

// SignalFires returns a signal's fires that are still kept one by one, newest
// first; none for a signal without any.
func (r *Reader) SignalFires(ctx context.Context, signalID string, page FirePage) (fires []SignalFire, err error) {
	err = r.single(ctx, "list a signal's fires", func(r *Reader) (int, error) {
		if err := checkID("signal id", signalID); err != nil {
			return 0, err
		}
		limit, err := checkLimit(page.Limit)
		if err != nil {
			return 0, err
		}
		before, id := page.position()
		rows, err := r.q.SignalFires(ctx, dbgen.SignalFiresParams{SignalID: signalID, Before: before, BeforeID: id, MaxRows: limit})
		fires = signalFires(rows)
		return len(fires), err
	})
	return fires, err
}

func signalFires(rows []dbgen.SignalFire) []SignalFire {
	fires := make([]SignalFire, len(rows))
	for i, row := range rows {
		fires[i] = signalFire(row)
	}
	return fires
}

func signalFire(row dbgen.SignalFire) SignalFire {
	return SignalFire{ID: row.ID, UserID: row.UserID, SignalID: row.SignalID, Timestamp: row.Timestamp, Executed: row.Executed}
}
