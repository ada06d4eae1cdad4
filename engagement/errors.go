package engagement

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// The errors that callers can act on. Test for them with [errors.Is]. The text around
// them says what was being done and which value was wrong.
var (
	// ErrInvalid: an argument was refused before anything was written. It is an
	// [*InvalidError], which names the argument, unless the server refused it.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound: there is no such user, signal, fire, trade, metric or token, or the
	// user is not on the board.
	ErrNotFound = errors.New("not found")
	// ErrConflict: a trade with this id is stored with other content, a row with the
	// key of a fact is set aside ([Reader.Aside]), a user has as many unspent streak
	// freezes as the rules allow, or another copy to the same target has taken over.
	ErrConflict = errors.New("conflict")
	// ErrBusy: the database stayed locked for some 10 seconds; nothing was written,
	// try again.
	ErrBusy = errors.New("busy")
	// ErrUnavailable: the server could not be reached, or the connection to it was
	// lost. What was being written then may or may not be recorded.
	ErrUnavailable = errors.New("unavailable")
	// ErrDenied: the server refuses the user, the password or a privilege, its
	// certificate is not to be trusted, or the system refuses a file.
	ErrDenied = errors.New("access denied")
	// ErrStorage: no room is left on a disk or in memory, or a disk fails. What was
	// recorded before stays; repeat the call once the cause is gone.
	ErrStorage = errors.New("storage failure")
	// ErrSchema: this is not an engagement database, or its schema is newer or
	// older than this program's, or it is an unfinished copy. It was not touched.
	ErrSchema = errors.New("schema mismatch")
	// ErrCorrupt: the stored data is damaged or contradicts itself.
	ErrCorrupt = errors.New("corrupt")
	// ErrReadOnly: a write was tried on a database opened for reading.
	ErrReadOnly = errors.New("read-only")
	// ErrClosed: the database, snapshot or transaction has ended.
	ErrClosed = errors.New("closed")
)

var sentinels = []error{
	ErrInvalid, ErrNotFound, ErrConflict, ErrBusy, ErrUnavailable, ErrDenied,
	ErrStorage, ErrSchema, ErrCorrupt, ErrReadOnly, ErrClosed,
}

// InvalidError is an [ErrInvalid] that says which argument was refused. Get it with
// [errors.As]. Its text contains the value, which may be something about a user; the
// library logs neither.
type InvalidError struct {
	Field  string // such as "user id" or "limit"
	Value  any    // what was given; nil if it would not help
	Reason string // what is wrong with it, or what is wanted
}

// Error returns the refusal as a sentence.
func (e *InvalidError) Error() string {
	if e.Value == nil {
		return fmt.Sprintf("%s %s: %s", ErrInvalid, e.Field, e.Reason)
	}
	value := fmt.Sprintf("%#v", e.Value)
	if text, ok := e.Value.(string); ok {
		value = strconv.Quote(shortened(text))
	} else if reflect.TypeOf(e.Value).Kind() == reflect.Slice {
		value = fmt.Sprint(e.Value) // without the type, which is Go's and not the caller's
	}
	return fmt.Sprintf("%s %s %s: %s", ErrInvalid, e.Field, value, e.Reason)
}

// Unwrap returns ErrInvalid.
func (e *InvalidError) Unwrap() error { return ErrInvalid }

func invalid(field string, value any, why string) error { return &InvalidError{field, value, why} }

// shortened returns the beginning of a text that is too long for a message.
func shortened(text string) string {
	const most = 64
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

func notFound(what string, key any) error {
	return fmt.Errorf("%s %#v: %w", what, key, ErrNotFound)
}

// errByCaller is logged in place of an error that a caller's own function returned:
// its text may contain anything.
var errByCaller = errors.New("undone by the caller")

func byCaller(err error) error {
	if err == nil {
		return nil
	}
	return errByCaller
}

// explain wraps err with what was being done and, if the engine knows what its
// error means, with the sentinel for it.
func explain(eng engine.Engine, doing string, err error) error {
	if err == nil {
		return nil
	}
	sentinel := sentinelOf(eng, err)
	if sentinel == nil || errors.Is(err, sentinel) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w: %w", doing, sentinel, err)
}

// givenUp returns err together with the error of ctx, if ctx has ended and err may
// have come of it: then the caller gave up, and the server and the transaction are
// not to blame.
func givenUp(ctx context.Context, eng engine.Engine, err error) error {
	if err == nil || !engine.Ended(ctx) {
		return err
	}
	cause := cmp.Or(ctx.Err(), context.DeadlineExceeded)
	if errors.Is(err, cause) {
		return err
	}
	switch sentinelOf(eng, err) {
	case nil, ErrUnavailable, ErrClosed:
		if !errors.Is(err, ErrClosed) {
			return fmt.Errorf("%w: %w", cause, err)
		}
	}
	return err
}

func sentinelOf(eng engine.Engine, err error) error {
	for _, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			return sentinel
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	switch eng.Classify(err) {
	case engine.Busy:
		return ErrBusy
	case engine.Unavailable:
		return ErrUnavailable
	case engine.Denied:
		return ErrDenied
	case engine.Storage:
		return ErrStorage
	case engine.ReadOnly:
		return ErrReadOnly
	case engine.Corrupt:
		return ErrCorrupt
	case engine.Foreign:
		return ErrSchema
	case engine.Refused:
		return ErrInvalid
	case engine.Unprepared:
		return errUnprepared
	}
	// database/sql may join this to the engine's own error, which goes first.
	if errors.Is(err, sql.ErrTxDone) || errors.Is(err, sql.ErrConnDone) {
		return ErrClosed
	}
	return nil
}

// errUnprepared refuses a DSN with which statements are prepared.
var errUnprepared = invalid("dsn", nil, "behind a pooler in transaction mode it wants default_query_exec_mode=exec")
