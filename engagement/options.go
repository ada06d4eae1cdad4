package engagement

import (
	"log/slog"
	"time"
)

// Option changes how a database is opened. A bad value fails Open with
// ErrInvalid.
type Option func(*options) error

type options struct {
	location    *time.Location // nil: what the database was made with
	clock       func() time.Time
	log         *slog.Logger
	observer    func(Observation)
	slow        time.Duration
	keepDays    int // 0: no cleanup in the background
	readOnly    bool
	noMigrate   bool
	citus       bool
	synchronous Synchronous
	like        string        // a new file gets the mode and owner of this one
	tryFor      time.Duration // of tests
}

func newOptions(opts []Option) (options, error) {
	o := options{
		clock:       time.Now,
		log:         slog.New(slog.DiscardHandler),
		slow:        200 * time.Millisecond,
		synchronous: SyncFull,
	}
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return o, err
		}
	}
	if o.readOnly && o.keepDays > 0 {
		return o, invalid("retention", o.keepDays, "a read-only database cannot be cleaned up")
	}
	if o.citus && (o.readOnly || o.noMigrate) {
		return o, invalid("citus", nil, "tables cannot be spread without migrating")
	}
	return o, nil
}

// WithLocation sets the time zone in which days begin and end. A new database stores
// it (default UTC); opening the database with another one later is ErrInvalid. The
// location must have a name of the time zone database, so neither [time.Local] nor a
// fixed offset will do.
func WithLocation(loc *time.Location) Option {
	return func(o *options) error {
		if loc == nil {
			return invalid("location", loc, "it is nil")
		}
		known, err := loadLocation(loc.String())
		if err != nil {
			return err
		}
		for month := time.January; month <= time.December; month++ {
			t := time.Date(2024, month, 1, 0, 0, 0, 0, time.UTC)
			_, offset := t.In(loc).Zone()
			if _, want := t.In(known).Zone(); offset != want {
				return invalid("location", loc.String(), "it is not the one of that name in the time zone database")
			}
		}
		o.location = known
		return nil
	}
}

func loadLocation(name string) (*time.Location, error) {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "Local" || name == "" {
		return nil, invalid("location", name, "it is not in the time zone database")
	}
	return loc, nil
}

// WithClock sets what tells the time; the default is [time.Now].
func WithClock(now func() time.Time) Option {
	return func(o *options) error {
		if now == nil {
			return invalid("clock", nil, "it is nil")
		}
		o.clock = now
		return nil
	}
}

// WithLogger sets where operations are logged: each at debug with its duration
// and rows, slow ones and retries at warn, migrations and cleanup at info,
// failures at error. Of users only ids are logged. The default logs nothing.
func WithLogger(log *slog.Logger) Option {
	return func(o *options) error {
		if log == nil {
			return invalid("logger", nil, "it is nil")
		}
		o.log = log
		return nil
	}
}

// Observation is one operation that has ended.
type Observation struct {
	Operation string // such as "record fire" or "leaderboard"; of a few dozen names
	Duration  time.Duration
	Err       error // nil if it was done; its text may contain something about a user

	// The statuses of the fires and trades that the operation recorded, in their
	// order. In a [Tx] they may still be undone.
	Fires, Trades []Status
}

// WithObserver sets a function that is called with each operation as it ends, for a
// program's own metrics and traces. It is called from many goroutines at once, and
// the operation's caller waits for it.
func WithObserver(observe func(Observation)) Option {
	return func(o *options) error {
		if observe == nil {
			return invalid("observer", nil, "it is nil")
		}
		o.observer = observe
		return nil
	}
}

// WithSlowThreshold sets how long an operation takes at least to be logged as slow;
// the default is 200 ms.
func WithSlowThreshold(d time.Duration) Option {
	return func(o *options) error {
		if d <= 0 {
			return invalid("slow threshold", d, "want more than 0")
		}
		o.slow = d
		return nil
	}
}

// WithRetention runs Cleanup(keepDays) in the background, at once and then
// every day, until Close.
func WithRetention(keepDays int) Option {
	return func(o *options) error {
		o.keepDays = keepDays
		return checkKeepDays(keepDays)
	}
}

// WithReadOnly opens an existing, current database for reading. Writes return
// ErrReadOnly.
func WithReadOnly() Option {
	return func(o *options) error { o.readOnly = true; return nil }
}

// WithoutMigrate refuses a database that is not of the current schema with
// ErrSchema, instead of migrating it.
func WithoutMigrate() Option {
	return func(o *options) error { o.noMigrate = true; return nil }
}

// WithCitus makes Open spread the tables over the nodes of a Citus cluster, of which
// dsn must name the coordinator, unless they are spread already. Writers wait while
// rows are moved. It is needed once: what a later migration adds is spread by itself.
// Any other database is ErrInvalid.
func WithCitus() Option {
	return func(o *options) error { o.citus = true; return nil }
}

// Synchronous is what a commit waits for; see
// https://sqlite.org/pragma.html#pragma_synchronous.
type Synchronous string

// The levels of durability.
const (
	SyncFull   Synchronous = "full"   // what was acknowledged survives a power cut (the default)
	SyncNormal Synchronous = "normal" // a power cut may lose the last commits, never the file
	SyncOff    Synchronous = "off"    // a power cut may damage the file
)

// SynchronousLevels lists all levels.
func SynchronousLevels() []Synchronous { return []Synchronous{SyncFull, SyncNormal, SyncOff} }

// String returns the level's name: "full", "normal" or "off".
func (s Synchronous) String() string { return string(s) }

// ParseSynchronous reads a level's name. Anything else is ErrInvalid.
func ParseSynchronous(s string) (Synchronous, error) {
	return parseNamed("synchronous", s, SynchronousLevels())
}

// MarshalText returns the level's name, "" for the zero value.
func (s Synchronous) MarshalText() ([]byte, error) {
	return marshalNamed("synchronous", s, SynchronousLevels())
}

// UnmarshalText reads what MarshalText returns.
func (s *Synchronous) UnmarshalText(text []byte) error {
	return unmarshalNamed(s, text, ParseSynchronous)
}

// WithSynchronous sets what a commit waits for. On PostgreSQL, SyncFull leaves
// synchronous_commit as the server has it, and the others turn it off: a crash
// of the server may then lose the last commits, and never more.
func WithSynchronous(s Synchronous) Option {
	return func(o *options) error {
		o.synchronous = s
		return checkNamed("synchronous", s, SynchronousLevels())
	}
}
