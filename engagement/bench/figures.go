package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// grown is a figure that is to take as long in a large community as in a small
// one. i numbers the calls.
type grown struct {
	name string
	ask  func(ctx context.Context, h *historyReading, i int) error
}

// written is a figure that is to take as long as the best SQL written for it by
// hand. All answer alike: with rows of ids and figures.
type written struct {
	name    string
	target  float64 // the most that the library may take of the fastest SQL's time
	library func(ctx context.Context, db *engagement.DB) ([][]int64, error)
	byHand  []handSQL
}

type handSQL struct {
	name, text string
	args       []any
}

var (
	allTime = engagement.Board{Ranking: engagement.ByFires}

	historyToday = engagement.DayOf(communityNow, time.UTC)
	lastWeek     = engagement.Days(historyToday-7, historyToday-1)
)

var grownFigures = []grown{
	{"board of all time by fires, top 10", func(ctx context.Context, h *historyReading, _ int) error {
		rows, err := h.db.Leaderboard(ctx, allTime, engagement.PageQuery{Limit: topRows})
		return wantRowsOf(topRows, len(rows.Items), err)
	}},
	{"board of all time by win rate, top 10", func(ctx context.Context, h *historyReading, _ int) error {
		rows, err := h.db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByWinRate}, engagement.PageQuery{Limit: topRows})
		return wantRowsOf(topRows, len(rows.Items), err)
	}},
	{"rank of a user in the top 1,000", func(ctx context.Context, h *historyReading, i int) error {
		row, err := h.db.UserRank(ctx, allTime, h.leader(i%1_000))
		if err == nil && row.Rank > 1_000 {
			err = fmt.Errorf("the rank is %d", row.Rank)
		}
		return err
	}},
	{"5 users before and behind one in the top 1,000", func(ctx context.Context, h *historyReading, i int) error {
		rows, err := h.db.Around(ctx, allTime, h.leader(100+i%900), 5)
		return wantRowsOf(11, len(rows), err)
	}},
	{"figures of 90 days", func(ctx context.Context, h *historyReading, _ int) error {
		days, err := h.db.DailyFigures(ctx, engagement.Days(historyToday-89, historyToday))
		return wantRowsOf(90, len(days), err)
	}},
	{"all of a leading user on one page", func(ctx context.Context, h *historyReading, i int) error {
		return h.userPage(ctx, h.leader(i%leadingStreaks))
	}},
}

func wantRowsOf(want, got int, err error) error {
	if err == nil && want != got {
		err = fmt.Errorf("%d rows, want %d", got, want)
	}
	return err
}

// userPage reads all that a community shows of one user, of one moment.
func (h *historyReading) userPage(ctx context.Context, user int64) error {
	return h.db.View(ctx, func(r *engagement.Reader) error {
		_, err1 := r.UserSummary(ctx, user)
		_, err2 := r.Streak(ctx, user)
		_, err3 := r.TradeQuality(ctx, engagement.QualityQuery{UserID: user})
		_, err4 := r.Freezes(ctx, user)
		_, err5 := r.Awards(ctx, user)
		fires, err6 := r.Fires(ctx, engagement.FireFilter{UserID: user}, engagement.PageQuery{Limit: 20})
		err := errors.Join(err1, err2, err3, err4, err5, wantRowsOf(20, len(fires.Items), err6))
		for _, ranking := range engagement.Rankings() {
			_, failed := r.UserRank(ctx, engagement.Board{Ranking: ranking}, user)
			err = errors.Join(err, failed)
		}
		return err
	})
}

// The best users of a week and then their figures in it. %[1]s is the day, as +day
// without the use of its index, %[2]s which days count and %[3]s for what.
const weekBoard = `WITH best AS MATERIALIZED (
    SELECT user_id, SUM(%[3]s) AS value FROM user_days
    WHERE %[1]s >= ?1 AND %[1]s <= ?2 AND %[2]s
    GROUP BY user_id ORDER BY value DESC, user_id LIMIT 10)
SELECT d.user_id, SUM(d.fires), SUM(d.executed), SUM(d.wins), SUM(d.losses), SUM(d.draws), SUM(d.pnl_micros)
FROM best CROSS JOIN user_days AS d ON d.user_id = best.user_id AND d.day >= ?1 AND d.day <= ?2
GROUP BY best.value, d.user_id ORDER BY best.value DESC, d.user_id`

func weekBoards(counts, value string) []handSQL {
	days := []any{int64(lastWeek.From()), int64(lastWeek.To())}
	return []handSQL{
		{"SQL over the index of days", fmt.Sprintf(weekBoard, "day", counts, value), days},
		{"SQL over the whole table", fmt.Sprintf(weekBoard, "+day", counts, value), days},
	}
}

