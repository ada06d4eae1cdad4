package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// scene is a database under attack: what it was at first, what was said to have
// been done to it, and what is being done to it meanwhile.
type scene struct {
	*attack
	place  *place
	op     string
	dsn    string
	target string // of a backup or a copy
	ledger *ledger
	close  func() error
}

// newScene copies a place. Every third is on a server if it may be.
func (a *attack) newScene(op string, onFile bool) (s *scene, err error) {
	s = &scene{attack: a, op: op, place: a.community, ledger: newLedger(), close: func() error { return nil }}
	onServer := a.IntN(3) == 0 && a.server != nil && !onFile
	s.dsn = a.path("engagement.db")
	switch op {
	case opAdopt:
		s.place = a.predecessor[a.IntN(len(a.predecessor))]
	case opNew:
		s.place = a.nothing
	case opBackup:
		s.target = a.path("backup.db")
	case opCopy:
		s.target = a.path("copied.db")
	}
	switch {
	case onServer && op == opCopy:
		s.target, s.close, err = pgtest.NewSchema(context.Background(), a.server.URL())
	case onServer && op == opNew:
		s.dsn, s.close, err = pgtest.NewSchema(context.Background(), a.server.URL())
	case onServer && op != opAdopt && op != opBackup: // which a server does not have
		s.dsn, s.close, err = a.template.NewSchema(context.Background())
	}
	if err == nil && !s.onServer() && op != opNew {
		err = copyFile(s.place.path, s.dsn)
	}
	return s, err
}

func (s *scene) onServer() bool { return strings.Contains(s.dsn, "://") }

// orders are those of a child that plays the scene.
func (s *scene) orders(name string) orders {
	o := orders{DSN: s.dsn, Op: s.op, Target: s.target, Name: name, Callers: 1 + s.IntN(4), Lax: s.lax}
	switch s.op {
	case opAdopt, opNew:
		o.Op = opNone
	case opErase:
		for range 20 {
			o.Victims = append(o.Victims, int64(firstVictim+s.IntN(members-firstVictim+1)))
		}
	}
	return o
}

// states returns the table of users' streak states, which is a view of user_stats on
// SQLite and the other way round on a server.
func (s *scene) states() string {
	if s.onServer() {
		return "user_states"
	}
	return "user_stats"
}

// spoil makes counters wrong for Rebuild to put right.
func (s *scene) spoil(ctx context.Context) error {
	for _, statement := range []string{
		"UPDATE user_days SET fires = fires + 1 WHERE user_id % 2 = 0 AND fires > 0", // a day more would be a reason for awards
		"UPDATE signal_days SET executed = executed + 2 WHERE day % 3 = 0",
		"UPDATE days SET active_users = 7, new_users = 3, wins = wins + 1",
		"UPDATE " + s.states() + " SET streak_longest = 99, win_bound = 5 WHERE user_id % 3 = 1",
		"UPDATE signal_metrics SET total_fires = 0",
	} {
		var err error
		if s.onServer() {
			err = pgtest.Exec(ctx, s.dsn, statement)
		} else {
			err = execute(s.dsn, statement)
		}
		if err != nil {
			return fmt.Errorf("spoil: %w", err)
		}
	}
	return nil
}

// inspect opens what an attack has left at dsn, puts right what was spoilt, and
// compares it with what was before and with what the ledger says.
func (s *scene) inspect(ctx context.Context, dsn string, l *ledger) (err error) {
	return s.with(ctx, dsn, func(db *engagement.DB) error {
		if s.op == opRebuild {
			if _, err := db.Rebuild(ctx); err != nil {
				return fmt.Errorf("rebuild: %w", err)
			}
		}
		current, err := look(ctx, db)
		if err != nil {
			return err
		}
		return s.place.compare(current, l)
	})
}

