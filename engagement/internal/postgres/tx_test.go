package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/dbgen/pggen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

func begun(t *testing.T, e *Engine) engine.Tx {
	t.Helper()
	tx, err := e.BeginWrite(t.Context(), engine.EnterGate)
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

func TestAClusterIsWrittenOneBatchAtATime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		spread bool
		want   int
	}{{"one server", false, lanes}, {"a cluster", true, 1}} {
		t.Run(c.name, func(t *testing.T) {
			same(t, "lanes", (&Engine{spread: c.spread}).Lanes(), c.want)
		})
	}
}

func TestQueuedStatementsAreSentInOrder(t *testing.T) {
	t.Parallel()
	e, _ := migrated(t)
	ctx := context.Background()

	tx := begun(t, e)
	add := func(tx engine.Tx, rows string) {
		if err := tx.Later().AddDays(ctx, rows); err != nil {
			t.Fatal(err)
		}
	}
	add(tx, "[[7,1,0,0,0,0,0]]")
	add(tx, "[[7,2,0,0,0,0,0]]")
	// A query sees what was queued before it.
	if day, err := tx.GetDay(ctx, 7); err != nil || day.Fires != 3 {
		t.Errorf("the transaction sees %+v, %v, want 3 fires", day, err)
	}
	add(tx, "[[7,4,0,0,0,0,0]]")
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if got := storedDay(t, e, 7); got != 7 {
		t.Errorf("%d fires are committed, want 7", got)
	}

	tx = begun(t, e)
	add(tx, "[[7,100,0,0,0,0,0]]")
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if err := begun(t, e).Commit(ctx); err != nil { // nothing is left over for the next
		t.Fatal(err)
	}
	if got := storedDay(t, e, 7); got != 7 {
		t.Errorf("%d fires after a rollback, want 7", got)
	}
}

func TestAQueuedStatementThatFailsFailsWhatSendsIt(t *testing.T) {
	t.Parallel()
	e, _ := migrated(t)
	ctx := context.Background()
	for name, next := range map[string]func(engine.Tx) error{
		"commit": func(tx engine.Tx) error { return tx.Commit(ctx) },
		"query": func(tx engine.Tx) error {
			_, err := tx.GetDay(ctx, 7)
			return errors.Join(err, tx.Rollback(ctx))
		},
		"exec": func(tx engine.Tx) error {
			return errors.Join(tx.RederiveUser(ctx, 7), tx.Rollback(ctx))
		},
		"load": func(tx engine.Tx) error {
			_, err := tx.Load(ctx, engine.Keys{Users: "[1]"})
			return errors.Join(err, tx.Rollback(ctx))
		},
		"commit after a query whose error was not looked at": func(tx engine.Tx) error {
			_, _ = tx.GetDay(ctx, 7)
			return tx.Commit(ctx)
		},
	} {
		tx := begun(t, e)
		for _, rows := range []string{"[[7,1,0,0,0,0,0]]", "no JSON"} {
			if err := tx.Later().AddDays(ctx, rows); err != nil {
				t.Fatal(err)
			}
		}
		if err := next(tx); e.Classify(err) != engine.Refused {
			t.Errorf("%s: %v, want what the server refused", name, err)
		}
		if got := storedDay(t, e, 7); got != 0 {
			t.Errorf("%s: %d fires are stored, want none", name, got)
		}
	}
}

func TestAStatementThatIsLostFailsTheCommit(t *testing.T) {
	t.Parallel()
	e, _ := migrated(t)
	ctx := context.Background()
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for name, lose := range map[string]func(engine.Tx) error{
		"of what is queued": func(tx engine.Tx) error { _, err := tx.GetDay(ended, 7); return err },
		"alone": func(tx engine.Tx) error {
			if _, err := tx.CountUsers(ctx); err != nil {
				return err
			}
			return tx.RederiveUser(ended, 7)
		},
		"while loading": func(tx engine.Tx) error {
			_, err := tx.Load(ended, engine.Keys{Users: "[1]"})
			return err
		},
	} {
		tx := begun(t, e)
		if err := tx.Later().AddDays(ctx, "[[7,1,0,0,0,0,0]]"); err != nil {
			t.Fatal(err)
		}
		if err := lose(tx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want the context's error", name, err)
		}
		if err := tx.Commit(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: commit: %v, want the error of the statement that was lost", name, err)
		}
		if got := storedDay(t, e, 7); got != 0 {
			t.Errorf("%s: %d fires are stored, want none", name, got)
		}
	}
}

