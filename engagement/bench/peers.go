package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite"

	"github.com/hydraxdev/engagementdb/engagement"
)

// pragmas are the library's own settings, so that every contender waits for the
// disk alike.
const pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 16384; " +
	"PRAGMA journal_size_limit = 134217728; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; " +
	"PRAGMA busy_timeout = 5000;"

// timeFormat is the predecessor's form of a time, and the library's.
const timeFormat = "2006-01-02 15:04:05.000000"

// predecessorSchema is the predecessor's: fewer indexes and counters than ours.
const predecessorSchema = `
CREATE TABLE signal_fires (
	id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, signal_id TEXT NOT NULL,
	timestamp DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, executed BOOLEAN NOT NULL DEFAULT 0,
	UNIQUE(user_id, signal_id));
CREATE TABLE user_stats (
	user_id INTEGER PRIMARY KEY, total_fires INTEGER NOT NULL DEFAULT 0, win_rate REAL NOT NULL DEFAULT 0.0,
	pnl REAL NOT NULL DEFAULT 0.0, last_updated DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE signal_metrics (
	signal_id TEXT PRIMARY KEY, total_fires INTEGER NOT NULL DEFAULT 0,
	active_users INTEGER NOT NULL DEFAULT 0, created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX idx_signal_fires_user_id ON signal_fires(user_id);
CREATE INDEX idx_signal_fires_signal_id ON signal_fires(signal_id);
CREATE INDEX idx_signal_fires_timestamp ON signal_fires(timestamp);
CREATE INDEX idx_user_stats_last_updated ON user_stats(last_updated);`

var errNotNew = errors.New("the fire was not new")

// recorder stores one fire a call, durably.
type recorder interface {
	record(ctx context.Context, f fire) error
	close() error
}

// openPool opens a file with one writing connection that takes the write lock
// at the beginning of a transaction.
func openPool(driver, path string) (*sql.DB, error) {
	// modernc.org/sqlite does not know _mutex, and ignores it.
	db, err := sql.Open(driver, "file:"+path+"?_txlock=immediate&_mutex=no")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(pragmas); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// prepared holds the statements of a hand-written peer.
type prepared struct {
	db         *sql.DB
	statements []*sql.Stmt
}

func prepare(driver, path string, texts ...string) (*prepared, error) {
	db, err := openPool(driver, path)
	if err != nil {
		return nil, err
	}
	p := &prepared{db: db}
	for _, text := range texts {
		statement, err := db.Prepare(text)
		if err != nil {
			return nil, errors.Join(err, db.Close())
		}
		p.statements = append(p.statements, statement)
	}
	return p, nil
}

// inTx runs fn in a transaction and commits it. fn runs the n-th statement with
// the function that it is given.
func (p *prepared) inTx(ctx context.Context, fn func(statement func(n int) *sql.Stmt) error) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing once committed
	err = fn(func(n int) *sql.Stmt { return tx.StmtContext(ctx, p.statements[n]) })
	if err != nil {
		return err
	}
	return tx.Commit()
}

func (p *prepared) close() error { return p.db.Close() }

// handWritten is a careful transaction a fire on the predecessor's schema.
type handWritten struct{ *prepared }

func openHandWritten(driver, path string) (*handWritten, error) {
	p, err := prepare(driver, path,
		"INSERT INTO signal_fires (user_id, signal_id, timestamp, executed) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
		"INSERT INTO user_stats (user_id, total_fires, last_updated) VALUES (?, 1, ?) "+
			"ON CONFLICT (user_id) DO UPDATE SET total_fires = total_fires + 1, last_updated = excluded.last_updated",
		"INSERT INTO signal_metrics (signal_id, total_fires, active_users, created_at) VALUES (?, 1, 1, ?) "+
			"ON CONFLICT (signal_id) DO UPDATE SET total_fires = total_fires + 1, active_users = active_users + 1")
	return &handWritten{p}, err
}

