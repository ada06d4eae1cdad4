package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// What a child does besides recording units.
const (
	opNone     = ""
	opCleanup  = "cleanup"
	opErase    = "erase"
	opRebuild  = "rebuild"
	opRules    = "rules"
	opBackup   = "backup"
	opCopy     = "copy"
	opAdopt    = "adopt" // a file of the predecessor
	opNew      = "new"   // a database where there is none yet
	opExamine  = "examine"
	opening    = "open" // how every child begins
	unitPrefix = "unit."
)

var ops = []string{opNone, opCleanup, opErase, opRebuild, opRules, opBackup, opCopy, opAdopt, opNew}

func isUnit(name string) bool { return strings.HasPrefix(name, unitPrefix) }

// erasing is what erasing a user is called in a ledger.
func erasing(user int64) string { return fmt.Sprint("erase ", user) }

// orders are what a child is to do. It is another process of this program, which
// finds them in its environment.
type orders struct {
	DSN     string
	Op      string
	Target  string  // of a backup or a copy
	Victims []int64 // users to erase
	Name    string  // of the child, which its units' names begin with
	Callers int     // who record at the same time
	Units   int     // that each of them records; 0: until it is killed
	Lax     bool    // commits do not wait for the disk
	Cycles  int     // how often the database is opened, used and closed; 0: once
}

const ordersVariable = "ENGAGEMENT_SOAK_ORDERS"

// Kinds of the records that a child writes to its file descriptor 3, beside
// those of interpose.c.
const (
	saysBegin = 'b' // what it begins
	saysDone  = 'd' // what is acknowledged
	saysError = 'e' // what failed: a complaint
)

// complaint is an error as a child tells of it.
type complaint struct {
	What  string
	Kinds []string // the sentinels that it is, none if it is untyped
	Text  string
}

func (c complaint) String() string { return fmt.Sprintf("%s: %v: %s", c.What, c.Kinds, c.Text) }

var sentinels = map[string]error{
	"invalid": engagement.ErrInvalid, "not found": engagement.ErrNotFound, "conflict": engagement.ErrConflict,
	"busy": engagement.ErrBusy, "unavailable": engagement.ErrUnavailable, "denied": engagement.ErrDenied,
	"schema": engagement.ErrSchema, "corrupt": engagement.ErrCorrupt, "read-only": engagement.ErrReadOnly,
	"closed": engagement.ErrClosed, "storage": engagement.ErrStorage, "deadline": context.DeadlineExceeded,
}

func complain(what string, err error) complaint {
	c := complaint{What: what, Kinds: []string{}, Text: err.Error()}
	if len(c.Text) > 2000 {
		c.Text = c.Text[:2000]
	}
	for name, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			c.Kinds = append(c.Kinds, name)
		}
	}
	slices.Sort(c.Kinds)
	return c
}

// asChild does what the environment orders and ends the process, if it does.
func asChild() {
	text, ordered := os.LookupEnv(ordersVariable)
	if !ordered {
		return
	}
	c := child{to: os.NewFile(3, "records")}
	if err := json.Unmarshal([]byte(text), &c.orders); err != nil {
		panic(err)
	}
	if c.Op == opExamine {
		c.examine()
		os.Exit(0)
	}
	for cycle := range max(1, c.Cycles) {
		if !c.use(cycle) {
			break
		}
	}
	os.Exit(0)
}

type child struct {
	orders
	to *os.File
}

// say writes a record with one write, so that a kill cannot tear it.
func (c *child) say(kind byte, text string) {
	record := make([]byte, headBytes+len(text))
	record[0] = kind
	binary.LittleEndian.PutUint64(record[16:], uint64(len(text)))
	copy(record[headBytes:], text)
	if _, err := c.to.Write(record); err != nil {
		fmt.Fprintln(os.Stderr, "nobody listens:", err)
		os.Exit(1)
	}
}

func (c *child) complain(what string, err error) {
	text, _ := json.Marshal(complain(what, err))
	c.say(saysError, string(text))
}

// do says that something begins and what becomes of it.
func (c *child) do(name string, what func() error) bool {
	c.say(saysBegin, name)
	if err := what(); err != nil {
		c.complain(name, err)
		return false
	}
	c.say(saysDone, name)
	return true
}

// use opens the database, records units while it does its upkeep, and closes it.
// It reports whether the database could be opened.
func (c *child) use(cycle int) bool {
	ctx := context.Background()
	var db *engagement.DB
	opened := c.do(opening, func() (err error) {
		durability := engagement.SyncFull
		if c.Lax {
			durability = engagement.SyncOff
		}
		db, err = engagement.Open(ctx, c.DSN, clock(), engagement.WithSynchronous(durability))
		return err
	})
	if !opened {
		return false
	}
	var callers sync.WaitGroup
	for caller := range c.Callers {
		callers.Go(func() { c.record(ctx, db, fmt.Sprintf("%s%s.%d.%d.", unitPrefix, c.Name, cycle, caller)) })
	}
	c.upkeep(ctx, db)
	callers.Wait()
	if err := db.Close(); err != nil {
		c.complain("close", err)
	}
	return true
}

// record records units and reads between them. It gives up when nothing works.
func (c *child) record(ctx context.Context, db *engagement.DB, prefix string) {
	failures := 0
	for i := 0; c.Units == 0 || i < c.Units; i++ {
		name := fmt.Sprint(prefix, i)
		if c.do(name, func() error { return unitOf(name).record(ctx, db) }) {
			failures = 0
		} else if failures++; failures == 10 {
			return
		}
		if i%5 == 4 {
			r := reads[i/5%len(reads)]
			if err := r.read(ctx, db); err != nil && !errors.Is(err, engagement.ErrNotFound) {
				c.complain(r.name, err)
			}
		}
	}
}

