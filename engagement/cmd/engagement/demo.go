package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/server"
)

const (
	demoTop      = 5  // rows of each leaderboard
	demoKeepDays = 14 // days that the cleanup keeps
)

func (a *app) demoCommand() *cobra.Command {
	var seed uint64
	var serves bool
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Make a month of a community and show what the database knows of it",
		Long: `Make up the last 30 days of a community of several hundred users, record them in
a new database, and show on one screen what the database knows.

The database is a temporary one and removed at the end, unless --db names a new
file to keep; $ENGAGEMENT_DB is not looked at. The same seed at the same time
makes the same community.

With --serve it is then served over HTTP until the demo is interrupted: a link to look
at it is shown, and a token to ask it with.`,
		Example: `  engagement demo
  engagement demo --db demo.db --seed 7
  engagement demo --serve`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			path, remove, err := a.demoPath(cmd)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, remove()) }()
			report, err := a.runDemo(cmd, path, seed)
			if err != nil {
				return err
			}
			if !serves {
				return a.print(cmd, report, func() string { return report.text() + report.next() + "\n" })
			}
			if !a.json { // whoever reads JSON wants one value
				if err := a.print(cmd, report, report.text); err != nil {
					return err
				}
			}
			f.name = "Demo Signals"
			return a.serve(cmd, path, &f, func(url string, db *engagement.DB, handler *server.Server) error {
				return a.sayDemo(cmd, url, db, handler, report.User.UserID)
			})
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&serves, "serve", false, "serve it over HTTP, at --addr")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "which community to make up")
	mustComplete(cmd, "seed")
	return cmd
}