func (h *handWritten) record(ctx context.Context, f fire) error {
	return h.inTx(ctx, func(statement func(int) *sql.Stmt) error {
		now := time.Now().UTC().Format(timeFormat)
		result, err := statement(0).ExecContext(ctx, f.user, f.signalID(), now, f.executed)
		if err := oneNew(result, err); err != nil {
			return err
		}
		if _, err := statement(1).ExecContext(ctx, f.user, now); err != nil {
			return err
		}
		_, err = statement(2).ExecContext(ctx, f.signalID(), now)
		return err
	})
}

func oneNew(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(errNotNew, err)
	}
	return nil
}

// sameStatements is a careful transaction a fire that does all that the library
// does, on the library's schema.
type sameStatements struct{ *prepared }

func openSameStatements(path string) (*sameStatements, error) {
	p, err := prepare("sqlite3", path, fireTexts[:]...)
	return &sameStatements{p}, err
}

func (s *sameStatements) record(ctx context.Context, f fire) error {
	return s.inTx(ctx, func(statement func(int) *sql.Stmt) error {
		at := time.Now().UTC()
		now, day, executed := at.Format(timeFormat), int64(engagement.DayOf(at, time.UTC)), 0
		if f.executed {
			executed = 1
		}
		var user, fires int64
		var signal string
		err := statement(insertFire).QueryRowContext(ctx, f.user, f.signalID(), now, executed, day).Scan(&user, &signal)
		if errors.Is(err, sql.ErrNoRows) {
			return errNotNew
		}
		if err != nil {
			return err
		}
		err = statement(addUserDay).QueryRowContext(ctx, f.user, day, executed).Scan(&user, new(int64), &fires)
		if err != nil {
			return err
		}
		active, newUser, err := storeUser(ctx, statement, f, now, day, fires)
		if err != nil {
			return err
		}
		if _, err := statement(addSignalDay).ExecContext(ctx, f.signalID(), day, executed); err != nil {
			return err
		}
		if _, err := statement(addSignal).ExecContext(ctx, f.signalID(), now); err != nil {
			return err
		}
		_, err = statement(addDay).ExecContext(ctx, day, executed, active, newUser)
		return err
	})
}

// storeUser writes the user's totals and streak, if it is the user's first fire of the
// day, and reports as 0 and 1 whether that made the day active and the user a new one.
func storeUser(ctx context.Context, statement func(int) *sql.Stmt, f fire, now string, day, fires int64) (active, newUser int, err error) {
	a := activity{user: f.user, first: -1}
	var longest int64
	if fires == 1 {
		active = 1
		err := statement(holdUser).QueryRowContext(ctx, f.user).Scan(a.fields()...)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return 0, 0, err
		}
		longest = a.longest
		if a.first < 0 {
			newUser = 1
		}
		a.add(day)
	}
	if newUser == 1 {
		_, err := statement(setStreaks).ExecContext(ctx, a.user, f.executed, now,
			a.first, a.start, a.end, a.length, a.until, a.longest, a.freezes)
		return active, newUser, err
	}
	addFires := addUserFiresNotExecuted
	if f.executed {
		addFires = addUserFires
	}
	if _, err := statement(addFires).ExecContext(ctx, f.user, now); err != nil || active == 0 {
		return active, newUser, err
	}
	_, err = statement(setLatestStreaks).ExecContext(ctx, a.user, a.start, a.end, a.length, a.until, a.freezes)
	if err == nil && a.longest != longest {
		_, err = statement(setLongestStreaks).ExecContext(ctx, a.user, a.longest)
	}
	return active, newUser, err
}

// activity is what the library stores of a user's active days.
type activity struct{ user, first, start, end, length, until, longest, freezes int64 }

// fields are those that holdUser returns.
func (a *activity) fields() []any {
	return []any{&a.user, &a.first, &a.start, &a.end, &a.length, &a.until, &a.longest, &a.freezes}
}