func TestWhatReturnsRowsCannotBeQueued(t *testing.T) {
	t.Parallel()
	e, _ := migrated(t)
	tx := begun(t, e)
	if _, err := tx.Later().TopSignalOfDay(t.Context(), 7); !errors.Is(err, errReturnsRows) {
		t.Errorf("%v, want %v", err, errReturnsRows)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAWriteWaitsBeforeAClosedGate(t *testing.T) {
	t.Parallel()
	e, _ := migrated(t)
	other, err := New(e.config.ConnString(), e.opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	ctx := t.Context()

	inside := begun(t, e)
	if _, err := inside.CountUsers(ctx); err != nil { // it has entered
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() {
		tx, err := other.BeginWrite(ctx, engine.CloseGate)
		if err == nil {
			err = tx.Commit(ctx)
		}
		closed <- err
	}()
	select {
	case err := <-closed:
		t.Fatalf("the gate was closed while somebody was inside: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := inside.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
}

// explained returns the plan of a statement in a transaction.
func explained(t *testing.T, tx *tx, statement string) string {
	t.Helper()
	noError(t, tx.Flush(t.Context()))
	rows, err := tx.pooled.QueryContext(t.Context(), "EXPLAIN "+statement)
	noError(t, err)
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var line string
		noError(t, rows.Scan(&line))
		plan = append(plan, line)
	}
	noError(t, rows.Err())
	return strings.Join(plan, "\n")
}

// The settings stand where they must be written out: in both statements of the gate, which
// take no round trip of their own, and in what a cluster can pass on to its nodes.
func TestEveryWriteBeginsWithTheSameSettings(t *testing.T) {
	t.Parallel()
	e, _ := migrated(t)
	settings := func(gate engine.Gate, statements ...string) (set string) {
		t.Helper()
		begun, err := e.BeginWrite(t.Context(), gate)
		noError(t, err)
		tx := begun.(*tx)
		if statements != nil { // in place of the gate's
			tx.queued = nil
			tx.queue(beginWrite)
			for _, statement := range statements {
				tx.queue(statement)
			}
		}
		noError(t, tx.Flush(t.Context()))
		noError(t, tx.conn.QueryRow(t.Context(), `
			SELECT COALESCE(string_agg(name || ' ' || setting || COALESCE(unit, ''), ', ' ORDER BY name), '') FROM pg_settings
			WHERE source = 'session' AND name NOT LIKE 'citus.%'`).Scan(&set))
		noError(t, tx.Rollback(t.Context()))
		return set
	}
	want := settings(engine.EnterGate)
	if !strings.Contains(want, "jit off") || !strings.Contains(want, "lock_timeout 10000ms") {
		t.Errorf("a write begins with %q", want)
	}
	same(t, "what a write begins with that closes the gate", settings(engine.CloseGate), want)
	same(t, "what a write to a cluster begins with", settings(engine.EnterGate, setUpSpread...), want)
}

func TestHowATransactionsStatementsArePlanned(t *testing.T) {
	t.Parallel()
	for name, gate := range map[string]engine.Gate{"the gate entered": engine.EnterGate, "the gate closed": engine.CloseGate} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, dsn := migrated(t)
			// The server has no statistics of these yet, but knows how many pages there are.
			exec(t, dsn, `
				INSERT INTO signal_fires (user_id, signal_id, timestamp, day) SELECT 1, 'S_' || i, now(), 20467 FROM generate_series(1, 4000) AS i;
				INSERT INTO trades (user_id, trade_id, pnl_micros, outcome, day) SELECT 1, 'T_' || i, 0, 'draw', 20467 FROM generate_series(1, 4000) AS i`)
			begun, err := e.BeginWrite(t.Context(), gate)
			noError(t, err)
			tx := begun.(*tx)
			for index, query := range map[string]string{"signal_fires_pkey": pggen.FiresByKey, "trades_pkey": pggen.TradesByKey} {
				plan := explained(t, tx, strings.ReplaceAll(query, "$1", `'[[1, "S_1"]]'`))
				if !strings.Contains(plan, "Index Scan using "+index) {
					t.Errorf("the facts of a user who has many are not looked up by %s:\n%s", index, plan)
				}
			}
			// By no index.
			if plan := explained(t, tx, "DELETE FROM api_tokens WHERE user_id = 1"); strings.Contains(plan, "JIT") {
				t.Errorf("a statement is compiled before it runs:\n%s", plan)
			}
			var changed string
			noError(t, tx.SQL().QueryRowContext(t.Context(), `
				SELECT COALESCE(string_agg(name, ', '), '') FROM pg_settings
				WHERE setting <> reset_val AND (category LIKE 'Query Tuning%' OR name LIKE 'jit%')`).Scan(&changed))
			same(t, "settings that differ from the server's for a caller's own statements", changed, "")
			noError(t, tx.Rollback(t.Context()))
		})
	}
}
