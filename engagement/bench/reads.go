package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement"
)

// question is one read: the library's method, and the statements that it runs.
// Both answer with rows or figures that can be compared. i numbers the calls,
// so that they need not always ask after the same user.
type question struct {
	name    string
	growth  float64 // the most that the large community may take of the small one's time; 0: no target
	library func(ctx context.Context, r *reading, i int) (any, error)
	bare    func(ctx context.Context, r *reading, i int) (any, error)
}

const (
	topRows    = 10
	pageBehind = 990 // the rows before the page in the middle of the board
	latestRows = 50
)

var questions = []question{
	{
		name: "leaderboard, top 10", growth: 1.5,
		library: func(ctx context.Context, r *reading, _ int) (any, error) { return r.board(ctx, "") },
		bare:    func(ctx context.Context, r *reading, _ int) (any, error) { return r.bareBoard(ctx, nil) },
	},
	{
		name:    "leaderboard, page 100",
		library: func(ctx context.Context, r *reading, _ int) (any, error) { return r.board(ctx, r.next) },
		bare:    func(ctx context.Context, r *reading, _ int) (any, error) { return r.bareBoard(ctx, r.behind) },
	},
	{
		name: "rank of a user in the top 1,000", growth: 1.5,
		library: func(ctx context.Context, r *reading, i int) (any, error) {
			row, err := r.db.UserRank(ctx, engagement.Board{Ranking: engagement.ByFires}, r.boardUser(i%1_000))
			return row.Rank, err
		},
		bare: func(ctx context.Context, r *reading, i int) (any, error) {
			return r.bareRank(ctx, r.boardUser(i%1_000))
		},
	},
	{
		name: "summary of a user with 400 days", growth: 1.5,
		library: func(ctx context.Context, r *reading, i int) (any, error) {
			s, err := r.db.UserSummary(ctx, r.boardUser(i%streakUsers))
			if err == nil && s.CurrentStreak != streakDays {
				err = fmt.Errorf("the streak has %d days", s.CurrentStreak)
			}
			return [...]int64{s.TotalFires, s.RecentFires7d, s.Executed, s.FavoriteSignal.FireCount}, err
		},
		bare: func(ctx context.Context, r *reading, i int) (any, error) {
			return r.bareSummary(ctx, r.boardUser(i%streakUsers))
		},
	},
	{
		name: "today's figures", growth: 1.5,
		library: func(ctx context.Context, r *reading, _ int) (any, error) {
			s, err := r.db.RealTimeStats(ctx)
			return [...]int64{s.TotalFiresToday, s.ActiveUsersToday, s.MostFiredSignal.FireCount}, err
		},
		bare: func(ctx context.Context, r *reading, _ int) (any, error) { return r.bareToday(ctx) },
	},
	{
		name: "latest 50 fires of a user",
		library: func(ctx context.Context, r *reading, i int) (any, error) {
			fires, err := r.db.Fires(ctx, engagement.FireFilter{UserID: r.boardUser(i % streakUsers)}, engagement.PageQuery{Limit: latestRows})
			return len(fires.Items), err
		},
		bare: func(ctx context.Context, r *reading, i int) (any, error) {
			return r.bareFires(ctx, r.userFires, r.boardUser(i%streakUsers))
		},
	},
	{
		name: "latest 50 fires of a hot signal",
		library: func(ctx context.Context, r *reading, _ int) (any, error) {
			fires, err := r.db.Fires(ctx, engagement.FireFilter{SignalID: hotSignal}, engagement.PageQuery{Limit: latestRows})
			return len(fires.Items), err
		},
		bare: func(ctx context.Context, r *reading, _ int) (any, error) {
			return r.bareFires(ctx, r.signalFires, hotSignal)
		},
	},
}

func (b *bench) reads() *section {
	s := &section{table: table{
		title: "Reads",
		note: "One reader. Bare are the same statements, prepared on one connection with the library's pragmas and " +
			"scanned into the same structs; those of a method that has several run in one read transaction. " +
			"The communities have 10 thousand users and 1 thousand fires today, or 1 million of both. Each measurement takes " +
			"a quarter of the others' time.",
		columns: []string{"read", "µs a call", "÷ bare", "÷ small community", "CPU µs a call", "target"},
	}}
	for _, q := range questions {
		s.groups = append(s.groups, group{
			name: "reads: " + q.name,
			run:  func(ctx context.Context) ([]row, error) { return b.readsOf(ctx, q) },
		})
	}
	return s
}

// readsOf measures a question's library and bare contenders on both communities
// in turn.
func (b *bench) readsOf(ctx context.Context, q question) (rows []row, err error) {
	var contenders []*contender
	for _, c := range []community{b.sizes.small, b.sizes.large} {
		path, err := b.communityFile(ctx, c)
		if err != nil {
			return nil, err
		}
		r, err := openReading(ctx, path, c)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, r.close()) }()
		if err := r.agree(ctx, q); err != nil {
			return nil, err
		}
		contenders = append(contenders,
			r.contender(q.name+", "+c.name+": library", q.library), r.contender(q.name+", "+c.name+": bare", q.bare))
	}
	if err := b.briefly().inTurn(ctx, 20, contenders); err != nil {
		return nil, err
	}
	return readRows(q, contenders), nil
}