// demoPath returns where to make the database, and what to call at the end.
func (a *app) demoPath(cmd *cobra.Command) (path string, remove func() error, err error) {
	if cmd.Flags().Changed("db") {
		if !isPath(a.dsn) {
			return "", nil, invalid("--db", engagement.RedactDSN(a.dsn), "the demo wants a new file")
		}
		if _, err := os.Lstat(a.dsn); !errors.Is(err, os.ErrNotExist) {
			return "", nil, invalid("--db", a.dsn, "the demo wants a new file, and this exists already")
		}
		return a.dsn, func() error { return nil }, nil
	}
	dir, err := os.MkdirTemp("", "engagement-demo-*")
	if err != nil {
		return "", nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	return filepath.Join(dir, "demo.db"), func() error { return os.RemoveAll(dir) }, nil
}

func (a *app) runDemo(cmd *cobra.Command, path string, seed uint64) (report demoReport, err error) {
	now := a.now()
	opts, err := a.options(cmd)
	if err != nil {
		return report, err
	}
	opts = append(opts, engagement.WithClock(func() time.Time { return now }))
	db, err := engagement.Open(cmd.Context(), path, opts...)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	report.Seed, report.loc = seed, db.Location()
	if cmd.Flags().Changed("db") {
		report.Database = path
	}
	progress, finish := a.progress(cmd)
	defer finish()
	c := newCommunity(seed, now, db.Location())
	if report.Made, err = recordCommunity(cmd.Context(), db, c, progress); err != nil {
		return report, err
	}
	return report, report.ask(cmd.Context(), db)
}

// demoMade says what was recorded.
type demoMade struct {
	Users          int   `json:"users"`
	Signals        int   `json:"signals"`
	FiresSent      int64 `json:"fires_sent"`
	Recorded       int64 `json:"fires_recorded"`
	MarkedExecuted int64 `json:"fires_marked_executed"`
	Duplicates     int64 `json:"fires_duplicate"`
	Trades         int64 `json:"trades"`
	Wins           int64 `json:"wins"`
	Losses         int64 `json:"losses"`
	Draws          int64 `json:"draws"`
	Milliseconds   int64 `json:"milliseconds"` // how long recording took
}

func (m *demoMade) count(status engagement.Status) {
	m.FiresSent++
	switch status {
	case engagement.Recorded:
		m.Recorded++
	case engagement.MarkedExecuted:
		m.MarkedExecuted++
	case engagement.Duplicate:
		m.Duplicates++
	}
}

// recordCommunity records a month, each signal's fires and trades as one
// transaction each.
func recordCommunity(ctx context.Context, db *engagement.DB, c *community, progress engagement.Progress) (made demoMade, err error) {
	start := time.Now()
	users := map[int64]bool{}
	for day := range communityDays {
		for _, signal := range c.day(day) {
			made.Signals++
			receipts, err := db.RecordFires(ctx, signal.fires)
			if err != nil {
				return made, err
			}
			for i, receipt := range receipts {
				made.count(receipt.Status)
				users[signal.fires[i].UserID] = true
			}
			err = db.Tx(ctx, func(tx *engagement.Tx) error { return recordTrades(ctx, tx, signal.trades, &made) })
			if err != nil {
				return made, err
			}
		}
		progress(int64(day+1), communityDays)
	}
	made.Users = len(users)
	made.Milliseconds = time.Since(start).Milliseconds()
	return made, nil
}

func recordTrades(ctx context.Context, tx *engagement.Tx, trades []engagement.Trade, made *demoMade) error {
	for _, trade := range trades {
		if _, err := tx.RecordTrade(ctx, trade); err != nil {
			return err
		}
		made.Trades++
		switch {
		case trade.PnL > 0:
			made.Wins++
		case trade.PnL < 0:
			made.Losses++
		default:
			made.Draws++
		}
	}
	return nil
}

// demoReport is everything that the demo shows.
type demoReport struct {
	Seed     uint64                           `json:"seed"`
	Database string                           `json:"database,omitempty"` // if it is kept
	Made     demoMade                         `json:"made"`
	Live     engagement.RealTimeStats         `json:"live"`
	Days     []engagement.DayFigures          `json:"days"`
	Boards   map[string][]engagement.BoardRow `json:"leaderboards"`
	Streaks  []engagement.StreakRow           `json:"streaks"`
	User     userOutput                       `json:"user"` // the first of the fires leaderboard
	Cleanup  engagement.CleanupReport         `json:"cleanup"`
	Verify   engagement.Report                `json:"verify"`

	loc *time.Location
}

// ask asks the database everything, then cleans it up and proves it.
func (r *demoReport) ask(ctx context.Context, db *engagement.DB) error {
	if err := r.read(ctx, db); err != nil {
		return err
	}
	before, err := readTotals(ctx, db)
	if err != nil {
		return err
	}
	if r.Cleanup, err = db.Cleanup(ctx, demoKeepDays); err != nil {
		return err
	}
	after, err := readTotals(ctx, db)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(before, after) {
		return errors.New("the cleanup changed totals")
	}
	if r.Verify, err = db.Verify(ctx); err != nil {
		return err
	}
	if !r.Verify.OK() {
		return fmt.Errorf("verify: %s", r.Verify.Findings[0])
	}
	return nil
}

func (r *demoReport) read(ctx context.Context, db *engagement.DB) (err error) {
	if r.Live, err = db.RealTimeStats(ctx); err != nil {
		return err
	}
	if r.Days, err = db.DailyFigures(ctx, engagement.Days(db.Today()-communityDays+1, db.Today())); err != nil {
		return err
	}
	r.Boards = map[string][]engagement.BoardRow{}
	for _, ranking := range engagement.Rankings() {
		rows, err := db.Leaderboard(ctx, engagement.Board{Ranking: ranking}, engagement.PageQuery{Limit: demoTop})
		if err != nil {
			return err
		}
		r.Boards[ranking.String()] = rows.Items
	}
	streaks, err := db.StreakLeaderboard(ctx, engagement.PageQuery{Limit: demoTop})
	if err != nil {
		return err
	}
	r.Streaks = streaks.Items
	r.User, err = readUser(ctx, db, r.Boards[engagement.ByFires.String()][0].UserID)
	return err
}

// totals are figures that a cleanup must not change.
type totals struct {
	users   engagement.Page[engagement.BoardRow]
	streaks engagement.Page[engagement.StreakRow]
	days    []engagement.DayFigures
	signals engagement.Page[engagement.PopularSignal]
}

func readTotals(ctx context.Context, db *engagement.DB) (t totals, err error) {
	first, today := db.Today()-communityDays+1, db.Today()
	err = db.View(ctx, func(r *engagement.Reader) error {
		if t.users, err = r.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, engagement.PageQuery{Limit: engagement.MaxLimit}); err != nil {
			return err
		}
		if t.streaks, err = r.StreakLeaderboard(ctx, engagement.PageQuery{Limit: engagement.MaxLimit}); err != nil {
			return err
		}
		if t.days, err = r.DailyFigures(ctx, engagement.Days(first, today)); err != nil {
			return err
		}
		t.signals, err = r.PopularSignals(ctx, engagement.Days(first, today), engagement.PageQuery{Limit: engagement.MaxLimit})
		return err
	})
	return t, err
}

