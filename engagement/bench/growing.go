package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// growing is a read that would take the longer, the larger a community is, if it were
// not found by an index.
var growing = []struct {
	name string
	ask  func(ctx context.Context, m *middle) error
}{
	{"page of 50 behind the middle of the board", func(ctx context.Context, m *middle) error {
		rows, err := m.db.Leaderboard(ctx, allTime, engagement.PageQuery{Limit: latestRows, After: m.after})
		return wantRowsOf(latestRows, len(rows.Items), err)
	}},
	{"5 users before and behind one in the middle", func(ctx context.Context, m *middle) error {
		rows, err := m.db.Around(ctx, allTime, m.user, 5)
		return wantRowsOf(11, len(rows), err)
	}},
	{"rank of a user in the middle", func(ctx context.Context, m *middle) error {
		_, err := m.db.UserRank(ctx, allTime, m.user)
		return err
	}},
	{"most fired signals of all time", func(ctx context.Context, m *middle) error {
		rows, err := m.db.PopularSignals(ctx, engagement.AllTime(), engagement.PageQuery{Limit: topRows})
		return wantRowsOf(topRows, len(rows.Items), err)
	}},
	{"forecast of a user", func(ctx context.Context, m *middle) error {
		_, err := m.db.Forecast(ctx, engagement.ForecastQuery{UserID: m.leader})
		return err
	}},
}

func (b *bench) growth() *section {
	s := &section{table: table{
		title: "Reads that could grow",
		note: fmt.Sprintf("One reader of communities with 120 days of fires and trades, %s with %s and %s with %s. In the "+
			"middle of the board by fires tens of thousands have as many fires. Each measurement takes a quarter of the "+
			"others' time.", b.sizes.smallHistory.name, plural(b.sizes.smallHistory.signals*historyDays, "signal"),
			b.sizes.middleHistory.name, plural(b.sizes.middleHistory.signals*historyDays, "signal")),
		columns: []string{"read", "µs a call", "÷ small community", "CPU µs a call", "target"},
	}}
	for _, engine := range []struct {
		name string
		open func(context.Context, history) (*engagement.DB, error)
	}{{"PostgreSQL", b.openRemoteCopy}, {"SQLite", b.openHistoryFile}} {
		for i := range growing {
			s.groups = append(s.groups, group{
				name: "growing: " + engine.name + ": " + growing[i].name,
				run: func(ctx context.Context) ([]row, error) {
					return b.growingOf(ctx, engine.name+": "+growing[i].name, growing[i].ask, engine.open)
				},
			})
		}
	}
	return s
}

func (b *bench) openHistoryFile(ctx context.Context, h history) (*engagement.DB, error) {
	path, err := b.historyFile(ctx, h)
	if err != nil {
		return nil, err
	}
	return engagement.Open(ctx, path, engagement.WithReadOnly(), engagement.WithClock(communityClock))
}

// openRemoteCopy opens a history that was copied to a schema of the run's server.
func (b *bench) openRemoteCopy(ctx context.Context, h history) (_ *engagement.DB, err error) {
	server, err := b.server(ctx)
	if err != nil {
		return nil, err
	}
	if dsn, ok := b.remote[h.users]; ok {
		return engagement.Open(ctx, dsn, engagement.WithReadOnly(), engagement.WithClock(communityClock))
	}
	file, err := b.openHistoryFile(ctx, h)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	dsn, _, err := pgtest.NewSchema(ctx, server.URL())
	if err != nil {
		return nil, err
	}
	b.logf("copying the history of %s to PostgreSQL", h.name)
	if _, err := file.CopyTo(ctx, dsn); err != nil {
		return nil, err
	}
	if err := pgtest.Exec(ctx, dsn, "VACUUM ANALYZE"); err != nil {
		return nil, err
	}
	if b.remote == nil {
		b.remote = map[int]string{}
	}
	b.remote[h.users] = dsn
	return engagement.Open(ctx, dsn, engagement.WithReadOnly(), engagement.WithClock(communityClock))
}

// middle is a history with a user in the middle of its board.
type middle struct {
	db           *engagement.DB
	after        engagement.Cursor
	user, leader int64
}

func (b *bench) growingOf(ctx context.Context, name string, ask func(context.Context, *middle) error,
	open func(context.Context, history) (*engagement.DB, error)) (rows []row, err error) {
	var contenders []*contender
	for _, h := range []history{b.sizes.smallHistory, b.sizes.middleHistory} {
		db, err := open(ctx, h)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		m := &middle{db: db, leader: h.leader(0)}
		for seen := 0; seen < h.users/2; {
			page, err := db.Leaderboard(ctx, allTime, engagement.PageQuery{Limit: min(engagement.MaxLimit, h.users/4), After: m.after})
			if err != nil {
				return nil, err
			}
			seen += len(page.Items)
			m.after, m.user = page.Next, page.Items[len(page.Items)-1].UserID
		}
		contenders = append(contenders, asking(name+", "+h.name, func(ctx context.Context) error { return ask(ctx, m) }))
	}
	return b.grownRows(ctx, contenders)
}
