package engagement

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// UserExport is everything kept about one user.
type UserExport struct {
	UserStats         UserStats     `json:"user_stats"`
	SignalFires       []SignalFire  `json:"signal_fires"` // newest first
	Trades            []ClosedTrade `json:"trades"`       // last closed first
	EngagementSummary UserSummary   `json:"engagement_summary"`
	ExportTimestamp   time.Time     `json:"export_timestamp"` // UTC

	StreakAwards  []Award         `json:"streak_awards"`  // see [Reader.Awards]
	StreakFreezes []GrantedFreeze `json:"streak_freezes"` // see [Reader.Freezes]
}

// ExportUser returns everything kept about a user, of one moment and without a
// cap, or ErrNotFound. It holds it all in memory; [Reader.WriteUserExport]
// does not.
func (r *Reader) ExportUser(ctx context.Context, userID int64) (UserExport, error) {
	return snapshot(ctx, r, "export a user", func(v *view) (UserExport, error) { return v.exportUser(ctx, userID) })
}

func (v *view) exportUser(ctx context.Context, userID int64) (UserExport, error) {
	export, err := v.exportHead(ctx, userID)
	if err != nil {
		return UserExport{}, err
	}
	export.SignalFires, export.Trades = []SignalFire{}, []ClosedTrade{}
	err = v.eachFire(ctx, userID, func(fires []SignalFire) error {
		export.SignalFires = append(export.SignalFires, fires...)
		return nil
	})
	if err != nil {
		return UserExport{}, err
	}
	err = v.eachTrade(ctx, userID, func(trades []ClosedTrade) error {
		export.Trades = append(export.Trades, trades...)
		return nil
	})
	return export, err
}

// exportHead reads everything but the facts.
func (v *view) exportHead(ctx context.Context, userID int64) (UserExport, error) {
	row, err := v.userRow(ctx, userID)
	if err != nil {
		return UserExport{}, err
	}
	summary, err := v.summaryOf(ctx, row)
	if err != nil {
		return UserExport{}, err
	}
	export := UserExport{UserStats: summary.UserStats, EngagementSummary: summary, ExportTimestamp: v.now}
	if export.StreakAwards, err = v.awards(ctx, userID); err != nil {
		return export, err
	}
	export.StreakFreezes, err = v.freezes(ctx, row)
	return export, err
}

// exportPage is how many facts are in memory at a time.
const exportPage = 1_000

func (v *view) eachFire(ctx context.Context, userID int64, fn func([]SignalFire) error) error {
	page := FirePage{Limit: exportPage}
	for {
		rows, err := v.userFires(ctx, userID, page)
		if err != nil || len(rows) == 0 {
			return err
		}
		fires := signalFires(rows)
		if err := fn(fires); err != nil {
			return err
		}
		page.After = &fires[len(fires)-1]
	}
}

func (v *view) eachTrade(ctx context.Context, userID int64, fn func([]ClosedTrade) error) error {
	filter := TradeFilter{UserID: userID, Limit: exportPage}
	for {
		trades, err := v.closedTrades(ctx, filter)
		if err != nil || len(trades) == 0 {
			return err
		}
		if err := fn(trades); err != nil {
			return err
		}
		filter.After = &trades[len(trades)-1]
	}
}

// WriteUserExport writes the JSON of a [UserExport] to w, of one moment and
// without a cap, a page of facts at a time. ErrNotFound writes nothing; after
// any other error what was written is incomplete.
func (r *Reader) WriteUserExport(ctx context.Context, w io.Writer, userID int64) error {
	_, err := snapshotOnce(ctx, r, "export a user", func(v *view) (int, error) {
		head, err := v.exportHead(ctx, userID)
		if err != nil {
			return 0, err
		}
		e := &exportWriter{w: bufio.NewWriter(w), progress: progressOf(ctx, head.UserStats.TotalFires+
			head.UserStats.Wins+head.UserStats.Losses+head.UserStats.Draws)}
		e.raw(`{"user_stats":`)
		e.value(head.UserStats)
		e.raw(`,"signal_fires":[`)
		err = v.eachFire(ctx, userID, func(fires []SignalFire) error { return writeElements(e, fires) })
		if err != nil {
			return e.rows, err
		}
		e.raw(`],"trades":[`)
		e.begun = false
		err = v.eachTrade(ctx, userID, func(trades []ClosedTrade) error { return writeElements(e, trades) })
		if err != nil {
			return e.rows, err
		}
		e.raw(`],"engagement_summary":`)
		e.value(head.EngagementSummary)
		e.raw(`,"export_timestamp":`)
		e.value(head.ExportTimestamp)
		e.raw(`,"streak_awards":`)
		e.value(head.StreakAwards)
		e.raw(`,"streak_freezes":`)
		e.value(head.StreakFreezes)
		e.raw("}\n")
		if e.err == nil {
			e.err = e.w.Flush()
		}
		return e.rows, e.err
	})
	return err
}

// exportWriter keeps the first error, so that a writer of many parts need not
// ask after each.
type exportWriter struct {
	w        *bufio.Writer
	progress *progress
	begun    bool // an element of the current array has been written
	rows     int
	err      error
}

func (e *exportWriter) raw(s string) {
	if e.err == nil {
		_, e.err = e.w.WriteString(s)
	}
}

func (e *exportWriter) value(v any) {
	if e.err != nil {
		return
	}
	text, err := json.Marshal(v)
	if err != nil {
		e.err = fmt.Errorf("encode: %w", err)
		return
	}
	_, e.err = e.w.Write(text)
}

func writeElements[T any](e *exportWriter, elements []T) error {
	for _, element := range elements {
		if e.begun {
			e.raw(",")
		}
		e.begun = true
		e.value(element)
	}
	e.rows += len(elements)
	e.progress.add(len(elements))
	return e.err
}
