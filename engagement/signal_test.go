package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestSignalMetrics(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		for user := range int64(3) { // each later one has fired earlier
			fire(t, db, engagement.Fire{UserID: user + 1, SignalID: "A", At: noon.Add(-time.Duration(user) * 24 * time.Hour)})
		}
		want := engagement.SignalMetrics{SignalID: "A", TotalFires: 3, ActiveUsers: 3, CreatedAt: noon.AddDate(0, 0, -2)}
		same(t, "SignalMetrics", must(db.SignalMetrics(ctx, "A"))(t), want)
		must(db.Cleanup(ctx, 1))(t)
		same(t, "SignalMetrics after a cleanup", must(db.SignalMetrics(ctx, "A"))(t), want)
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "t", SignalID: "B", PnL: 1})
		_, err := db.SignalMetrics(ctx, "B")
		wantError(t, err, engagement.ErrNotFound) // a trade is no fire
	})
}

func TestPopularSignals(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		for _, s := range []struct {
			signal     string
			users, ago int
		}{{"B", 2, 0}, {"A", 2, 0}, {"C", 3, 1}, {"D", 1, 0}, {"E", 9, 2}} {
			for user := range s.users {
				fire(t, db, engagement.Fire{UserID: int64(user + 1), SignalID: s.signal, At: noon.AddDate(0, 0, -s.ago), Executed: user == 0})
			}
		}
		fire(t, db, engagement.Fire{UserID: 20, SignalID: "A", At: noon.AddDate(0, 0, -1)})
		today := db.Today()
		want := []engagement.PopularSignal{
			{SignalID: "A", Fires: 3, Executed: 1, ExecutionRate: 1.0 / 3},
			{SignalID: "C", Fires: 3, Executed: 1, ExecutionRate: 1.0 / 3},
			{SignalID: "B", Fires: 2, Executed: 1, ExecutionRate: 0.5},
			{SignalID: "D", Fires: 1, Executed: 1, ExecutionRate: 1},
		}
		same(t, "PopularSignals", must(db.PopularSignals(ctx, engagement.Days(today-1, today), anyPage))(t).Items, want)
		same(t, "the first two", must(db.PopularSignals(ctx, engagement.Days(today-1, today), engagement.PageQuery{Limit: 2}))(t).Items, want[:2])
		same(t, "of one day", must(db.PopularSignals(ctx, engagement.Days(today-2, today-2), anyPage))(t).Items,
			[]engagement.PopularSignal{{SignalID: "E", Fires: 9, Executed: 1, ExecutionRate: 1.0 / 9}})
		same(t, "of a quiet day", must(db.PopularSignals(ctx, engagement.Days(today+1, today+1), anyPage))(t).Items, []engagement.PopularSignal{})
	})
}

// hostileIDs are accepted, and come back as they were given.
var hostileIDs = map[string]string{
	"an injection":            "'; DROP TABLE signal_fires; --",
	"single quotes":           "it's ''quoted''",
	"double quotes":           `say "hello" ""`,
	"backslashes":             `C:\temp\new\u0041\`,
	"patterns":                "100%_off_%",
	"JSON":                    `"],["1","x",{"a":[`,
	"markup":                  "<script>&amp;</script>",
	"emoji":                   "🚀📈👩‍👩‍👧‍👦",
	"combining characters":    "e\u0301u\u0308",
	"the same, composed":      "\u00e9\u00fc",
	"right to left":           "שלום \u202egnol",
	"a line separator":        "a\u2028b\u2029c",
	"a byte order mark":       "\ufeffbom",
	"a replacement character": "\ufffd",
	"a noncharacter":          "\uffff\U0010ffff",
	"blanks":                  "  two  ",
	"one blank":               " ",
	"a parameter":             "@user_id :1 ?1 $1 sqlc.arg(x)",
	"a number":                "0012",
	"a float":                 "1e999",
	"NULL":                    "NULL",
	"format verbs":            "%s%d%n",
	"256 bytes":               strings.Repeat("x", 256),
	"256 bytes of 64 signs":   strings.Repeat("🚀", 64),
}

