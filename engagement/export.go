package engagement

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
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

	Public bool    `json:"public"` // see [Reader.IsPublic]
	Tokens []Token `json:"tokens"` // the user's own, by id; whoever has other tokens is not known
}

// ExportUser returns everything kept about a user, of one moment and without a cap,
// or ErrNotFound for a user who has neither fired nor traded. It keeps all of it in
// memory; [Reader.WriteUserExport] does not.
func (r *Reader) ExportUser(ctx context.Context, userID int64) (UserExport, error) {
	return snapshot(ctx, r, "export a user", func(v *view) (UserExport, error) { return v.exportUser(ctx, userID) })
}

func (v *view) exportUser(ctx context.Context, userID int64) (UserExport, error) {
	export, err := v.exportHead(ctx, userID)
	if err != nil {
		return UserExport{}, err
	}
	export.SignalFires, export.Trades = []SignalFire{}, []ClosedTrade{}
	for fire, err := range v.allFires(ctx, userID) {
		if err != nil {
			return UserExport{}, err
		}
		export.SignalFires = append(export.SignalFires, fire)
	}
	for trade, err := range v.allTrades(ctx, userID) {
		if err != nil {
			return UserExport{}, err
		}
		export.Trades = append(export.Trades, trade)
	}
	return export, nil
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
	if export.StreakFreezes, err = v.freezes(ctx, row); err != nil {
		return export, err
	}
	if export.Public, err = v.isPublic(ctx, userID); err != nil {
		return export, err
	}
	export.Tokens, err = v.tokensOf(ctx, userID)
	return export, err
}

func (v *view) allFires(ctx context.Context, userID int64) iter.Seq2[SignalFire, error] {
	return All(ctx, func(ctx context.Context, q PageQuery) (Page[SignalFire], error) {
		return v.fires(ctx, FireFilter{UserID: userID}, q)
	})
}

func (v *view) allTrades(ctx context.Context, userID int64) iter.Seq2[ClosedTrade, error] {
	return All(ctx, func(ctx context.Context, q PageQuery) (Page[ClosedTrade], error) {
		return v.trades(ctx, TradeFilter{UserID: userID}, q)
	})
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
		if err := writeElements(e, v.allFires(ctx, userID)); err != nil {
			return e.rows, err
		}
		e.raw(`],"trades":[`)
		if err := writeElements(e, v.allTrades(ctx, userID)); err != nil {
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
		e.raw(`,"public":`)
		e.value(head.Public)
		e.raw(`,"tokens":`)
		e.value(head.Tokens)
		e.raw("}\n")
		if e.err == nil {
			e.err = e.w.Flush()
		}
		return e.rows, e.err
	})
	return err
}

// exportWriter remembers the first error, so that its caller need not check for one
// after each part.
type exportWriter struct {
	w        *bufio.Writer
	progress *progress
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

// writeElements writes the elements of an array, and reports progress now and then.
func writeElements[T any](e *exportWriter, elements iter.Seq2[T, error]) error {
	const often = 1_000
	begun := e.rows
	for element, err := range elements {
		if err != nil {
			return err
		}
		if e.rows > begun {
			e.raw(",")
		}
		if e.value(element); e.err != nil {
			return e.err
		}
		if e.rows++; (e.rows-begun)%often == 0 {
			e.progress.add(often)
		}
	}
	e.progress.add((e.rows - begun) % often)
	return e.err
}