// with opens a database for use, and does not wait for the disk unless opts say
// so.
func (s *scene) with(ctx context.Context, dsn string, use func(db *engagement.DB) error, opts ...engagement.Option) (err error) {
	opts = append([]engagement.Option{clock(), engagement.WithSynchronous(engagement.SyncOff)}, opts...)
	db, err := engagement.Open(ctx, dsn, opts...)
	if err != nil {
		return fmt.Errorf("it does not open: %w", err)
	}
	return errors.Join(use(db), db.Close())
}

// finish does what an attack has interrupted once more, to its end.
func (s *scene) finish(ctx context.Context) error {
	return s.with(ctx, s.dsn, func(db *engagement.DB) (err error) {
		switch s.op {
		case opCleanup:
			s.ledger.begin(s.op)
			_, err = db.Cleanup(ctx, keepDays)
			s.ledger.end(s.op)
		case opRules:
			s.ledger.begin(s.op)
			err = db.SetStreakRules(ctx, otherRules)
			s.ledger.end(s.op)
		case opBackup:
			err = s.finishBackup(ctx, db)
		case opCopy:
			err = s.finishCopy(ctx, db)
		}
		if err != nil {
			return err
		}
		current, err := look(ctx, db)
		if err != nil {
			return err
		}
		return s.place.compare(current, s.ledger)
	})
}

// finishBackup checks the backup, if it got its name, and makes another.
func (s *scene) finishBackup(ctx context.Context, db *engagement.DB) error {
	if _, err := os.Stat(s.target); err == nil {
		if err := s.inspectBackup(ctx, s.target, opBackup); err != nil {
			return fmt.Errorf("the backup: %w", err)
		}
	} else if _, done := s.ledger.done[opBackup]; done {
		return fmt.Errorf("the backup was done: %w", err)
	}
	const second = "second backup"
	again := filepath.Join(s.dir, "again.db")
	s.ledger.begin(second)
	if err := db.Backup(ctx, again); err != nil {
		return fmt.Errorf("a backup after that: %w", err)
	}
	left, err := os.ReadDir(s.dir)
	for _, entry := range left {
		if strings.HasPrefix(entry.Name(), ".engagement-backup-") {
			return fmt.Errorf("what a killed backup left is still there: %s", entry.Name())
		}
	}
	return errors.Join(err, s.inspectBackup(ctx, again, second))
}

// inspectBackup compares a backup with what was done when it began, by the name
// of that in the ledger.
func (s *scene) inspectBackup(ctx context.Context, path, began string) error {
	return s.with(ctx, path, func(db *engagement.DB) error {
		current, err := look(ctx, db)
		if err != nil {
			return err
		}
		return s.place.compare(current, s.ledger.at(began))
	}, engagement.WithReadOnly())
}

// errNotBegun is that a copy has made the tables and copied nothing yet.
var errNotBegun = errors.New("the copy has not begun")

// finishCopy copies once more unless the copy is complete, and compares both.
func (s *scene) finishCopy(ctx context.Context, db *engagement.DB) error {
	_, done := s.ledger.done[opCopy]
	complete := s.with(ctx, s.target, func(copied *engagement.DB) error {
		current, err := look(ctx, copied)
		if err != nil {
			return err
		}
		if !done && len(current.users) == 0 {
			return errNotBegun
		}
		return s.place.compare(current, s.ledger.at(opCopy))
	}, engagement.WithoutMigrate())
	switch {
	case complete == nil:
		return nil
	case done || (!errors.Is(complete, engagement.ErrSchema) && !errors.Is(complete, errNotBegun)): // it claims to be complete
		return fmt.Errorf("the copy: %w", complete)
	}
	if _, err := db.CopyTo(ctx, s.target); err != nil {
		return fmt.Errorf("copy again: %w", err)
	}
	original, err := look(ctx, db)
	if err != nil {
		return err
	}
	return s.with(ctx, s.target, func(copied *engagement.DB) error {
		current, err := look(ctx, copied)
		if err != nil {
			return err
		}
		return original.same(current)
	}, engagement.WithoutMigrate())
}