func TestHostileIDsComeBackAsTheyWere(t *testing.T) {
	for name, id := range hostileIDs {
		t.Run(name, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, db := context.Background(), open(newClock(noon).option())
				other := "other"
				fires := []engagement.Fire{{UserID: 1, SignalID: id}, {UserID: 1, SignalID: other}}
				same(t, "RecordFire", fire(t, db, fires[0]), engagement.Recorded)
				same(t, "RecordFires", must(db.RecordFires(ctx, fires))(t),
					[]engagement.FireReceipt{{Status: engagement.Duplicate}, {Status: engagement.Recorded}})
				same(t, "executing it", fire(t, db, engagement.Fire{UserID: 1, SignalID: id, Executed: true}), engagement.MarkedExecuted)
				fire(t, db, engagement.Fire{UserID: 2, SignalID: id})
				tr := engagement.Trade{UserID: 1, TradeID: id, SignalID: id, PnL: 1}
				same(t, "RecordTrade", trade(t, db, tr), engagement.Recorded)
				same(t, "RecordTrade again", trade(t, db, tr), engagement.Duplicate)

				today := db.Today()
				same(t, "SignalMetrics", must(db.SignalMetrics(ctx, id))(t).SignalID, id)
				same(t, "Fire", must(db.Fire(ctx, 1, id))(t).SignalID, id)
				same(t, "Trade", must(db.Trade(ctx, 1, id))(t).TradeID, id)
				same(t, "Fires of the signal", len(inPages(t, 1, listFires(db.Reader, engagement.FireFilter{SignalID: id}))), 2)
				same(t, "Trades of the signal", len(inPages(t, 1, listTrades(db.Reader, engagement.TradeFilter{SignalID: id}))), 1)
				same(t, "Signals", len(inPages(t, 1, db.Signals)), 2)
				same(t, "PopularSignals in pages", len(inPages(t, 1, listPopular(db.Reader, engagement.AllTime()))), 2)
				same(t, "Fires of the user", must(db.Fires(ctx, engagement.FireFilter{UserID: 1}, anyPage))(t).Items[1].SignalID, id)
				same(t, "PopularSignals", must(db.PopularSignals(ctx, engagement.Days(today, today), anyPage))(t).Items[0].SignalID, id)
				same(t, "RealTimeStats", *must(db.RealTimeStats(ctx))(t).MostFiredSignal.SignalID, id)
				traded := must(db.Trades(ctx, engagement.TradeFilter{}, anyPage))(t).Items[0]
				same(t, "Trades", []string{traded.TradeID, traded.SignalID}, []string{id, id})
				export := must(db.ExportUser(ctx, 1))(t)
				same(t, "ExportUser", []string{export.SignalFires[1].SignalID, export.Trades[0].TradeID}, []string{id, id})
				if family := must(db.UserSummary(ctx, 2))(t).FavoriteSignal.SignalID; family == nil || !strings.HasPrefix(id, *family) {
					t.Errorf("the family of %q is %v", id, family)
				}
				proven(t, db)
				must(db.Rebuild(ctx))(t)
				must(db.EraseUser(ctx, 1))(t)
				same(t, "fires left", proven(t, db).Fires, int64(1))
			})
		})
	}
}

func TestIDsThatAreRefused(t *testing.T) {
	for _, tt := range []struct{ name, id, why string }{
		{"empty", "", "it is empty"},
		{"of 257 bytes", strings.Repeat("x", 257), "257 bytes"},
		{"of 300 bytes", strings.Repeat("x", 300), "300 bytes"},
		{"of 65 signs of 4 bytes", strings.Repeat("🚀", 65), "260 bytes"},
		{"with a NUL", "a\x00b", "control character"},
		{"with a line feed", "a\nb", "control character"},
		{"with a tab", "\ta", "control character"},
		{"with a delete", "a\x7f", "control character"},
		{"with an upper control character", "a\u0085", "control character"},
		{"of invalid UTF-8", "a\xff", "not UTF-8"},
		{"of half a sign", "\xf0\x9f\x9a", "not UTF-8"},
		{"of a surrogate", "\xed\xa0\x80", "not UTF-8"},
		{"of an overlong form", "\xc0\xaf", "not UTF-8"},
	} {
		t.Run("an id "+tt.name, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, db := context.Background(), open(newClock(noon).option())
				quoted := fmt.Sprintf("%q", tt.id)
				if len(tt.id) > 256 {
					quoted = fmt.Sprintf("%q", tt.id[:32]+"…")
				}
				refused := func(field string, err error) {
					t.Helper()
					wantError(t, err, engagement.ErrInvalid)
					contains(t, err, field+" "+quoted, tt.why)
				}
				unchanged(t, db, func() {
					_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: tt.id})
					refused("signal id", err)
					_, err = db.RecordFires(ctx, []engagement.Fire{{UserID: 1, SignalID: tt.id}})
					refused("signal id", err)
					_, err = db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: tt.id})
					refused("trade id", err)
					if tt.id != "" { // a trade may have no signal
						_, err = db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t", SignalID: tt.id})
						refused("signal id", err)
					}
					_, err = db.SignalMetrics(ctx, tt.id)
					refused("signal id", err)
					_, err = db.Fire(ctx, 1, tt.id)
					refused("signal id", err)
					_, err = db.Trade(ctx, 1, tt.id)
					refused("trade id", err)
					if tt.id != "" { // a list may be of all signals
						_, err = db.Fires(ctx, engagement.FireFilter{SignalID: tt.id}, anyPage)
						refused("signal id", err)
						_, err = db.Trades(ctx, engagement.TradeFilter{SignalID: tt.id}, anyPage)
						refused("signal id", err)
					}
					if errors.Is(err, engagement.ErrNotFound) {
						t.Error("an id that cannot be is not found")
					}
				})
			})
		})
	}
}