// readRows takes the small community's library and bare, then the large one's.
func readRows(q question, contenders []*contender) []row {
	rows := make([]row, len(contenders))
	for i, c := range contenders {
		took := c.figures(sample.microsPerOp)
		toBare := took.over(contenders[i/2*2+1].figures(sample.microsPerOp))
		rows[i] = row{c.name, []cell{figure(took), figure(toBare), blank, figure(c.figures(sample.cpuPerOp)), blank}}
		library, large := i%2 == 0, i >= 2
		if library {
			rows[i].cells[4] = atMost(1.25, toBare)
		}
		if large {
			growth := took.over(contenders[i-2].figures(sample.microsPerOp))
			rows[i].cells[2] = figure(growth)
			if library && q.growth > 0 {
				rows[i].cells[4] = rows[i].cells[4].and(atMost(q.growth, growth))
			}
		}
	}
	return rows
}

// reading is a community opened by the library, and bare.
type reading struct {
	community
	db     *engagement.DB
	behind *engagement.BoardRow // the last row before page 100
	next   engagement.Cursor    // where page 100 begins

	pool                              *sql.DB
	conn                              *sql.Conn
	begin, end                        *sql.Stmt
	topByFires, withMoreFires         *sql.Stmt
	userStats, recentFires, favorites *sql.Stmt
	day, topSignal                    *sql.Stmt
	userFires, signalFires            *sql.Stmt
}

func openReading(ctx context.Context, path string, c community) (*reading, error) {
	r := &reading{community: c}
	var err error
	r.db, err = engagement.Open(ctx, path, engagement.WithReadOnly(), engagement.WithClock(communityClock))
	if err != nil {
		return nil, err
	}
	if err := r.prepare(ctx, path); err != nil {
		return nil, errors.Join(err, r.close())
	}
	board, err := r.db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, engagement.PageQuery{Limit: pageBehind})
	if err != nil || len(board.Items) != pageBehind {
		return nil, errors.Join(fmt.Errorf("the board has %d rows, want %d", len(board.Items), pageBehind), err, r.close())
	}
	r.behind, r.next = &board.Items[pageBehind-1], board.Next
	return r, nil
}

// openBare opens a connection with the library's settings for readers.
func openBare(ctx context.Context, path string) (*sql.DB, *sql.Conn, error) {
	pool, err := sql.Open("sqlite3", "file:"+path+"?mode=ro&_query_only=true&_busy_timeout=5000&_cache_size=-16384")
	if err != nil {
		return nil, nil, err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, pool.Close())
	}
	return pool, conn, nil
}

