package engagement

import (
	"context"
	"slices"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// HeadToHead are two users' figures of a window side by side.
type HeadToHead struct {
	A UserFigures `json:"a"`
	B UserFigures `json:"b"`
	// Leaders has the user with the better value for each ranking; nil if both have
	// the same. For win rates the value is the bound in whole billionths, however few
	// the decided trades.
	Leaders map[Ranking]*int64 `json:"leaders"`
	// CommonSignals counts the signals that both fired in the window, among the
	// fires that are kept: those of days from Horizon on.
	CommonSignals int64 `json:"common_signals"`
	Horizon       Day   `json:"horizon"`
}

// HeadToHead compares two users in a window (zero: all time), all of one moment.
// A user who did nothing in the window has only zeros; one who has never fired or
// traded is ErrNotFound. One user compared with the same, or a window that ends
// before it starts, is ErrInvalid.
func (r *Reader) HeadToHead(ctx context.Context, a, b int64, w Window) (HeadToHead, error) {
	return snapshot(ctx, r, "compare two users", func(v *view) (HeadToHead, error) {
		return v.headToHead(ctx, a, b, w)
	})
}

func (v *view) headToHead(ctx context.Context, a, b int64, w Window) (h HeadToHead, err error) {
	if err := w.check(); err != nil {
		return h, err
	}
	for _, user := range []int64{a, b} {
		if err := checkUserID(user); err != nil {
			return h, err
		}
	}
	if a == b {
		return h, invalid("user id", b, "want two users")
	}
	figures, err := v.figuresOf(ctx, []int64{a, b}, w)
	if err != nil {
		return h, err
	}
	for _, side := range []struct {
		user int64
		into *UserFigures
	}{{a, &h.A}, {b, &h.B}} {
		i := slices.IndexFunc(figures, func(f UserFigures) bool { return f.UserID == side.user })
		if i < 0 {
			return h, notFound("user", side.user)
		}
		*side.into = figures[i]
	}
	h.Leaders = map[Ranking]*int64{}
	for _, m := range Rankings() {
		h.Leaders[m] = leader(m, &h.A, &h.B)
	}
	first, last := w.days().bounds()
	h.CommonSignals, err = v.q.CountCommonSignals(ctx, dbgen.CountCommonSignalsParams{
		UserA: a, UserB: b, FirstDay: first, LastDay: last,
	})
	if err != nil {
		return h, err
	}
	h.Horizon, err = v.horizon(ctx)
	return h, err
}

func leader(m Ranking, a, b *UserFigures) *int64 {
	switch mine, theirs := m.value(*a), m.value(*b); {
	case mine > theirs:
		return &a.UserID
	case mine < theirs:
		return &b.UserID
	}
	return nil
}
