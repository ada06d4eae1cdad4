package engagement

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// misled is a transaction on a file whose index leads to other rows.
type misled struct {
	engine.Tx
	loaded    engine.Loaded
	histories engine.Histories
}

func (m misled) Load(context.Context, engine.Keys) (engine.Loaded, error) { return m.loaded, nil }
func (m misled) Histories(context.Context, string, string) (engine.Histories, error) {
	return m.histories, nil
}

func TestARowOfAUserWhoWasNotAskedForIsErrCorruptAndNoPanic(t *testing.T) {
	const asked, other = 1, 2
	for _, tt := range []struct {
		name string
		tx   misled
	}{
		{"totals", misled{loaded: engine.Loaded{Users: []dbgen.HoldUsersRow{{UserID: other}}}}},
		{"days", misled{histories: engine.Histories{Rows: []dbgen.HistoriesOfUsersRow{{UserID: other, Day: 3}}}}},
		{"awards", misled{histories: engine.Histories{Awards: []dbgen.StreakAward{{UserID: other}}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &writing{view: &view{core: &core{loc: time.UTC}}, tx: tt.tx}
			if _, err := w.holdHistories(t.Context(), []int64{asked}); !errors.Is(err, ErrCorrupt) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("days of a user whose awards alone were asked for", func(t *testing.T) {
		w := &writing{tx: misled{histories: engine.Histories{Rows: []dbgen.HistoriesOfUsersRow{{UserID: asked, Day: 3}}}}}
		l := &loaded{users: map[int64]*heldUser{asked: {}}}
		if err := w.readHistories(t.Context(), l, nil, []int64{asked}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("got %v", err)
		}
	})
}
