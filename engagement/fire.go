package engagement

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Fire says that a user acts on a signal. Its key is (UserID, SignalID).
type Fire struct {
	UserID   int64     `json:"user_id"`   // not 0
	SignalID string    `json:"signal_id"` // 1 to 256 bytes of UTF-8 without control characters
	At       time.Time `json:"timestamp"` // zero: now; cut to whole microseconds
	Executed bool      `json:"executed"`  // the order reached the broker
}

// Status says what a call did with a fact.
type Status int

// The statuses.
const (
	Recorded       Status = iota + 1 // it was new
	MarkedExecuted                   // the fire was stored as not executed, and is now
	Duplicate                        // it was stored already; nothing changed
)

// String returns the status as it stands in JSON: "recorded",
// "marked_executed" or "duplicate".
func (o Status) String() string {
	switch o {
	case Recorded:
		return "recorded"
	case MarkedExecuted:
		return "marked_executed"
	case Duplicate:
		return "duplicate"
	}
	return fmt.Sprintf("Status(%d)", int(o))
}

// MarshalText returns the status's name.
func (o Status) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads the status's name. Anything else is ErrInvalid.
func (o *Status) UnmarshalText(text []byte) error {
	for _, known := range []Status{Recorded, MarkedExecuted, Duplicate} {
		if known.String() == string(text) {
			*o = known
			return nil
		}
	}
	return invalid("status", string(text), "want recorded, marked_executed or duplicate")
}

// FireReceipt is what recording a fire came to.
type FireReceipt struct {
	Status Status `json:"status"`
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
// A time before the day 1970-01-02 of the database's zone, or more than 24 hours
// ahead of its clock, is ErrInvalid.
//
// A fire of a day whose fires have been cleaned up is ErrInvalid: nobody could
// tell any more whether it was counted. A caller who may repeat a call that
// late must give the fire's time; without one it is a fire of now.
//
// Callers who record at the same time share a commit; each returns when its own
// fire is on disk.
func (db *DB) RecordFire(ctx context.Context, f Fire) (result FireReceipt, err error) {
	err = db.core.do(ctx, "record fire", func() (int, error) {
		fact, err := db.checkFire(f)
		if err != nil {
			return 0, err
		}
		w := write{fire: fact}
		if err := db.enqueue(ctx, &w); err != nil {
			return 0, fmt.Errorf("fire of user %d for signal %q: %w", f.UserID, f.SignalID, err)
		}
		result = FireReceipt{w.status, w.milestones}
		return 1, nil
	})
	return result, err
}

// RecordFires stores many fires in one transaction, in their order, and
// returns their results in the same order. If one is refused, none is stored.
func (db *DB) RecordFires(ctx context.Context, fires []Fire) (results []FireReceipt, err error) {
	err = db.writeKeyed(ctx, "record fires", func(tx *Tx) (int, error) {
		results, err = tx.recordFires(ctx, fires)
		return len(results), err
	})
	return results, err
}

// RecordFire does what [DB.RecordFire] does, as part of the transaction.
func (tx *Tx) RecordFire(ctx context.Context, f Fire) (FireReceipt, error) {
	results, err := tx.RecordFires(ctx, []Fire{f})
	if err != nil {
		return FireReceipt{}, err
	}
	return results[0], nil
}

// RecordFires does what [DB.RecordFires] does, as part of the transaction.
func (tx *Tx) RecordFires(ctx context.Context, fires []Fire) (results []FireReceipt, err error) {
	err = tx.joined(ctx, "record fires", func() (int, error) {
		results, err = tx.recordFires(ctx, fires)
		return len(results), err
	})
	return results, err
}

func (tx *Tx) recordFires(ctx context.Context, fires []Fire) ([]FireReceipt, error) {
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
	results := make([]FireReceipt, 0, len(fires))
	for chunk := range slices.Chunk(facts, storeChunk) {
		t := newTally()
		statuses, err := tx.storeFires(ctx, chunk, t)
		var awarded awards
		if err == nil {
			awarded, err = t.apply(ctx, tx)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", describeFires(chunk), err)
		}
		for i, status := range statuses {
			results = append(results, FireReceipt{status, awarded.take(chunk[i], status)})
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

// storeFires stores fires and returns their statuses, as if they had come one
// after another, and adds what they change to t. Of each key only the first
// fire can be new, and only the first executed one can mark the stored fire.
func (tx *Tx) storeFires(ctx context.Context, facts []dbgen.SignalFire, t *tally) ([]Status, error) {
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
	statuses := make([]Status, len(facts))
	for _, row := range inserted {
		i := first[fireKey{row.UserID, row.SignalID}]
		statuses[i] = Recorded
		t.fire(facts[i], tx.now)
	}
	if err := tx.markExecuted(ctx, facts, statuses, t); err != nil {
		return nil, err
	}
	for i := range statuses {
		if statuses[i] == 0 {
			statuses[i] = Duplicate
		}
	}
	return statuses, nil
}

// markExecuted handles the executed fires whose key was stored before them.
func (tx *Tx) markExecuted(ctx context.Context, facts []dbgen.SignalFire, statuses []Status, t *tally) error {
	marks := map[fireKey]int{}
	for i, f := range facts {
		if _, known := marks[keyOf(f)]; !known && f.Executed && statuses[i] != Recorded {
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
		statuses[marks[fireKey{row.UserID, row.SignalID}]] = MarkedExecuted
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

// FirePage selects some fires out of a list that runs from the newest to the
// oldest.
type FirePage struct {
	Limit int         // 1 to MaxLimit; 0: DefaultLimit
	After *SignalFire // the last fire of the page before; nil: from the newest
}

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
