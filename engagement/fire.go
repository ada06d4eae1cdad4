package engagement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Fire is a user acting on a signal. Its key is (UserID, SignalID).
type Fire struct {
	UserID   int64     `json:"user_id"`            // not 0
	SignalID string    `json:"signal_id"`          // 1 to 256 bytes of UTF-8 without control characters
	At       time.Time `json:"timestamp,omitzero"` // zero: now; cut to whole microseconds
	Executed bool      `json:"executed"`           // the order reached the broker
}

// String names the fire by its key.
func (f Fire) String() string {
	return fmt.Sprintf("fire of user %d for signal %q", f.UserID, f.SignalID)
}

// Status is what a call did with a fact.
type Status int

// The statuses. The zero value is none of them.
const (
	Recorded       Status = iota + 1 // it was new
	MarkedExecuted                   // the fire was stored as not executed, and is now
	Duplicate                        // it was stored already; nothing changed
)

// Statuses lists all statuses.
func Statuses() []Status { return []Status{Recorded, MarkedExecuted, Duplicate} }

// String returns the status's name: "recorded", "marked_executed" or "duplicate".
func (s Status) String() string {
	switch s {
	case Recorded:
		return "recorded"
	case MarkedExecuted:
		return "marked_executed"
	case Duplicate:
		return "duplicate"
	}
	return fmt.Sprintf("Status(%d)", int(s))
}

// ParseStatus reads a status's name. Anything else is ErrInvalid.
func ParseStatus(s string) (Status, error) { return parseNamed("status", s, Statuses()) }

// MarshalText returns the status's name, "" for the zero value.
func (s Status) MarshalText() ([]byte, error) { return marshalNamed("status", s, Statuses()) }

// UnmarshalText reads what MarshalText returns.
func (s *Status) UnmarshalText(text []byte) error { return unmarshalNamed(s, text, ParseStatus) }

