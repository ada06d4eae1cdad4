package engagement

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// subject is whose trades a figure is about: a user's, those that followed a
// signal, or with neither everybody's wins and losses.
type subject struct {
	userID   int64
	signalID string
}

// checkSubject refuses what is not one user or one signal.
func checkSubject(userID int64, signalID string) (subject, error) {
	switch {
	case userID != 0 && signalID != "":
		return subject{}, invalid("subject", fmt.Sprintf("user %d and signal %s", userID, signalID), "want one of them")
	case signalID != "":
		return subject{signalID: signalID}, checkID("signal id", signalID)
	}
	return subject{userID: userID}, checkUserID(userID)
}

func (s subject) String() string {
	if s.signalID != "" {
		return fmt.Sprintf("signal %q", s.signalID)
	}
	return fmt.Sprintf("user %d", s.userID)
}

// tradePage is how many trades are in memory at a time.
const tradePage = 1_000

// eachClosed calls fn with the trades of s on some days, first closed first, of
// the same time by id and then by key.
func (v *view) eachClosed(ctx context.Context, s subject, days daySpan, fn func(dbgen.Trade) error) (trades int, err error) {
	after, until := days.times()
	last := dbgen.Trade{ClosedAt: after, ID: math.MinInt64, UserID: math.MinInt64}
	for {
		page, err := v.closedFrom(ctx, s, days, last, until)
		if err != nil {
			return trades, err
		}
		for _, trade := range page {
			if err := fn(trade); err != nil {
				return trades, err
			}
		}
		trades += len(page)
		if len(page) < tradePage {
			return trades, nil
		}
		last = page[len(page)-1]
	}
}

func (v *view) closedFrom(ctx context.Context, s subject, days daySpan, last dbgen.Trade, until time.Time) ([]dbgen.Trade, error) {
	first, end := int64(days.first), int64(days.last)
	switch {
	case s.userID != 0:
		return v.q.UserTradesFrom(ctx, dbgen.UserTradesFromParams{
			UserID: s.userID, After: last.ClosedAt, Until: until, AfterID: last.ID, AfterTrade: last.TradeID,
			FirstDay: first, LastDay: end, MaxRows: tradePage,
		})
	case s.signalID != "":
		return v.q.SignalTradesFrom(ctx, dbgen.SignalTradesFromParams{
			SignalID: s.signalID, After: last.ClosedAt, Until: until,
			AfterID: last.ID, AfterUser: last.UserID, AfterTrade: last.TradeID,
			FirstDay: first, LastDay: end, MaxRows: tradePage,
		})
	}
	return v.q.DecidedTradesFrom(ctx, dbgen.DecidedTradesFromParams{
		After: last.ClosedAt, Until: until, AfterID: last.ID, AfterUser: last.UserID, AfterTrade: last.TradeID,
		FirstDay: first, LastDay: end, MaxRows: tradePage,
	})
}