func TestSignalInsight(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		db := open(clock.option())
		at := func(seconds float64) time.Time {
			return noon.Add(-time.Hour + time.Duration(seconds*float64(time.Second)))
		}
		follow := func(signal string, seconds ...float64) {
			for i, s := range seconds {
				fire(t, db, engagement.Fire{UserID: int64(i + 1), SignalID: signal, At: at(s), Executed: i == 0})
			}
		}
		follow("alone", 0)
		follow("pair", 0, 90.5)
		follow("at once", 0, 0)
		follow("five", 50, 0, 10, 30, 40, 20)                // not in the order of time
		follow("eight", 0, 1, 2, 3, 4, 5, 6, 7)              // seven followers: nine tenths are 6.3, so seven
		follow("eleven", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10.5) // ten followers
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "cut", At: noon.AddDate(0, 0, -3)})
		fire(t, db, engagement.Fire{UserID: 2, SignalID: "cut", At: at(5)})
		fire(t, db, engagement.Fire{UserID: 3, SignalID: "cut", At: at(7)})
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "gone", At: noon.AddDate(0, 0, -3), Executed: true})
		must(db.Cleanup(ctx, 1))(t)

		rate := func(v float64) *float64 { return &v }
		when := func(seconds float64) *time.Time { at := at(seconds); return &at }
		horizon := db.Today() - 1
		for _, want := range []engagement.SignalInsight{
			{SignalID: "alone", Fires: 1, Executed: 1, ExecutionRate: rate(1), KeptFires: 1, FirstFire: when(0), LastFire: when(0)},
			{SignalID: "pair", Fires: 2, Executed: 1, ExecutionRate: rate(0.5), KeptFires: 2, FirstFire: when(0), LastFire: when(90.5), MedianDelay: rate(90.5), P90Delay: rate(90.5)},
			{SignalID: "at once", Fires: 2, Executed: 1, ExecutionRate: rate(0.5), KeptFires: 2, FirstFire: when(0), LastFire: when(0), MedianDelay: rate(0), P90Delay: rate(0)},
			{SignalID: "five", Fires: 6, Executed: 1, ExecutionRate: rate(1.0 / 6), KeptFires: 6, FirstFire: when(0), LastFire: when(50), MedianDelay: rate(30), P90Delay: rate(50)},
			{SignalID: "eight", Fires: 8, Executed: 1, ExecutionRate: rate(1.0 / 8), KeptFires: 8, FirstFire: when(0), LastFire: when(7), MedianDelay: rate(4), P90Delay: rate(7)},
			{SignalID: "eleven", Fires: 11, Executed: 1, ExecutionRate: rate(1.0 / 11), KeptFires: 11, FirstFire: when(0), LastFire: when(10.5), MedianDelay: rate(5), P90Delay: rate(9)},
			{SignalID: "cut", Fires: 3, ExecutionRate: rate(0), KeptFires: 2, FirstFire: when(5), LastFire: when(7)},
			{SignalID: "gone", Fires: 1, Executed: 1, ExecutionRate: rate(1)},
		} {
			want.Horizon = horizon
			same(t, want.SignalID, must(db.SignalInsight(ctx, want.SignalID))(t), want)
		}
		_, err := db.SignalInsight(ctx, "nobody's")
		only(t, err, engagement.ErrNotFound)
		contains(t, err, `signal "nobody's"`)
		_, err = db.SignalInsight(ctx, "")
		only(t, err, engagement.ErrInvalid)
	})
}