// FireReceipt says what recording a fire did.
type FireReceipt struct {
	Status Status `json:"status"`
	// Milestones are the lengths, ascending, that were awarded to the user's streaks
	// because of this fire; none for most fires. See [Reader.Awards].
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
// A fire of a day whose fires have been cleaned up is ErrInvalid, since nobody can
// tell any more whether it was counted. A caller who may repeat a call that late must
// give the fire's time; without one the repeated call records a fire at the present
// time.
//
// A fire with the key of a row that is set aside is ErrConflict, which names the
// row; see [Reader.Aside].
//
// Callers who record at the same time share a commit; each returns when its own
// fire is on disk.
func (db *DB) RecordFire(ctx context.Context, f Fire) (FireReceipt, error) {
	return run(ctx, db.shared(), "record fire", func() (FireReceipt, error) {
		checked, err := db.core.checkFire(f, db.core.instant())
		if err != nil {
			return FireReceipt{}, err
		}
		r, err := db.enqueue(ctx, checked)
		if err != nil {
			return FireReceipt{}, fmt.Errorf("%s: %w", f, err)
		}
		return FireReceipt{r.status, r.milestones}, nil
	})
}

// RecordFires stores many fires in one transaction, in their order, and
// returns their receipts in the same order. If one is refused, none is stored.
func (db *DB) RecordFires(ctx context.Context, fires []Fire) ([]FireReceipt, error) {
	return write(ctx, db, "record fires", idempotent, func(w *writing) ([]FireReceipt, error) {
		return w.recordFires(ctx, fires)
	})
}

// RecordFire does what [DB.RecordFire] does, as part of the transaction.
func (tx *Tx) RecordFire(ctx context.Context, f Fire) (FireReceipt, error) {
	receipts, err := tx.RecordFires(ctx, []Fire{f})
	if err != nil {
		return FireReceipt{}, err
	}
	return receipts[0], nil
}

// RecordFires does what [DB.RecordFires] does, as part of the transaction.
func (tx *Tx) RecordFires(ctx context.Context, fires []Fire) ([]FireReceipt, error) {
	return join(ctx, tx, "record fires", func(w *writing) ([]FireReceipt, error) {
		return w.recordFires(ctx, fires)
	})
}

func (w *writing) recordFires(ctx context.Context, fires []Fire) ([]FireReceipt, error) {
	facts := make([]*fact, len(fires))
	for i, f := range fires {
		var err error
		if facts[i], err = w.checkFire(f, w.now); err != nil {
			return nil, batchError(i, len(fires), err)
		}
	}
	recorded, err := w.recordAll(ctx, facts)
	switch {
	case err != nil && len(fires) == 1:
		return nil, fmt.Errorf("%s: %w", fires[0], err)
	case err != nil:
		return nil, fmt.Errorf("%d fires: %w", len(fires), err)
	}
	receipts := make([]FireReceipt, len(recorded))
	for i, r := range recorded {
		receipts[i] = FireReceipt{r.status, r.milestones}
	}
	return receipts, nil
}

// Fire returns a user's fire for a signal, or ErrNotFound if none is stored one by
// one: there was none, or it was cleaned up.
func (r *Reader) Fire(ctx context.Context, userID int64, signalID string) (SignalFire, error) {
	return latest(ctx, r, "read a fire", func(v *view) (SignalFire, error) {
		if err := checkUserID(userID); err != nil {
			return SignalFire{}, err
		}
		if err := checkID("signal id", signalID); err != nil {
			return SignalFire{}, err
		}
		row, err := v.q.GetFire(ctx, dbgen.GetFireParams{UserID: userID, SignalID: signalID})
		if errors.Is(err, sql.ErrNoRows) {
			return SignalFire{}, fmt.Errorf("%s: %w", Fire{UserID: userID, SignalID: signalID}, ErrNotFound)
		}
		return signalFire(row), err
	})
}

// FireFilter selects fires. The zero value selects all.
type FireFilter struct {
	UserID   int64  `json:"user_id,omitzero"`   // 0: of all users
	SignalID string `json:"signal_id,omitzero"` // "": of all signals
	Executed bool   `json:"executed,omitzero"`  // true: only executed fires; false: all
	Window   Window `json:"window,omitzero"`    // zero: of all time
}

func (f FireFilter) check() error {
	if f.SignalID != "" {
		if err := checkID("signal id", f.SignalID); err != nil {
			return err
		}
	}
	return f.Window.check()
}

// Fires lists the fires that f selects and that are still kept one by one, newest
// first; an empty page if there are none.
//
// It reads the fires of the page from an index of the user's, the signal's or all
// fires, and at the end of a window at most as many more. With both a user and a
// signal it reads one fire. Executed does not narrow what is read: to fill a page,
// all older fires may be read.
func (r *Reader) Fires(ctx context.Context, f FireFilter, q PageQuery) (Page[SignalFire], error) {
	return latest(ctx, r, "list fires", func(v *view) (Page[SignalFire], error) {
		return v.fires(ctx, f, q)
	})
}

func (v *view) fires(ctx context.Context, f FireFilter, q PageQuery) (Page[SignalFire], error) {
	if err := f.check(); err != nil {
		return Page[SignalFire]{}, err
	}
	p, err := v.factPaging(q, fmt.Sprintf("fires of %d for %q, executed %t, in %v", f.UserID, f.SignalID, f.Executed, f.Window), f.Window.days())
	if err != nil {
		return Page[SignalFire]{}, err
	}
	return v.firesOf(ctx, f.UserID, f.SignalID, f.Executed, p)
}

// firesOf lists a page of fires, of the user and for the signal if they are given:
// all, or only executed ones.
func (v *view) firesOf(ctx context.Context, userID int64, signalID string, executed bool, p factPaging) (Page[SignalFire], error) {
	before, id, user, signal := p.before()
	notExecuted := int64(1)
	if executed {
		notExecuted = 0
	}
	var rows []dbgen.SignalFire
	var err error
	switch {
	case userID != 0 && signalID != "":
		rows, err = v.theFire(ctx, userID, signalID, executed)
	case userID != 0:
		rows, err = v.q.UserFires(ctx, dbgen.UserFiresParams{
			UserID: userID, Before: before, BeforeID: id, BeforeSignal: signal, NotExecuted: notExecuted, MaxRows: p.rows(),
		})
	case signalID != "":
		rows, err = v.q.SignalFires(ctx, dbgen.SignalFiresParams{
			SignalID: signalID, Before: before, BeforeID: id, BeforeUser: user, NotExecuted: notExecuted, MaxRows: p.rows(),
		})
	default:
		rows, err = v.q.Fires(ctx, dbgen.FiresParams{
			Before: before, BeforeID: id, BeforeUser: user, BeforeSignal: signal, NotExecuted: notExecuted, MaxRows: p.rows(),
		})
	}
	if err != nil {
		return Page[SignalFire]{}, err
	}
	rows, next, err := cutFacts(p, rows, func(row dbgen.SignalFire) position {
		return factPosition(row.Timestamp, row.ID, row.UserID, row.SignalID)
	}, func(row dbgen.SignalFire) int64 { return row.Day })
	return Page[SignalFire]{signalFires(rows), next}, err
}

// theFire returns the row of a user's fire for a signal, or no row. executed asks for
// it only if it is executed.
func (v *view) theFire(ctx context.Context, userID int64, signalID string, executed bool) ([]dbgen.SignalFire, error) {
	row, err := v.q.GetFire(ctx, dbgen.GetFireParams{UserID: userID, SignalID: signalID})
	if errors.Is(err, sql.ErrNoRows) || (err == nil && executed && !row.Executed) {
		return nil, nil
	}
	return []dbgen.SignalFire{row}, err
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