func weekOf(ranking engagement.Ranking) func(context.Context, *engagement.DB) ([][]int64, error) {
	return func(ctx context.Context, db *engagement.DB) ([][]int64, error) {
		board, err := db.Leaderboard(ctx, engagement.Board{Ranking: ranking, Window: lastWeek}, engagement.PageQuery{Limit: topRows})
		rows := [][]int64{}
		for _, b := range board.Items {
			micros := int64(b.PnL * 1e6) // exact: P&Ls here are eighths
			rows = append(rows, []int64{b.UserID, b.TotalFires, b.Executed, b.Wins, b.Losses, b.Draws, micros})
		}
		return rows, err
	}
}

var writtenFigures = []written{
	{"board of a week by fires, top 10", 1.3, weekOf(engagement.ByFires), weekBoards("fires > 0", "fires")},
	{"board of a week by P&L, top 10", 1.3, weekOf(engagement.ByPnL), weekBoards("wins + losses + draws > 0", "pnl_micros")},
	{
		name: "active users of a day, its week and its month", target: 1,
		library: func(ctx context.Context, db *engagement.DB) ([][]int64, error) {
			list, err := db.Activity(ctx, engagement.Days(lastWeek.To(), lastWeek.To()))
			if err != nil || len(list) != 1 {
				return nil, errors.Join(err, fmt.Errorf("%d days", len(list)))
			}
			return [][]int64{{list[0].DAU, list[0].WAU, list[0].MAU}}, nil
		},
		byHand: []handSQL{
			{"SQL, distinct users", `SELECT
    COUNT(CASE WHEN day = ?2 THEN 1 END), COUNT(DISTINCT CASE WHEN day > ?2 - 7 THEN user_id END), COUNT(DISTINCT user_id)
FROM user_days WHERE day >= ?1 AND day <= ?2 AND fires > 0`, []any{int64(lastWeek.To() - 29), int64(lastWeek.To())}},
			{"SQL, each user's last day", `SELECT TOTAL(latest = ?2), TOTAL(latest > ?2 - 7), COUNT(*)
FROM (SELECT MAX(day) AS latest FROM user_days
    WHERE +day >= ?1 AND +day <= ?2 AND fires > 0 GROUP BY user_id)`, []any{int64(lastWeek.To() - 29), int64(lastWeek.To())}},
		},
	},
	{
		name: "lifecycle of a day", target: 1.3,
		library: func(ctx context.Context, db *engagement.DB) ([][]int64, error) {
			list, err := db.Lifecycle(ctx, engagement.Days(lastWeek.To(), lastWeek.To()), engagement.Daily)
			if err != nil || len(list) != 1 {
				return nil, errors.Join(err, fmt.Errorf("%d days", len(list)))
			}
			l := list[0]
			return [][]int64{{l.Active, l.New, l.Returning, l.Resurrected, l.Dormant}}, nil
		},
		byHand: []handSQL{
			lifecycleSQL("SQL, one search a user", `SELECT COUNT(*) FROM user_days AS a
    CROSS JOIN user_days AS b ON b.user_id = a.user_id AND b.day = ?1 - 1 WHERE a.day = ?1 AND a.fires > 0 AND b.fires > 0`),
			lifecycleSQL("SQL, intersection", `SELECT COUNT(*) FROM (SELECT user_id FROM user_days WHERE day = ?1 AND fires > 0
    INTERSECT SELECT user_id FROM user_days WHERE day = ?1 - 1 AND fires > 0)`),
		},
	},
}

func lifecycleSQL(name, returning string) handSQL {
	return handSQL{name, `WITH returning_users(n) AS MATERIALIZED (` + returning + `)
SELECT d.active_users, d.new_users, n, d.active_users - d.new_users - n, before.active_users - n
FROM days AS d, days AS before, returning_users WHERE d.day = ?1 AND before.day = ?1 - 1`, []any{int64(lastWeek.To())}}
}

func (b *bench) figures() *section {
	s := &section{table: table{
		title: "Figures of a community",
		note: "One reader of communities with 120 days of fires and trades: 10 thousand users and about 50 thousand " +
			"fires, or 1 million users and 5 million. Each measurement takes a quarter of the others' time.",
		columns: []string{"figure", "µs a call", "÷ small community", "CPU µs a call", "target"},
	}}
	for _, g := range grownFigures {
		s.groups = append(s.groups, group{"figures: " + g.name, func(ctx context.Context) ([]row, error) { return b.grownOf(ctx, g) }})
	}
	return s
}

func (b *bench) figuresByHand() *section {
	s := &section{table: table{
		title: "Figures beside SQL by hand",
		note: "The community of 1 million users. The SQL answers the same figure, prepared on one connection with the " +
			"library's pragmas; the library is compared with the fastest.",
		columns: []string{"figure", "µs a call", "÷ SQL by hand", "CPU µs a call", "target"},
	}}
	for _, w := range writtenFigures {
		s.groups = append(s.groups, group{"figures: " + w.name, func(ctx context.Context) ([]row, error) { return b.writtenOf(ctx, w) }})
	}
	return s
}

