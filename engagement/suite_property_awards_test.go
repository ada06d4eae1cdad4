package engagement_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement"
)

// TestAnyStreakIsWhatItsDaysAndFreezesSay runs random histories of a few users
// over some weeks, most of which are about streaks.
func TestAnyStreakIsWhatItsDaysAndFreezesSay(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				h := newHistory(t, e)
				recorded := 0
				fireOn := func(t *rapid.T, users []int64) {
					var fires []engagement.Fire
					for range rapid.IntRange(1, 6).Draw(t, "fires") {
						recorded++
						at := h.model.now.AddDate(0, 0, -rapid.IntRange(-1, 21).Draw(t, "days late"))
						if rapid.Bool().Draw(t, "today") {
							at = h.model.now
						}
						fires = append(fires, engagement.Fire{
							UserID: rapid.SampledFrom(users).Draw(t, "user"), SignalID: fmt.Sprintf("S_%04d", recorded), At: at,
						})
					}
					got, err := h.db.RecordFires(context.Background(), fires)
					results, ok := h.model.recordFires(fires)
					if !ok {
						wantError(t, err, engagement.ErrInvalid)
						return
					}
					noError(t, err)
					same(t, fmt.Sprintf("RecordFires(%+v)", fires), got, results)
				}
				t.Repeat(map[string]func(*rapid.T){
					"fires of one user": func(t *rapid.T) { fireOn(t, []int64{1}) },
					"fires":             func(t *rapid.T) { fireOn(t, []int64{1, 2, 3}) },
					"grant":             func(t *rapid.T) { h.grant(t, h.db, h.model) },
					"rules":             h.setRules,
					"a day and a fire": func(t *rapid.T) {
						h.clock.Advance(24 * time.Hour)
						h.model.now = h.clock.Now()
						fireOn(t, []int64{1, 2})
					},
					"some days": func(t *rapid.T) {
						h.clock.Advance(time.Duration(rapid.IntRange(1, 5).Draw(t, "days")) * 24 * time.Hour)
						h.model.now = h.clock.Now()
					},
					"clean up": h.cleanup,
					"rebuild":  h.rebuild,
					"compare": func(t *rapid.T) {
						for _, user := range []int64{1, 2, 3} {
							h.compareAwards(t, h.db.Reader, user)
						}
						same(t, "StreakLeaderboard", must(h.db.StreakLeaderboard(context.Background(), anyPage))(t).Items, h.model.streakLeaderboard())
					},
				})
				h.compareAll(t)
			})
		})
	}
}
