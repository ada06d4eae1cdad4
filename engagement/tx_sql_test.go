package engagement_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

// What is lost of a transaction must not be missing from what it commits: a fire
// once lost its counters to a read whose context had ended.
func TestAStatementThatIsLostFailsItsTransaction(t *testing.T) {
	ctx := context.Background()
	ended, cancel := context.WithCancel(ctx)
	cancel()
	ways := map[string]func(*engagement.Tx) error{
		"a read of one query":      func(tx *engagement.Tx) error { _, err := tx.Awards(ended, 1); return err },
		"a read of several":        func(tx *engagement.Tx) error { _, err := tx.RealTimeStats(ended); return err },
		"a read of what was fired": func(tx *engagement.Tx) error { _, err := tx.UserStats(ended, 1); return err },
		"a fire": func(tx *engagement.Tx) error {
			_, err := tx.RecordFire(ended, engagement.Fire{UserID: 2, SignalID: "B"})
			return err
		},
		"a trade": func(tx *engagement.Tx) error {
			_, err := tx.RecordTrade(ended, engagement.Trade{UserID: 2, TradeID: "t"})
			return err
		},
		"an erasure": func(tx *engagement.Tx) error { _, err := tx.EraseUser(ended, 1); return err },
		"a statement of the caller's": func(tx *engagement.Tx) error {
			_, err := tx.SQL().ExecContext(ended, "CREATE TABLE mine (id INT)")
			return err
		},
		"a query of the caller's": func(tx *engagement.Tx) error {
			rows, err := tx.SQL().QueryContext(ended, "SELECT 1")
			if err == nil {
				err = rows.Close()
			}
			return err
		},
		"a row of the caller's that is not scanned": func(tx *engagement.Tx) error { return tx.SQL().QueryRowContext(ended, "SELECT 1").Err() },
		"a row of the caller's":                     func(tx *engagement.Tx) error { return tx.SQL().QueryRowContext(ended, "SELECT 1").Scan(new(int)) },
	}
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "before"})
		for name, lose := range ways {
			unchanged(t, db, func() {
				err := db.Tx(ctx, func(tx *engagement.Tx) error {
					fire(t, tx, engagement.Fire{UserID: 1, SignalID: "A"})
					trade(t, tx, engagement.Trade{UserID: 1, TradeID: "t", PnL: 2})
					if err := lose(tx); !errors.Is(err, context.Canceled) {
						t.Errorf("%s: got error %v, want %v", name, err, context.Canceled)
					}
					return nil // as if it did not matter
				})
				if !errors.Is(err, context.Canceled) {
					t.Errorf("%s: commit: got error %v, want %v", name, err, context.Canceled)
				}
			})
		}
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"}) // what comes next starts afresh
		same(t, "fires", proven(t, db).Fires, int64(2))
	})
}

// Whatever fails of a caller's statements fails the commit, also what no engine has
// seen and what shows only in rows that nobody reads.
func TestAnErrorOfACallersStatementFailsItsTransaction(t *testing.T) {
	ctx := context.Background()
	type unstorable struct{ X int }
	query := func(statement string, read func(*sql.Rows), args ...any) func(engagement.SQL) {
		return func(s engagement.SQL) {
			rows, err := s.QueryContext(ctx, statement, args...)
			if err == nil {
				read(rows)
				_ = rows.Close()
			}
		}
	}
	all := func(rows *sql.Rows) {
		for rows.Next() {
		}
	}
	none := func(*sql.Rows) {}
	const again, overflow = "INSERT INTO mine VALUES (1) RETURNING id",
		"SELECT abs(n) FROM (SELECT 1 AS n UNION ALL SELECT id - 9223372036854775807 - 1 FROM mine WHERE id = 0) AS numbers"
	fails := map[string]func(engagement.SQL){
		"an argument that has no form in SQL": func(s engagement.SQL) {
			_, _ = s.ExecContext(ctx, "INSERT INTO mine VALUES ($1)", unstorable{})
		},
		"too few arguments":           func(s engagement.SQL) { _, _ = s.ExecContext(ctx, "INSERT INTO mine VALUES ($1 + $2)", 1) },
		"such an argument of a query": query("SELECT id FROM mine WHERE id = $1", all, unstorable{}),
		"such an argument of a row": func(s engagement.SQL) {
			_ = s.QueryRowContext(ctx, "SELECT id FROM mine WHERE id = $1", unstorable{}).Scan(new(int))
		},
		"such an argument of a row that is not scanned": func(s engagement.SQL) {
			s.QueryRowContext(ctx, "SELECT id FROM mine WHERE id = $1", unstorable{})
		},
		"a row beyond the first":                query(overflow, all),
		"a query that writes":                   query(again, all),
		"a query that writes and is not read":   query(again, none),
		"a row that writes":                     func(s engagement.SQL) { _ = s.QueryRowContext(ctx, again).Scan(new(int)) },
		"a row that writes and is not scanned":  func(s engagement.SQL) { s.QueryRowContext(ctx, again) },
		"a query of a table that is not there":  query("SELECT * FROM nowhere", all),
		"a row of a table that is not there":    func(s engagement.SQL) { s.QueryRowContext(ctx, "SELECT * FROM nowhere") },
		"a statement after one that has failed": func(s engagement.SQL) { s.QueryRowContext(ctx, again); query(again, all)(s) },
	}
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
			must(tx.SQL().ExecContext(ctx, "CREATE TABLE mine (id BIGINT PRIMARY KEY)"))(t)
			must(tx.SQL().ExecContext(ctx, "INSERT INTO mine VALUES (0)"))(t)
			var id int
			noError(t, tx.SQL().QueryRowContext(ctx, again).Scan(&id))
			same(t, "the row that was read ahead", id, 1)
			rows := must(tx.SQL().QueryContext(ctx, "SELECT id FROM mine ORDER BY id"))(t)
			var ids []int
			for rows.Next() {
				noError(t, rows.Scan(&id))
				ids = append(ids, id)
			}
			noError(t, errors.Join(rows.Err(), rows.Close()))
			same(t, "rows", ids, []int{0, 1})
			return nil
		}))
		for name, fail := range fails {
			unchanged(t, db, func() {
				err := db.Tx(ctx, func(tx *engagement.Tx) error {
					fire(t, tx, engagement.Fire{UserID: 1, SignalID: "A"})
					fail(tx.SQL())
					return nil // as if it did not matter
				})
				if err == nil {
					t.Errorf("%s: it was committed", name)
				}
			})
		}
	})
}