func (c *child) upkeep(ctx context.Context, db *engagement.DB) {
	switch c.Op {
	case opCleanup:
		c.do(c.Op, func() error { _, err := db.Cleanup(ctx, keepDays); return err })
	case opErase:
		for _, user := range c.Victims {
			c.do(erasing(user), func() error {
				_, err := db.EraseUser(ctx, user)
				if errors.Is(err, engagement.ErrNotFound) {
					return nil // a child before this one did it
				}
				return err
			})
		}
	case opRebuild:
		c.do(c.Op, func() error { _, err := db.Rebuild(ctx); return err })
	case opRules:
		c.do(c.Op, func() error { return db.SetStreakRules(ctx, otherRules) })
	case opBackup:
		c.do(c.Op, func() error { return db.Backup(ctx, c.Target) })
	case opCopy:
		c.do(c.Op, func() error { _, err := db.CopyTo(ctx, c.Target); return err })
	}
}

// reads are some of all that can be asked.
var reads = []struct {
	name string
	read func(ctx context.Context, db *engagement.DB) error
}{
	{"Leaderboard", func(ctx context.Context, db *engagement.DB) error {
		_, err := db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires, Window: db.ThisMonth()}, engagement.PageQuery{})
		return err
	}},
	{"UserSummary", func(ctx context.Context, db *engagement.DB) error { _, err := db.UserSummary(ctx, 7); return err }},
	{"StreakLeaderboard", func(ctx context.Context, db *engagement.DB) error {
		_, err := db.StreakLeaderboard(ctx, engagement.PageQuery{})
		return err
	}},
	{"Fires", func(ctx context.Context, db *engagement.DB) error {
		for _, err := range engagement.All(ctx, func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.SignalFire], error) {
			return db.Fires(ctx, engagement.FireFilter{}, q)
		}) {
			if err != nil {
				return err
			}
		}
		return nil
	}},
	{"ExportUser", func(ctx context.Context, db *engagement.DB) error { _, err := db.ExportUser(ctx, 9); return err }},
	{"Activity", func(ctx context.Context, db *engagement.DB) error {
		today := db.Today()
		_, err := db.Activity(ctx, engagement.Days(today-30, today))
		return err
	}},
	{"TradeQuality", func(ctx context.Context, db *engagement.DB) error {
		_, err := db.TradeQuality(ctx, engagement.QualityQuery{UserID: 7})
		return err
	}},
	{"CustomMetric", func(ctx context.Context, db *engagement.DB) error {
		_, err := db.EvaluateMetric(ctx, "executed", engagement.PageQuery{})
		return err
	}},
	{"Signals", func(ctx context.Context, db *engagement.DB) error {
		_, err := db.Signals(ctx, engagement.PageQuery{})
		return err
	}},
	{"RealTimeStats", func(ctx context.Context, db *engagement.DB) error { _, err := db.RealTimeStats(ctx); return err }},
}

// examine asks a file that may be damaged for everything, and writes to it.
// Each answer is done or a complaint; none may take longer than examineWithin.
func (c *child) examine() {
	within := func(call func(ctx context.Context) error) func() error {
		return func() error {
			ctx, cancel := context.WithTimeout(context.Background(), examineWithin)
			defer cancel()
			return call(ctx)
		}
	}
	var db *engagement.DB
	if !c.do("Open", within(func(ctx context.Context) (err error) {
		db, err = engagement.Open(ctx, c.DSN, clock())
		return err
	})) {
		return
	}
	c.do("Verify", within(func(ctx context.Context) error {
		report, err := db.Verify(ctx)
		if err == nil && report.OK() {
			c.say(saysDone, soundByVerify)
		}
		return err
	}))
	for _, r := range reads {
		c.do(r.name, within(func(ctx context.Context) error {
			if err := r.read(ctx, db); !errors.Is(err, engagement.ErrNotFound) {
				return err
			}
			return nil
		}))
	}
	for i := range 8 {
		name := fmt.Sprint(unitPrefix, "damaged.", i)
		c.do(name, within(func(ctx context.Context) error { return unitOf(name).record(ctx, db) }))
	}
	c.do("Cleanup", within(func(ctx context.Context) error { _, err := db.Cleanup(ctx, keepDays); return err }))
	c.do("EraseUser", within(func(ctx context.Context) error { _, err := db.EraseUser(ctx, firstVictim); return err }))
	c.do("SetStreakRules", within(func(ctx context.Context) error { return db.SetStreakRules(ctx, otherRules) }))
	c.do("Backup", within(func(ctx context.Context) error {
		return db.Backup(ctx, filepath.Join(filepath.Dir(c.DSN), "backup.db"))
	}))
	c.do("CopyTo", within(func(ctx context.Context) error {
		_, err := db.CopyTo(ctx, filepath.Join(filepath.Dir(c.DSN), "copied.db"))
		return err
	}))
	c.do("Rebuild", within(func(ctx context.Context) error { _, err := db.Rebuild(ctx); return err }))
	c.do("Close", db.Close)
}

const (
	examineWithin = 30 * time.Second
	// soundByVerify is done if Verify finds nothing.
	soundByVerify = "sound by Verify"
)
