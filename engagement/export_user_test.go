package engagement_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestExport(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		const facts = 2_500 // more than are in memory at a time
		ctx, db := context.Background(), open(newClock(noon).option())
		noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
			var fires []engagement.Fire
			for i := range facts {
				at := noon.Add(-time.Duration(i/3) * time.Minute) // pages end inside a tie
				fires = append(fires, engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", i), At: at, Executed: i%2 == 0})
				trade(t, tx, engagement.Trade{UserID: 1, TradeID: fmt.Sprint(i), PnL: 0.5, ClosedAt: at})
			}
			_, err := tx.RecordFires(ctx, fires)
			return err
		}))
		fire(t, db, engagement.Fire{UserID: 2, SignalID: "S_1"})
		trade(t, db, engagement.Trade{UserID: 2, TradeID: "1"})

		export := must(db.ExportUser(ctx, 1))(t)
		same(t, "UserStats", export.UserStats, must(db.UserStats(ctx, 1))(t))
		same(t, "EngagementSummary", export.EngagementSummary, must(db.UserSummary(ctx, 1))(t))
		same(t, "ExportTimestamp", export.ExportTimestamp, noon)
		same(t, "facts", []int{len(export.SignalFires), len(export.Trades)}, []int{facts, facts})
		seen := map[string]bool{}
		for i, f := range export.SignalFires {
			seen[f.SignalID] = true
			if f.UserID != 1 || i > 0 && f.Timestamp.After(export.SignalFires[i-1].Timestamp) {
				t.Fatalf("fire %d is out of place: %+v", i, f)
			}
		}
		same(t, "different fires", len(seen), facts)

		var written bytes.Buffer
		var done, total int64
		reporting := engagement.ContextWithProgress(ctx, func(d, t int64) { done, total = d, t })
		noError(t, db.WriteUserExport(reporting, &written, 1))
		same(t, "progress", []int64{done, total}, []int64{2 * facts, 2 * facts})
		var back engagement.UserExport
		noError(t, json.Unmarshal(written.Bytes(), &back))
		same(t, "what was written", back, export)
		var keys map[string]json.RawMessage
		noError(t, json.Unmarshal(written.Bytes(), &keys))
		for _, key := range []string{"user_stats", "signal_fires", "trades", "engagement_summary", "export_timestamp"} {
			if keys[key] == nil {
				t.Errorf("the export has no %s", key)
			}
		}
		same(t, "number of keys", len(keys), 9)
	})
}

func TestAnExportHasTheUsersTokensWithoutSecretsAndSaysWhetherTheUserIsPublic(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		fireOn(t, db, 1, noon)
		fireOn(t, db, 2, noon)
		noError(t, db.SetPublic(ctx, 1, true))
		token := func(name string, scope engagement.Scope) engagement.CreatedToken {
			return must(db.CreateToken(ctx, engagement.NewToken{Name: name, Scopes: []engagement.Scope{scope}, ExpiresAt: noon.Add(time.Hour)}))(t)
		}
		own := token("phone", engagement.SelfScope(1))
		token("bot", engagement.ScopeRead)
		noError(t, db.UseToken(ctx, own.ID))
		own.LastUsed = new(noon)

		export := must(db.ExportUser(ctx, 1))(t)
		same(t, "public", export.Public, true)
		same(t, "tokens", export.Tokens, []engagement.Token{own.Token})
		var written bytes.Buffer
		noError(t, db.WriteUserExport(ctx, &written, 1))
		var back engagement.UserExport
		noError(t, json.Unmarshal(written.Bytes(), &back))
		same(t, "what was written", back, export)
		if bytes.Contains(written.Bytes(), []byte(own.Secret[len("engagement_12345678_"):])) || bytes.Contains(written.Bytes(), []byte("hash")) {
			t.Errorf("the export shows a secret: %s", written.String())
		}

		other := must(db.ExportUser(ctx, 2))(t)
		same(t, "another's", other.Public, false)
		same(t, "another's tokens", other.Tokens, []engagement.Token{})
	})
}

func TestAnExportWithoutFactsHasEmptyLists(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		clock := newClock(noon)
		ctx, db := context.Background(), open(clock.option())
		fireOn(t, db, 1, noon)
		clock.Advance(72 * time.Hour)
		must(db.Cleanup(ctx, 1))(t)
		var written bytes.Buffer
		noError(t, db.WriteUserExport(ctx, &written, 1))
		for _, part := range []string{`"signal_fires":[]`, `"trades":[]`, `"total_fires":1`} {
			if !bytes.Contains(written.Bytes(), []byte(part)) {
				t.Errorf("%s does not hold %s", written.String(), part)
			}
		}
	})
}

// full is a disk without space.
type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

func TestAnExportReportsWhatItsWriterReports(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		fireOn(t, db, 1, noon)
		noSpace := errors.New("no space left")
		wantError(t, db.WriteUserExport(ctx, full{noSpace}, 1), noSpace)
		var written bytes.Buffer
		wantError(t, db.WriteUserExport(ctx, &written, 2), engagement.ErrNotFound)
		same(t, "bytes written for nobody", written.Len(), 0)
	})
}