// historyReading is a history opened by the library, and one bare connection.
type historyReading struct {
	history
	db   *engagement.DB
	pool *sql.DB
	conn *sql.Conn
}

func (b *bench) openHistory(ctx context.Context, h history) (*historyReading, error) {
	path, err := b.historyFile(ctx, h)
	if err != nil {
		return nil, err
	}
	r := &historyReading{history: h}
	r.db, err = engagement.Open(ctx, path, engagement.WithReadOnly(), engagement.WithClock(communityClock))
	if err != nil {
		return nil, err
	}
	r.pool, r.conn, err = openBare(ctx, path)
	if err != nil {
		return nil, errors.Join(err, r.db.Close())
	}
	return r, nil
}

func (h *historyReading) close() error {
	return errors.Join(h.db.Close(), h.conn.Close(), h.pool.Close())
}

// grownOf measures a figure on both communities in turn.
func (b *bench) grownOf(ctx context.Context, g grown) (rows []row, err error) {
	var contenders []*contender
	for _, h := range []history{b.sizes.smallHistory, b.sizes.largeHistory} {
		r, err := b.openHistory(ctx, h)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, r.close()) }()
		i := 0
		contenders = append(contenders, asking(g.name+", "+h.name, func(ctx context.Context) error {
			i++
			return g.ask(ctx, r, i)
		}))
	}
	return b.grownRows(ctx, contenders)
}

// grownRows measures a small community and a large one.
func (b *bench) grownRows(ctx context.Context, contenders []*contender) (rows []row, err error) {
	if err := b.briefly().inTurn(ctx, 20, contenders); err != nil {
		return nil, err
	}
	for i, c := range contenders {
		took := c.figures(sample.microsPerOp)
		growth, target := blank, blank
		if i == 1 {
			ratio := took.over(contenders[0].figures(sample.microsPerOp))
			growth, target = figure(ratio), atMost(1.5, ratio)
		}
		rows = append(rows, row{c.name, []cell{figure(took), growth, figure(c.figures(sample.cpuPerOp)), target}})
	}
	return rows, nil
}

// writtenOf measures a figure on the large community.
func (b *bench) writtenOf(ctx context.Context, w written) (rows []row, err error) {
	r, err := b.openHistory(ctx, b.sizes.largeHistory)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	want, err := w.library(ctx, r.db)
	if err != nil {
		return nil, err
	}
	contenders := []*contender{asking(w.name+": library", func(ctx context.Context) error {
		_, err := w.library(ctx, r.db)
		return err
	})}
	for _, hand := range w.byHand {
		statement, err := r.conn.PrepareContext(ctx, hand.text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", hand.name, err)
		}
		got, err := scanRows(ctx, statement, len(want[0]), hand.args)
		if err != nil || !reflect.DeepEqual(got, want) {
			return nil, errors.Join(fmt.Errorf("the library answers %v, %s %v", want, hand.name, got), err)
		}
		contenders = append(contenders, asking(w.name+": "+hand.name, func(ctx context.Context) error {
			_, err := scanRows(ctx, statement, len(want[0]), hand.args)
			return err
		}))
	}
	if err := b.inTurn(ctx, 1, contenders); err != nil {
		return nil, err
	}
	best := contenders[1].figures(sample.microsPerOp)
	for _, c := range contenders[2:] {
		if took := c.figures(sample.microsPerOp); took.median() < best.median() {
			best = took
		}
	}
	for i, c := range contenders {
		took, target := c.figures(sample.microsPerOp), blank
		if i == 0 {
			target = atMost(w.target, took.over(best))
		}
		rows = append(rows, row{c.name, []cell{figure(took), figure(took.over(best)), figure(c.figures(sample.cpuPerOp)), target}})
	}
	return rows, nil
}

// asking is a contender that asks again and again.
func asking(name string, ask func(ctx context.Context) error) *contender {
	return &contender{name: name, run: func(ctx context.Context, d time.Duration) (sample, error) {
		// As in reads: without the run's context.
		return until(ctx, d, func() (int, error) { return 1, ask(context.Background()) })
	}}
}

// scanRows runs a statement and returns its rows of so many whole numbers.
func scanRows(ctx context.Context, statement *sql.Stmt, columns int, args []any) ([][]int64, error) {
	return scanAll(ctx, statement, func(row *[]int64) []any {
		*row = make([]int64, columns)
		fields := make([]any, columns)
		for i := range fields {
			fields[i] = &(*row)[i]
		}
		return fields
	}, args...)
}
