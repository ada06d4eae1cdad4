package postgres

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// opened returns an engine on an empty database of a server of its own.
func opened(t *testing.T) *Engine {
	t.Helper()
	ctx := t.Context()
	server, err := pgtest.Start(ctx, "fsync=off")
	if errors.Is(err, pgtest.ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(server.URL(), Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(e.Close(), server.Stop()); err != nil {
			t.Error(err)
		}
	})
	if _, err := e.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	return e
}

func begun(t *testing.T, e *Engine) *engine.Tx {
	t.Helper()
	tx, err := e.BeginWrite(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// storedDay returns how many fires a day has.
func storedDay(t *testing.T, e *Engine, day int64) int64 {
	t.Helper()
	days, err := e.Queries().DaysBetween(t.Context(), dbgen.DaysBetweenParams{FirstDay: day, LastDay: day})
	if err != nil {
		t.Fatal(err)
	}
	if len(days) == 0 {
		return 0
	}
	return days[0].Fires
}

func TestHeldStatementsAreSentInOrder(t *testing.T) {
	e := opened(t)
	ctx := context.Background()

	tx := begun(t, e)
	add := func(tx *engine.Tx, rows string) {
		if err := tx.AddDays(ctx, rows); err != nil {
			t.Fatal(err)
		}
	}
	add(tx, "[[7,1,0,0,0]]")
	add(tx, "[[7,2,0,0,0]]")
	// A query sees what was held back before it.
	if day, err := tx.GetDay(ctx, 7); err != nil || day.Fires != 3 {
		t.Errorf("the transaction sees %+v, %v, want 3 fires", day, err)
	}
	add(tx, "[[7,4,0,0,0]]")
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := storedDay(t, e, 7); got != 7 {
		t.Errorf("%d fires are committed, want 7", got)
	}

	tx = begun(t, e)
	add(tx, "[[7,100,0,0,0]]")
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := begun(t, e).Commit(); err != nil { // nothing is left over for the next
		t.Fatal(err)
	}
	if got := storedDay(t, e, 7); got != 7 {
		t.Errorf("%d fires after a rollback, want 7", got)
	}
}

func TestHeldStatementThatFailsFailsTheNext(t *testing.T) {
	e := opened(t)
	ctx := context.Background()
	for name, next := range map[string]func(*engine.Tx) error{
		"commit": func(tx *engine.Tx) error { return tx.Commit() },
		"query": func(tx *engine.Tx) error {
			_, err := tx.GetDay(ctx, 7)
			return errors.Join(err, tx.Rollback())
		},
		"exec": func(tx *engine.Tx) error {
			return errors.Join(tx.RederiveUser(ctx, 7), tx.Rollback())
		},
	} {
		tx := begun(t, e)
		if err := tx.AddDays(ctx, "[[7,1,0,0,0]]"); err != nil {
			t.Fatal(err)
		}
		if err := tx.AddDays(ctx, "no JSON"); err != nil {
			t.Fatal(err)
		}
		if err := next(tx); e.Classify(err) != engine.Refused {
			t.Errorf("%s: %v, want what the server refused", name, err)
		}
		if got := storedDay(t, e, 7); got != 0 {
			t.Errorf("%s: %d fires are stored, want none", name, got)
		}
	}
}