// prepare prepares the bare statements.
func (r *reading) prepare(ctx context.Context, path string) (err error) {
	if r.pool, r.conn, err = openBare(ctx, path); err != nil {
		return err
	}
	for text, statement := range map[string]**sql.Stmt{
		"BEGIN": &r.begin, "ROLLBACK": &r.end,
		dbgen.TopByFires: &r.topByFires, dbgen.CountWithMoreFires: &r.withMoreFires,
		dbgen.GetUserStats: &r.userStats, dbgen.UserRecentFires: &r.recentFires,
		dbgen.FavoriteFamily: &r.favorites,
		dbgen.GetDay:         &r.day, dbgen.TopSignalOfDay: &r.topSignal,
		dbgen.UserFires: &r.userFires, dbgen.SignalFires: &r.signalFires,
	} {
		if *statement, err = r.conn.PrepareContext(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) close() error {
	err := r.db.Close()
	if r.conn != nil {
		err = errors.Join(err, r.conn.Close())
	}
	if r.pool != nil {
		err = errors.Join(err, r.pool.Close())
	}
	return err
}

// agree checks that the library and the bare statements answer alike.
func (r *reading) agree(ctx context.Context, q question) error {
	for i := range 20 {
		library, err := q.library(ctx, r, i)
		if err != nil {
			return err
		}
		bare, err := q.bare(ctx, r, i)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(library, bare) {
			return fmt.Errorf("the library answers %v, the bare statements %v", library, bare)
		}
	}
	return nil
}

func (r *reading) contender(name string, ask func(context.Context, *reading, int) (any, error)) *contender {
	i := 0
	return &contender{name: name, run: func(ctx context.Context, d time.Duration) (sample, error) {
		// The statements run without the run's context: one that can end costs
		// the driver a goroutine a statement.
		quiet := context.Background()
		return until(ctx, d, func() (int, error) {
			i++
			_, err := ask(quiet, r, i)
			return 1, err
		})
	}}
}

func (r *reading) board(ctx context.Context, after engagement.Cursor) ([topRows]int64, error) {
	rows, err := r.db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, engagement.PageQuery{Limit: topRows, After: after})
	var ranks [topRows]int64
	for i, row := range rows.Items {
		ranks[i] = row.Rank
	}
	return ranks, err
}

// inSnapshot runs fn in a read transaction.
func (r *reading) inSnapshot(ctx context.Context, fn func() error) error {
	if _, err := r.begin.ExecContext(ctx); err != nil {
		return err
	}
	err := fn()
	_, ended := r.end.ExecContext(ctx)
	return errors.Join(err, ended)
}

func (r *reading) bareBoard(ctx context.Context, after *engagement.BoardRow) (ranks [topRows]int64, err error) {
	fires, user := int64(math.MaxInt64), int64(math.MinInt64)
	if after != nil {
		fires, user = after.TotalFires, after.UserID
	}
	err = r.inSnapshot(ctx, func() error {
		rows, err := scanAll(ctx, r.topByFires, userStatFields, fires, user, topRows+1)
		if err != nil || len(rows) != topRows+1 {
			return errors.Join(fmt.Errorf("%d rows, want %d", len(rows), topRows+1), err)
		}
		// As the library counts: not from the top, and on a later page for the
		// first row and again for the first with another value.
		counts := 0
		for i, row := range rows[:topRows] {
			switch {
			case i > 0 && row.TotalFires == rows[i-1].TotalFires:
				ranks[i] = ranks[i-1]
			case i == 0 && after == nil:
				ranks[0], counts = 1, 1
			case counts == 0 || (counts == 1 && after != nil):
				if err := r.withMoreFires.QueryRowContext(ctx, row.TotalFires).Scan(&ranks[i]); err != nil {
					return err
				}
				ranks[i]++
				counts++
			default:
				ranks[i] = ranks[0] + int64(i)
			}
		}
		return nil
	})
	return ranks, err
}

func (r *reading) bareRank(ctx context.Context, user int64) (rank int64, err error) {
	err = r.inSnapshot(ctx, func() error {
		var row dbgen.UserStat
		if err := r.userStats.QueryRowContext(ctx, user).Scan(userStatFields(&row)...); err != nil {
			return err
		}
		return r.withMoreFires.QueryRowContext(ctx, row.TotalFires).Scan(&rank)
	})
	return rank + 1, err
}

func (r *reading) bareSummary(ctx context.Context, user int64) (any, error) {
	var row dbgen.UserStat
	var recent int64
	var favorite dbgen.FavoriteFamilyRow
	today := engagement.DayOf(communityNow, time.UTC)
	err := r.inSnapshot(ctx, func() error {
		if err := r.userStats.QueryRowContext(ctx, user).Scan(userStatFields(&row)...); err != nil {
			return err
		}
		if err := r.recentFires.QueryRowContext(ctx, user, int64(today-6), int64(today)).Scan(&recent); err != nil {
			return err
		}
		return r.favorites.QueryRowContext(ctx, user).Scan(&favorite.Family, &favorite.Fires)
	})
	return [...]int64{row.TotalFires, recent, row.Executed, favorite.Fires}, err
}

func (r *reading) bareToday(ctx context.Context) (any, error) {
	var day dbgen.Day
	var top dbgen.TopSignalOfDayRow
	today := int64(engagement.DayOf(communityNow, time.UTC))
	err := r.inSnapshot(ctx, func() error {
		err := r.day.QueryRowContext(ctx, today).Scan(&day.Day, &day.Fires, &day.Executed, &day.ActiveUsers, &day.NewUsers, &day.Wins, &day.Losses)
		if err != nil {
			return err
		}
		return r.topSignal.QueryRowContext(ctx, today).Scan(&top.SignalID, &top.Fires)
	})
	return [...]int64{day.Fires, day.ActiveUsers, top.Fires}, err
}

// bareFires lists the latest fires of a user or of a signal.
func (r *reading) bareFires(ctx context.Context, statement *sql.Stmt, of any) (int, error) {
	fires, err := scanAll(ctx, statement, func(f *dbgen.SignalFire) []any {
		return []any{&f.ID, &f.UserID, &f.SignalID, &f.Timestamp, &f.Executed, &f.Day}
	}, of, "9999-12-31 23:59:59.000000", 0, 0, 1, latestRows+1)
	return min(len(fires), latestRows), err
}

func userStatFields(u *dbgen.UserStat) []any {
	return []any{&u.UserID, &u.TotalFires, &u.WinRate, &u.Pnl, &u.LastUpdated, &u.Wins, &u.Losses, &u.Draws,
		&u.PnlMicros, &u.StreakStart, &u.StreakEnd, &u.StreakLongest, &u.Executed, &u.FirstDay, &u.WinBound,
		&u.StreakLength, &u.StreakUntil, &u.Freezes}
}

// scanAll runs a statement and returns its rows.
func scanAll[T any](ctx context.Context, statement *sql.Stmt, fields func(*T) []any, args ...any) ([]T, error) {
	rows, err := statement.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		var item T
		if err := rows.Scan(fields(&item)...); err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, rows.Err()
}
