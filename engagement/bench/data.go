package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// sizes say how much there is to read and write.
type sizes struct {
	callers          []int
	callersRemote    []int    // of a PostgreSQL server
	callersCitus     []int    // of a Citus cluster
	users            workload // who fire and trade
	bulk             int      // fires a call of RecordFires
	many             workload // many more, who come at random
	manyLoaded       int      // fires of theirs that are there before callers are measured
	manyFirst        int      // fires of theirs that RecordFires stores in an empty file
	connections      []int    // of clients that fire over HTTP
	boardConnections int      // of clients that ask for a board
	streams          int      // that are held open
	small, large     community
	exported         int // fires of the user who is exported

	smallHistory, middleHistory, largeHistory history
}

var (
	fullSizes = sizes{
		connections: []int{1, 16, 256}, boardConnections: 64, streams: 500,
		callers: []int{1, 16, 256, 1_024}, callersRemote: []int{1, 16, 256}, callersCitus: []int{64, 256}, users: 20_000, bulk: 10_000, exported: 1_000_000,
		many: 1_000_000, manyLoaded: 600_000, manyFirst: 1_000_000,
		small: community{"10 thousand users", 10_000, 1_000}, large: community{"1 million users", 1_000_000, 1_000_000},
		smallHistory: history{"10 thousand users", 10_000, 7, 30}, middleHistory: history{"100 thousand users", 100_000, 7, 170},
		largeHistory: history{"1 million users", 1_000_000, 9, 30},
	}
	quickSizes = sizes{
		connections: []int{1, 16}, boardConnections: 8, streams: 20,
		callers: []int{1, 16, 64}, callersRemote: []int{1, 16}, callersCitus: []int{4, 16}, users: 1_000, bulk: 2_000, exported: 5_000,
		many: 4_000, manyLoaded: 2_000, manyFirst: 4_000,
		small: community{"1,500 users", 1_500, 200}, large: community{"4,000 users", 4_000, 4_000},
		smallHistory: history{"1,200 users", 1_200, 7, 30}, middleHistory: history{"1,300 users", 1_300, 7, 30},
		largeHistory: history{"1,400 users", 1_400, 9, 30},
	}
)

// file returns the database of that name in the run's directory, which fill
// makes when it is first asked for.
func (b *bench) file(name string, fill func(path string) error) (string, error) {
	return b.fileIn(b.dir, name, fill)
}

func (b *bench) fileIn(dir, name string, fill func(path string) error) (string, error) {
	path := filepath.Join(dir, name+".db")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	b.logf("making the database %q", name)
	// A file that was not finished must not be taken for one that was.
	unfinished := path + "-unfinished"
	if err := remove(unfinished); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if err := fill(unfinished); err != nil {
		return "", fmt.Errorf("make the database %q: %w", name, err)
	}
	return path, os.Rename(unfinished, path)
}

// copyOf returns a new copy of a closed database.
func (b *bench) copyOf(original string) (string, error) {
	b.copies++
	path := filepath.Join(b.dir, "copy-"+strconv.Itoa(b.copies)+".db")
	from, err := os.Open(original)
	if err != nil {
		return "", err
	}
	to, err := os.Create(path)
	if err != nil {
		return "", errors.Join(err, from.Close())
	}
	_, err = io.Copy(to, from)
	// What the disk still has to write must not slow down who is measured.
	return path, errors.Join(err, to.Sync(), to.Close(), from.Close())
}

func remove(path string) error {
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return os.Remove(path)
}

// warmFires are one fire of each user of the workload, of yesterday, so that slow
// contenders and fast ones meet the same users.
func (b *bench) warmFires() iter.Seq[engagement.Fire] {
	at := time.Now().AddDate(0, 0, -1)
	return func(yield func(engagement.Fire) bool) {
		for user := range b.sizes.users {
			if !yield(engagement.Fire{UserID: int64(user) + 1, SignalID: "GBPUSD_SHORT_1", At: at}) {
				return
			}
		}
	}
}

// libraryFile is a database of the library's schema with the workload's users.
func (b *bench) libraryFile(ctx context.Context) (string, error) {
	return b.file("library", func(path string) error {
		return fillLibrary(ctx, path, time.Now, b.warmFires())
	})
}

// plainFile is a database of the predecessor's schema with the same users.
func (b *bench) plainFile(ctx context.Context) (string, error) {
	return b.file("plain", func(path string) error {
		db, err := openPool("sqlite3", path)
		if err != nil {
			return err
		}
		if _, err := db.ExecContext(ctx, predecessorSchema); err != nil {
			return errors.Join(err, db.Close())
		}
		return errors.Join(db.Close(), fillPlain(ctx, path, b.warmFires()))
	})
}

