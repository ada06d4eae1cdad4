package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (b *bench) trades() *section {
	s := &section{table: table{
		title: "Trades",
		note: "One trade a call, durable when the call returns. The library stores the trade under its key and keeps " +
			"all counters; the hand-written transaction adds to the user's P&L in the predecessor's schema, which has " +
			"no trades.",
		columns: []string{"writer", "trades/s", "÷ hand-written", "trades a commit", "CPU µs a trade"},
	}}
	for _, n := range []int{1, 256} {
		s.groups = append(s.groups, group{
			name: "trades: " + plural(n, "caller"),
			run:  func(ctx context.Context) ([]row, error) { return b.tradesOf(ctx, n) },
		})
	}
	return s
}

func (b *bench) tradesOf(ctx context.Context, n int) ([]row, error) {
	ours, err := b.libraryFile(ctx)
	if err != nil {
		return nil, err
	}
	plain, err := b.plainFile(ctx)
	if err != nil {
		return nil, err
	}
	r := &rivals{bench: b}
	r.add("library, RecordTrade", ours, func(path string) (measuring, func() error, error) {
		lib, err := openLibrary(ctx, path)
		var next atomic.Int64
		return func(ctx context.Context, d time.Duration) (sample, error) {
			return lib.measure(func() (sample, error) {
				return load(ctx, n, d, &next, func(i int) error { return lib.trade(ctx, b.sizes.users.tradeAt(i)) })
			})
		}, func() error { return lib.close() }, err
	}, b.verifyTrades)
	hand := r.add("hand-written, mattn", plain, func(path string) (measuring, func() error, error) {
		h, err := openHandTrader(path)
		var next atomic.Int64
		return func(ctx context.Context, d time.Duration) (sample, error) {
			return commitEach(load(ctx, n, d, &next, func(i int) error { return h.trade(ctx, b.sizes.users.tradeAt(i)) }))
		}, func() error { return h.close() }, err
	}, b.sumPnL)
	if err := r.measure(ctx, turnsOf(n)); err != nil {
		return nil, err
	}
	rows := make([]row, len(r.all))
	for i, c := range r.all {
		rate := c.figures(sample.rate)
		rows[i] = row{plural(n, "caller") + ": " + c.name, []cell{
			figure(rate), figure(rate.over(hand.figures(sample.rate))), figure(c.figures(sample.batch)),
			figure(c.figures(sample.cpuPerOp)),
		}}
	}
	return rows, nil
}

// tradeAt returns the i-th trade, with a P&L that doubles sum exactly.
func (users workload) tradeAt(i int) engagement.Trade {
	return engagement.Trade{UserID: users.fireAt(i).user, TradeID: "trade-" + strconv.Itoa(i), PnL: float64(i%5-1) / 2}
}

func (l *library) trade(ctx context.Context, t engagement.Trade) error {
	result, err := l.db.RecordTrade(ctx, t)
	return recorded(result.Status, err)
}

func (b *bench) verifyTrades(ctx context.Context, path string, trades int64) error {
	if err := verify(ctx, path, int64(b.sizes.users)); err != nil {
		return err
	}
	db, err := sql.Open("sqlite3", "file:"+path+"?mode=ro")
	if err != nil {
		return err
	}
	var stored int64
	err = db.QueryRowContext(ctx, "SELECT COUNT(*) FROM trades").Scan(&stored)
	if err == nil && stored != trades {
		err = fmt.Errorf("%d trades are stored, want %d", stored, trades)
	}
	return errors.Join(err, db.Close())
}

// handTrader is a careful transaction a trade on the predecessor's schema.
type handTrader struct{ *prepared }

func openHandTrader(path string) (*handTrader, error) {
	p, err := prepare("sqlite3", path, "INSERT INTO user_stats (user_id, pnl, last_updated) VALUES (?, ?, ?) "+
		"ON CONFLICT (user_id) DO UPDATE SET pnl = pnl + excluded.pnl, last_updated = excluded.last_updated")
	return &handTrader{p}, err
}

func (h *handTrader) trade(ctx context.Context, t engagement.Trade) error {
	return h.inTx(ctx, func(statement func(int) *sql.Stmt) error {
		_, err := statement(0).ExecContext(ctx, t.UserID, t.PnL, time.Now().UTC().Format(timeFormat))
		return err
	})
}

// sumPnL checks that each of the trades 1 to n was added.
func (b *bench) sumPnL(ctx context.Context, path string, n int64) error {
	db, err := openPool("sqlite3", path)
	if err != nil {
		return err
	}
	var want, stored float64
	for i := range n {
		want += b.sizes.users.tradeAt(int(i) + 1).PnL
	}
	err = db.QueryRowContext(ctx, "SELECT SUM(pnl) FROM user_stats").Scan(&stored)
	if err == nil && stored != want {
		err = fmt.Errorf("the P&L is %v, want %v", stored, want)
	}
	return errors.Join(err, db.Close())
}