func TestACallersOwnTables(t *testing.T) {
	ctx := context.Background()
	exec := func(tx *engagement.Tx, statement string) error {
		_, err := tx.SQL().ExecContext(ctx, statement)
		return err
	}
	// withOutbox opens a database beside whose tables a caller has one of its own.
	withOutbox := func(t *testing.T, open openFunc) *engagement.DB {
		db := open(newClock(noon).option())
		noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
			noError(t, exec(tx, "CREATE TABLE outbox (id INTEGER PRIMARY KEY, text TEXT NOT NULL)"))
			return exec(tx, "INSERT INTO outbox VALUES (1, 'welcome')")
		}))
		return db
	}
	messages := func(t *testing.T, db *engagement.DB) (texts []string) {
		noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
			rows := must(tx.SQL().QueryContext(ctx, "SELECT text FROM outbox ORDER BY id"))(t)
			defer func() { noError(t, errors.Join(rows.Err(), rows.Close())) }()
			for rows.Next() {
				var text string
				noError(t, rows.Scan(&text))
				texts = append(texts, text)
			}
			return nil
		}))
		return texts
	}
	t.Run("a row commits with the fire", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := withOutbox(t, open)
			noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
				fire(t, tx, engagement.Fire{UserID: 1, SignalID: "A"})
				result := must(tx.SQL().ExecContext(ctx, "INSERT INTO outbox VALUES (2, 'fired')"))(t)
				same(t, "rows inserted", must(result.RowsAffected())(t), int64(1))
				var n int
				noError(t, tx.SQL().QueryRowContext(ctx, "SELECT count(*) FROM outbox").Scan(&n))
				same(t, "rows inside", n, 2)
				wantError(t, tx.SQL().QueryRowContext(ctx, "SELECT id FROM outbox WHERE id = 9").Scan(&n), sql.ErrNoRows)
				fire(t, tx, engagement.Fire{UserID: 2, SignalID: "A"}) // behind the caller's own
				return nil
			}))
			same(t, "messages", messages(t, db), []string{"welcome", "fired"})
			same(t, "fires", proven(t, db).Fires, int64(2))
		})
	})
	t.Run("and is undone with it", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := withOutbox(t, open)
			for _, undo := range []func() error{
				func() error { return errRegret },
				func() error { panic("at the disco") },
			} {
				unchanged(t, db, func() {
					defer func() { _ = recover() }()
					wantError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
						fire(t, tx, engagement.Fire{UserID: 1, SignalID: "A"})
						noError(t, exec(tx, "INSERT INTO outbox VALUES (2, 'fired')"))
						return undo()
					}), errRegret)
				})
				same(t, "messages", messages(t, db), []string{"welcome"})
			}
		})
	})
	t.Run("one that is refused undoes the fire, also if its error is not looked at", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := withOutbox(t, open)
			for refused, because := range map[string]error{
				"INSERT INTO outbox VALUES (1, 'again')": engagement.ErrInvalid, // its key is there
				"INSERT INTO outbox VALUES (2, NULL)":    engagement.ErrInvalid,
				"INSERT INTO nowhere VALUES (1)":         nil,
				"no SQL":                                 nil,
			} {
				unchanged(t, db, func() {
					err := db.Tx(ctx, func(tx *engagement.Tx) error {
						fire(t, tx, engagement.Fire{UserID: 1, SignalID: "A"})
						if err := exec(tx, refused); err == nil || (because != nil && !errors.Is(err, because)) {
							t.Errorf("%s: got error %v, want %v", refused, err, because)
						}
						_, err := tx.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "B"})
						contains(t, err, "an earlier statement of this transaction failed")
						return nil
					})
					if err == nil || (because != nil && !errors.Is(err, because)) {
						t.Errorf("%s: commit: got error %v, want %v", refused, err, because)
					}
				})
				same(t, "messages", messages(t, db), []string{"welcome"})
			}
		})
	})
}