func fillPlain(ctx context.Context, path string, fires iter.Seq[engagement.Fire]) error {
	p, err := prepare("sqlite3", path,
		"INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES (?, ?, ?)",
		"INSERT INTO user_stats (user_id, total_fires, last_updated) VALUES (?, 1, ?)")
	if err != nil {
		return err
	}
	err = p.inTx(ctx, func(statement func(int) *sql.Stmt) error {
		for f := range fires {
			at := f.At.UTC().Format(timeFormat)
			if _, err := statement(0).ExecContext(ctx, f.UserID, f.SignalID, at); err != nil {
				return err
			}
			if _, err := statement(1).ExecContext(ctx, f.UserID, at); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, p.close())
}

// fillLibrary stores fires through the library, as fast as it can.
func fillLibrary(ctx context.Context, path string, clock func() time.Time, fires iter.Seq[engagement.Fire]) error {
	db, err := engagement.Open(ctx, path, engagement.WithSynchronous(engagement.SyncOff), engagement.WithClock(clock))
	if err != nil {
		return err
	}
	return errors.Join(storeFires(ctx, db, fires), db.Close())
}

func storeFires(ctx context.Context, db *engagement.DB, fires iter.Seq[engagement.Fire]) error {
	const batch = 50_000
	pending := make([]engagement.Fire, 0, batch)
	store := func() error {
		_, err := db.RecordFires(ctx, pending)
		pending = pending[:0]
		return err
	}
	for fire := range fires {
		if pending = append(pending, fire); len(pending) == batch {
			if err := store(); err != nil {
				return err
			}
		}
	}
	return store()
}

// verify proves a database of the library's schema and that it holds so many
// fires.
func verify(ctx context.Context, path string, fires int64) error {
	db, err := engagement.Open(ctx, path)
	if err != nil {
		return err
	}
	report, err := db.Verify(ctx)
	if err == nil && !report.OK() {
		err = fmt.Errorf("%d figures are wrong, the first: %s", len(report.Findings), report.Findings[0])
	}
	if err == nil && report.Fires != fires {
		err = fmt.Errorf("%d fires are stored, want %d", report.Fires, fires)
	}
	return errors.Join(err, db.Close())
}

// community is a database to read from. Its first users in order of fires, who
// are spread over all user ids, are the same in communities of all sizes.
type community struct {
	name       string
	users      int
	firesToday int // about
}

const (
	boardUsers    = 1_200 // the first of them lead the boards
	streakUsers   = 8     // of those, fired on each of the last streakDays days
	streakDays    = 400
	communityLive = "XAUUSD_LONG_"
	communityOld  = "GBPUSD_SHORT_"
	hotSignal     = communityLive + "0"
)

// communityNow is the communities' noon: the same in each run, so that no run
// goes past a midnight.
var communityNow = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

func communityClock() time.Time { return communityNow }

func (b *bench) communityFile(ctx context.Context, c community) (string, error) {
	return b.file("community-"+strconv.Itoa(c.users), func(path string) error {
		return fillLibrary(ctx, path, communityClock, c.fires)
	})
}

// boardUser returns the user at a place of the board by fires, from 0.
func (c community) boardUser(place int) int64 { return int64(place*c.users/boardUsers) + 1 }

// fires calls yield with all fires from the oldest day on: those of the users
// who lead the board, and one of everybody.
func (c community) fires(yield func(engagement.Fire) bool) {
	for age := streakDays - 1; age >= 0; age-- {
		day := communityNow.Truncate(24*time.Hour).AddDate(0, 0, -age)
		if !c.boardFires(age, day, yield) || !c.everybodysFires(age, day, yield) {
			return
		}
	}
}

func (c community) boardFires(age int, day time.Time, yield func(engagement.Fire) bool) bool {
	for place := range boardUsers {
		if place >= streakUsers && (age == 0 || age > 1+(boardUsers-place)/20) { // twenty share a rank
			continue
		}
		f := engagement.Fire{
			UserID: c.boardUser(place), SignalID: communityOld + strconv.Itoa(age),
			At: day.Add(time.Duration(place) * time.Second), Executed: place%2 == 0,
		}
		if !yield(f) {
			return false
		}
	}
	return true
}

// everybodysFires are today's, or those of the thirty days before.
func (c community) everybodysFires(age int, day time.Time, yield func(engagement.Fire) bool) bool {
	const olderDays = 30
	from, to := 0, c.firesToday
	switch older := c.users - c.firesToday; {
	case age > olderDays:
		return true
	case age > 0:
		from, to = c.firesToday+(age-1)*older/olderDays, c.firesToday+age*older/olderDays
	}
	for i := from; i < to; i++ {
		f := engagement.Fire{
			UserID: int64(i) + 1, SignalID: communityLive + strconv.Itoa(i%liveSignals),
			At: day.Add(time.Duration(i-from) * 12 * time.Hour / time.Duration(to-from)), Executed: i%3 == 0,
		}
		if !yield(f) {
			return false
		}
	}
	return true
}

// exportedUser is the only user of exportFile.
const exportedUser = 1

// exportFile holds one user who fired every half minute for a year.
func (b *bench) exportFile(ctx context.Context) (string, error) {
	return b.file("export", func(path string) error {
		return fillLibrary(ctx, path, communityClock, func(yield func(engagement.Fire) bool) {
			for i := range b.sizes.exported {
				f := engagement.Fire{
					UserID: exportedUser, SignalID: communityLive + strconv.Itoa(i),
					At: communityNow.Add(-30 * time.Second * time.Duration(b.sizes.exported-i)), Executed: i%2 == 0,
				}
				if !yield(f) {
					return
				}
			}
		})
	})
}