// text fits one screen: the chart of days on the left, figures on the right.
func (r *demoReport) text() string {
	m := r.Made
	lines := []string{
		fmt.Sprintf("ENGAGEMENT DEMO: the last %d days of a made-up trading community (seed %d)", communityDays, r.Seed),
		"",
		fmt.Sprintf("Recorded in %.1f s: %s users fired %s signals; %s calls came in, of which", float64(m.Milliseconds)/1000,
			cellText(int64(m.Users)), cellText(int64(m.Signals)), cellText(m.FiresSent)),
		fmt.Sprintf("  %s were new fires, %s said later that a fire had executed,", cellText(m.Recorded), cellText(m.MarkedExecuted)),
		fmt.Sprintf("  %s were repeats, counted once.", cellText(m.Duplicates)),
		fmt.Sprintf("  %s trades closed: %s won, %s lost, %s drawn.",
			cellText(m.Trades), cellText(m.Wins), cellText(m.Losses), cellText(m.Draws)),
		"",
	}
	lines = append(lines, beside(2, r.chart(), r.figures())...)
	lines = append(lines, "")
	lines = append(lines, beside(3, r.leaderboards()...)...)
	return join(append(lines, ""))
}

func (r *demoReport) chart() []string {
	t := &table{}
	for i, bar := range bars(r.Days, 12) {
		t.add(r.Days[i].Day, r.Days[i].Fires, bar)
	}
	return append([]string{"FIRES A DAY (█ executed)"}, t.lines()...)
}

func (r *demoReport) figures() []string {
	lines := append([]string{"TODAY SO FAR"}, statsTable(r.Live, r.loc).lines()...)
	lines = append(lines, "", "THE MOST ACTIVE USER")
	lines = append(lines, userTable(r.User, r.loc).lines()...)
	return append(lines, "",
		fmt.Sprintf("CLEANUP, keeping %d days", demoKeepDays),
		fmt.Sprintf("%s old fires deleted; totals, days, boards", cellText(r.Cleanup.FiresDeleted)),
		"and streaks compared before and after: the same",
		"",
		"PROOF: recomputed and compared",
		fmt.Sprintf("%s users, %s signals, %s days, from the", cellText(r.Verify.Users), cellText(r.Verify.Signals), cellText(r.Verify.Days)),
		fmt.Sprintf("%s fires kept and %s trades: %s", cellText(r.Verify.Fires), cellText(r.Verify.Trades), findingsText(r.Verify.Findings)),
	)
}

func (r *demoReport) leaderboards() [][]string {
	board := func(title string, ranking engagement.Ranking, values func(engagement.BoardRow) []any) []string {
		t := &table{}
		for _, row := range r.Boards[ranking.String()] {
			t.add(append([]any{row.Rank, id(row.UserID)}, values(row)...)...)
		}
		return append([]string{title}, t.lines()...)
	}
	streaks := &table{}
	for _, row := range r.Streaks {
		streaks.add(row.Rank, id(row.UserID), counted(row.Current, "day"))
	}
	return [][]string{
		board("MOST FIRES", engagement.ByFires, func(row engagement.BoardRow) []any {
			return []any{row.TotalFires}
		}),
		board("BEST WIN RATE", engagement.ByWinRate, func(row engagement.BoardRow) []any {
			return []any{share(row.WinRate), "of " + cellText(row.Wins+row.Losses)}
		}),
		board("BEST P&L", engagement.ByPnL, func(row engagement.BoardRow) []any {
			return []any{money(row.PnL)}
		}),
		append([]string{"LONGEST STREAK NOW"}, streaks.lines()...),
	}
}

func (r *demoReport) next() string {
	if r.Database == "" {
		return "Keep it with: engagement demo --db demo.db\nThen ask it:  engagement user ID --db demo.db"
	}
	return fmt.Sprintf("Kept in %s; ask it: engagement user %d --db %q", r.Database, r.User.UserID, r.Database)
}