// add adds a day after all others by the default streak rules.
func (a *activity) add(day int64) {
	if a.first < 0 {
		a.first = day
	}
	if a.length == 0 || day != a.end+1 {
		a.start, a.length = day, 0
	}
	a.end, a.until = day, day+1
	a.length++
	a.longest = max(a.longest, a.length)
}

// gormPeer does what handWritten does through GORM's models.
type gormPeer struct{ db *gorm.DB }

type gormFire struct {
	ID        int64 `gorm:"primaryKey"`
	UserID    int64
	SignalID  string
	Timestamp time.Time
	Executed  bool
}

func (gormFire) TableName() string { return "signal_fires" }

type gormUser struct {
	UserID      int64 `gorm:"primaryKey"`
	TotalFires  int64
	LastUpdated time.Time
}

func (gormUser) TableName() string { return "user_stats" }

type gormSignal struct {
	SignalID    string `gorm:"primaryKey"`
	TotalFires  int64
	ActiveUsers int64
	CreatedAt   time.Time
}

func (gormSignal) TableName() string { return "signal_metrics" }

func openGORM(path string) (*gormPeer, error) {
	pool, err := openPool("sqlite3", path)
	if err != nil {
		return nil, err
	}
	db, err := gorm.Open(sqlite.Dialector{Conn: pool}, &gorm.Config{Logger: logger.Discard, PrepareStmt: true})
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &gormPeer{db}, nil
}

func (g *gormPeer) record(ctx context.Context, f fire) error {
	now := time.Now().UTC()
	return g.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		created := tx.Clauses(clause.OnConflict{DoNothing: true}).
			Create(&gormFire{UserID: f.user, SignalID: f.signalID(), Timestamp: now, Executed: f.executed})
		if created.Error != nil || created.RowsAffected != 1 {
			return errors.Join(errNotNew, created.Error)
		}
		err := tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "user_id"}},
			DoUpdates: clause.Assignments(map[string]any{
				"total_fires": gorm.Expr("total_fires + 1"), "last_updated": now}),
		}).Create(&gormUser{UserID: f.user, TotalFires: 1, LastUpdated: now}).Error
		if err != nil {
			return err
		}
		return tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "signal_id"}},
			DoUpdates: clause.Assignments(map[string]any{
				"total_fires": gorm.Expr("total_fires + 1"), "active_users": gorm.Expr("active_users + 1")}),
		}).Create(&gormSignal{SignalID: f.signalID(), TotalFires: 1, ActiveUsers: 1, CreatedAt: now}).Error
	})
}

func (g *gormPeer) close() error {
	pool, err := g.db.DB()
	if err != nil {
		return err
	}
	return pool.Close()
}

// library is the product.
type library struct {
	db        *engagement.DB
	lastBatch int // how many fires shared a commit in the last measurement
}

func openLibrary(ctx context.Context, path string) (*library, error) {
	db, err := engagement.Open(ctx, path)
	return &library{db: db, lastBatch: 1}, err
}

func (l *library) record(ctx context.Context, f fire) error {
	result, err := l.db.RecordFire(ctx, f.facade())
	return recorded(result.Status, err)
}

func (f fire) facade() engagement.Fire {
	return engagement.Fire{UserID: f.user, SignalID: f.signalID(), Executed: f.executed}
}

func recorded(status engagement.Status, err error) error {
	if err == nil && status != engagement.Recorded {
		err = fmt.Errorf("%w: %s", errNotNew, status)
	}
	return err
}

// measure runs a load and takes its commits from the library's own figures.
func (l *library) measure(load func() (sample, error)) (sample, error) {
	before := l.db.CommitStats()
	s, err := load()
	after := l.db.CommitStats()
	s.commits = after.Batches - before.Batches
	if s.commits > 0 {
		l.lastBatch = int(math.Round(s.batch()))
	}
	return s, err
}

func (l *library) close() error { return l.db.Close() }
