package engagement_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestParseMetricDefinition(t *testing.T) {
	t.Parallel()
	yes := true
	weekend := []string{"saturday", "sunday"}
	want := engagement.MetricDefinition{
		Name: "weekend_execution_rate", What: "ratio", Per: "user", Window: "30d", Limit: 10,
		Numerator:   &engagement.MetricPart{What: "count", Of: "fires", Filter: engagement.MetricFilter{Executed: &yes, Weekdays: weekend}},
		Denominator: &engagement.MetricPart{What: "count", Of: "fires", Filter: engagement.MetricFilter{Weekdays: weekend}},
	}
	got := must(engagement.ParseMetricDefinition([]byte(`{
		"name": "weekend_execution_rate",
		"what": "ratio",
		"numerator": {"what": "count", "of": "fires", "filter": {"executed": true, "weekdays": ["saturday", "sunday"]}},
		"denominator": {"what": "count", "of": "fires", "filter": {"weekdays": ["saturday", "sunday"]}},
		"per": "user",
		"window": "30d",
		"limit": 10
	}`)))(t)
	same(t, "from JSON", got, want)
	asJSON := must(json.MarshalIndent(got, "", "\t"))(t)
	same(t, "from its own JSON", must(engagement.ParseMetricDefinition(asJSON))(t), want)
}

func TestAWrongDefinitionIsRefusedByTheNameOfItsField(t *testing.T) {
	t.Parallel()
	fires := func(more string) string {
		return `{"name": "x", "what": "count", "of": "fires", "per": "user"` + more + "}"
	}
	trades := func(more string) string {
		return `{"name": "x", "what": "count", "of": "trades", "per": "user"` + more + "}"
	}
	ratio := func(denominator, more string) string {
		return `{"name": "x", "what": "ratio", "per": "user", "numerator": {"what": "count", "of": "fires"}, "denominator": {` + denominator + "}" + more + "}"
	}
	for _, tt := range []struct{ name, text, says string }{
		{"nothing", " ", "it is empty"},
		{"no JSON", `{"name": `, "unexpected EOF"},
		{"YAML", "name: x", "invalid character 'a'"},
		{"a list", `[{"name": "x"}]`, "want fields and their values"},
		{"two definitions", fires("") + fires(""), "there is more than one"},
		{"something behind it", fires("") + "}", "there is more than one"},
		{"nesting without end", strings.Repeat("[", 60_000), "exceeded max depth"},
		{"more than 64 KB", fires(strings.Repeat(" ", 65_500)), "it has 65560 bytes, want at most 65536"},
		{"a long text", fires(`, "window": "` + strings.Repeat("é", 10_000) + `"`), `window "` + strings.Repeat("é", 32) + `…": want`},
		{"a long number", fires(`, "limit": 1` + strings.Repeat("0", 10_000)), "limit: got number 1000"},
		{"a long unknown field", fires(`, "` + strings.Repeat("x", 10_000) + `": 1`), "unknown field"},
		{"an unknown field", fires(`, "limti": 3`), `unknown field "limti"`},
		{"an unknown field of the filter", fires(`, "filter": {"weekday": ["monday"]}`), `unknown field "weekday"`},
		{"a limit that is no number", fires(`, "limit": "ten"`), "limit: got string, want a whole number of 64 bits"},
		{"a limit that is not whole", fires(`, "limit": 1.5`), "limit: got number 1.5"},
		{"a name that is a number", `{"name": 7}`, "name: got number, want text"},
		{"weekdays that are no list", fires(`, "filter": {"weekdays": "monday"}`), "filter.weekdays: got string, want a list"},
		{"no name", `{"what": "count"}`, `metric name ""`},
		{"a name of two lines", `{"name": "a\nb"}`, "control character"},
		{"no measure", `{"name": "x"}`, `metric "x": invalid what "": want one of count, pnl, users, ratio`},
		{"an unknown measure", `{"name": "x", "what": "average"}`, `metric "x": invalid what "average"`},
		{"a measure of nothing", `{"name": "x", "what": "count"}`, `of "": want one of fires, trades`},
		{"the P&L of fires", `{"name": "x", "what": "pnl", "of": "fires"}`, `of "fires": only trades`},
		{"per nothing", `{"name": "x", "what": "count", "of": "fires"}`, `per "": want one of user, signal, day`},
		{"per week", `{"name": "x", "what": "count", "of": "fires", "per": "week"}`, `per "week"`},
		{"a mistyped weekday", fires(`, "filter": {"weekdays": ["monday", "frday"]}`), `metric "x": invalid filter.weekdays[1] "frday": want one of monday`},
		{"an unknown outcome", trades(`, "filter": {"outcome": ["win", "tie"]}`), `metric "x": invalid outcome "tie": want one of win, loss, draw`},
		{"executed trades", trades(`, "filter": {"executed": false}`), "filter.executed false: only fires"},
		{"fires that were won", fires(`, "filter": {"outcome": ["win"]}`), `filter.outcome "win": only trades`},
		{"a prefix with a line feed", fires(`, "filter": {"signal_prefix": "A\nB"}`), "filter.signal_prefix "},
		{"a limit beyond the most", fires(`, "limit": 10001`), "limit 10001: want 1 to 10000"},
		{"a negative limit", fires(`, "limit": -1`), "limit -1"},
		{"an unknown window", fires(`, "window": "year"`), `window "year": want all, today, week, month, 1d to 10000d, or days`},
		{"no days", fires(`, "window": "0d"`), `window "0d"`},
		{"negative days", fires(`, "window": "-3d"`), `window "-3d"`},
		{"too many days", fires(`, "window": "10001d"`), `window "10001d": want all, today, week, month, 1d to 10000d`},
		{"no end", fires(`, "window": "2026-01-01.."`), `window "2026-01-01.."`},
		{"no start", fires(`, "window": "..2026-01-01"`), `window "..2026-01-01"`},
		{"a day that there is not", fires(`, "window": "2026-02-30..2026-03-01"`), `window "2026-02-30..2026-03-01"`},
		{"days that run backwards", fires(`, "window": "2026-01-02..2026-01-01"`), `window "2026-01-02..2026-01-01": it ends before it starts`},
		{"more days than there may be", fires(`, "window": "1970-01-02..2026-01-01"`), "at most 10000 days"},
		{"a numerator of no ratio", fires(`, "numerator": {"what": "count", "of": "fires"}`), "numerator: only a ratio"},
		{"a denominator of no ratio", fires(`, "denominator": {"what": "count", "of": "fires"}`), "denominator: only a ratio"},
		{"a ratio without numerator", `{"name": "x", "what": "ratio"}`, "numerator: a ratio needs one"},
		{"a ratio without denominator", `{"name": "x", "what": "ratio", "numerator": {"what": "count", "of": "fires"}}`, "denominator: a ratio needs one"},
		{"a ratio of fires", ratio(`"what": "count", "of": "fires"`, `, "of": "fires"`), `of "fires": a ratio has`},
		{"a ratio with a filter", ratio(`"what": "count", "of": "fires"`, `, "filter": {"executed": true}`), "filter: a ratio has"},
		{"a ratio of ratios", ratio(`"what": "ratio", "of": "fires"`, ""), `denominator.what "ratio"`},
		{"a weekday in a ratio", ratio(`"what": "count", "of": "fires", "filter": {"weekdays": ["Monday"]}`, ""), `denominator.filter.weekdays[0] "Monday"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := engagement.ParseMetricDefinition([]byte(tt.text))
			only(t, err, engagement.ErrInvalid)
			contains(t, err, tt.says, refusal(t, err).Reason)
			if strings.ContainsRune(err.Error(), '\n') {
				t.Errorf("the message has several lines: %v", err)
			}
			if len(err.Error()) > 250 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestMetricsAreStoredForEveryProcess(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db, other := context.Background(), open(), open()
		count := engagement.MetricDefinition{Name: "b", What: "count", Of: "fires", Per: "user"}
		pnl := engagement.MetricDefinition{Name: "a'; --", What: "pnl", Of: "trades", Per: "day", Filter: engagement.MetricFilter{Outcome: []engagement.Outcome{engagement.Win}}}
		same(t, "none yet", must(db.CustomMetrics(ctx, anyPage))(t).Items, []engagement.MetricDefinition{})

		noError(t, db.DefineMetric(ctx, count))
		noError(t, db.DefineMetric(ctx, pnl))
		same(t, "by name", must(other.CustomMetrics(ctx, anyPage))(t).Items, []engagement.MetricDefinition{pnl, count})
		same(t, "one", must(other.CustomMetric(ctx, pnl.Name))(t), pnl)

		count.Limit = 3
		noError(t, other.DefineMetric(ctx, count))
		same(t, "replaced", must(db.CustomMetrics(ctx, anyPage))(t).Items, []engagement.MetricDefinition{pnl, count})

		noError(t, other.DeleteMetric(ctx, pnl.Name))
		same(t, "one is left", must(db.CustomMetrics(ctx, anyPage))(t).Items, []engagement.MetricDefinition{count})
		_, err := db.CustomMetric(ctx, pnl.Name)
		only(t, err, engagement.ErrNotFound)
		contains(t, err, `metric "a'; --"`)
		_, err = db.EvaluateMetric(ctx, pnl.Name, anyPage)
		only(t, err, engagement.ErrNotFound)
		only(t, db.DeleteMetric(ctx, pnl.Name), engagement.ErrNotFound)
		same(t, "nothing else was deleted", must(db.CustomMetrics(ctx, anyPage))(t).Items, []engagement.MetricDefinition{count})
		proven(t, db)
	})
}

func TestAWrongMetricIsNotStored(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open()
		wrong := engagement.MetricDefinition{Name: "x", What: "count", Of: "fires", Per: "year"}
		long := engagement.MetricDefinition{
			Name: "x", What: "count", Of: "fires", Per: "user", Filter: engagement.MetricFilter{Weekdays: slices.Repeat([]string{"monday"}, 10_000)},
		}
		for name, err := range map[string]error{
			"DefineMetric":                db.DefineMetric(ctx, wrong),
			"DefineMetric beyond 64 KB":   db.DefineMetric(ctx, long),
			"DeleteMetric without a name": db.DeleteMetric(ctx, ""),
			"CustomMetric without a name": func() error { _, err := db.CustomMetric(ctx, ""); return err }(),
			"EvaluateDefinition":          func() error { _, err := db.EvaluateDefinition(ctx, wrong, anyPage); return err }(),
		} {
			t.Run(name, func(t *testing.T) { only(t, err, engagement.ErrInvalid) })
		}
		same(t, "CustomMetrics", must(db.CustomMetrics(ctx, anyPage))(t).Items, []engagement.MetricDefinition{})
	})
}

func TestMetricsInATransaction(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		d := engagement.MetricDefinition{Name: "fires", What: "count", Of: "fires", Per: "user"}
		regret := fmt.Errorf("regret")
		for _, outcome := range []error{regret, nil} {
			err := db.Tx(ctx, func(tx *engagement.Tx) error {
				only(t, tx.DeleteMetric(ctx, "fires"), engagement.ErrNotFound) // the transaction goes on
				noError(t, tx.DefineMetric(ctx, d))
				fire(t, tx, engagement.Fire{UserID: 1, SignalID: "A"})
				one := 1.0
				same(t, "inside", must(tx.EvaluateMetric(ctx, "fires", anyPage))(t).Items, []engagement.MetricRow{{Key: "1", Value: &one}})
				return outcome
			})
			if err != outcome {
				t.Fatalf("got %v, want %v", err, outcome)
			}
			same(t, "stored", len(must(db.CustomMetrics(ctx, anyPage))(t).Items), map[bool]int{true: 0, false: 1}[outcome == regret])
		}
	})
}

func TestADamagedDefinitionIsCorrupt(t *testing.T) {
	t.Parallel()
	ctx, path := context.Background(), freshFile(t)
	db := openAt(t, path)
	for _, text := range []string{"{", `{"name": "x", "nonsense": 1}`, `{"name": "x", "what": "count"}`} {
		execute(t, path, "INSERT OR REPLACE INTO custom_metrics (name, definition, updated_at) VALUES ('x', ?, '2026-01-14 00:00:00.000000')", text)
		_, err := db.EvaluateMetric(ctx, "x", anyPage)
		only(t, err, engagement.ErrCorrupt)
		contains(t, err, `metric "x"`)
		_, err = db.CustomMetrics(ctx, anyPage)
		only(t, err, engagement.ErrCorrupt)
	}
}

// metricValues evaluates a definition and writes its rows as text.
func metricValues(t tb, r interface {
	EvaluateDefinition(context.Context, engagement.MetricDefinition, engagement.PageQuery) (engagement.MetricValues, error)
}, text string) (rows []string, values engagement.MetricValues) {
	t.Helper()
	values = must(r.EvaluateDefinition(context.Background(), must(engagement.ParseMetricDefinition([]byte(`{"name": "x", `+text+"}")))(t), anyPage))(t)
	number := func(v *float64) string {
		if v == nil {
			return "null"
		}
		return fmt.Sprint(*v)
	}
	rows = []string{}
	for _, row := range values.Items {
		text := row.Key + " " + number(row.Value)
		if row.Numerator != nil {
			text += " = " + number(row.Numerator) + "/" + number(row.Denominator)
		}
		rows = append(rows, text)
	}
	return rows, values
}

func TestMetricValues(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option()) // a Wednesday
		for _, f := range []struct {
			user     int64
			signal   string
			ago      int
			executed bool
		}{
			{1, "EUR_1", 4, true}, {1, "EUR_2", 3, false}, {1, "GBP_1", 0, true}, // Saturday, Sunday, Wednesday
			{2, "EUR_1", 4, false}, {2, "EUR_2", 3, false},
			{3, "GBP_1", 0, true}, {10, "GBP_1", 0, false}, {10, "EUS", 1, true},
		} {
			fire(t, db, engagement.Fire{UserID: f.user, SignalID: f.signal, At: noon.AddDate(0, 0, -f.ago), Executed: f.executed})
		}
		for i, tr := range []struct {
			user   int64
			signal string
			pnl    float64
			ago    int
		}{
			{1, "EUR_1", 10.25, 0}, {1, "EUR_1", -3, 1}, {2, "", -5.5, 1}, {2, "EUR_2", 0, 0}, {3, "GBP_1", 7, 20},
		} {
			trade(t, db, engagement.Trade{UserID: tr.user, TradeID: fmt.Sprint(i), SignalID: tr.signal, PnL: tr.pnl, ClosedAt: noon.AddDate(0, 0, -tr.ago)})
		}
		for _, tt := range []struct {
			name, text string
			want       []string
		}{
			{"fires by user, ties by number", `"what": "count", "of": "fires", "per": "user"`, []string{"1 3", "2 2", "10 2", "3 1"}},
			{"executed fires by user", `"what": "count", "of": "fires", "per": "user", "filter": {"executed": true}`, []string{"1 2", "3 1", "10 1"}},
			{"fires by signal prefix", `"what": "count", "of": "fires", "per": "user", "filter": {"signal_prefix": "EUR"}`, []string{"1 2", "2 2"}},
			{"the first users", `"what": "count", "of": "fires", "per": "user", "limit": 1`, []string{"1 3"}},
			{"fires by signal, ties by id", `"what": "count", "of": "fires", "per": "signal"`, []string{"GBP_1 3", "EUR_1 2", "EUR_2 2", "EUS 1"}},
			{"signals by prefix", `"what": "users", "of": "fires", "per": "signal", "filter": {"signal_prefix": "EUR", "executed": false}`, []string{"EUR_2 2", "EUR_1 1"}},
			{"fires by day, the latest, in order", `"what": "count", "of": "fires", "per": "day", "limit": 2`, []string{"2026-01-13 1", "2026-01-14 3"}},
			{"users by day", `"what": "users", "of": "fires", "per": "day", "window": "week"`, []string{"2026-01-13 1", "2026-01-14 3"}},
			{"users by day of a weekend", `"what": "users", "of": "fires", "per": "day", "filter": {"weekdays": ["sunday"]}`, []string{"2026-01-11 2"}},
			{"P&L by user", `"what": "pnl", "of": "trades", "per": "user"`, []string{"1 7.25", "3 7", "2 -5.5"}},
			{"P&L by signal leaves out trades of none", `"what": "pnl", "of": "trades", "per": "signal"`, []string{"EUR_1 7.25", "GBP_1 7", "EUR_2 0"}},
			{"losses by day", `"what": "pnl", "of": "trades", "per": "day", "filter": {"outcome": ["loss"]}`, []string{"2026-01-13 -8.5"}},
			{"traders of a month", `"what": "users", "of": "trades", "per": "day", "window": "month"`, []string{"2026-01-13 2", "2026-01-14 2"}},
			{"trades of a range", `"what": "count", "of": "trades", "per": "user", "window": "2025-12-25..2025-12-25"`, []string{"3 1"}},
			{"nothing", `"what": "count", "of": "trades", "per": "user", "window": "2024-12-25..2024-12-25"`, []string{}},
			{
				"a win rate, null without decided trades", `"what": "ratio", "numerator": {"what": "count", "of": "trades", "filter": {"outcome": ["win"]}}, "denominator": {"what": "count", "of": "trades", "filter": {"outcome": ["win", "loss"]}}, "per": "user"`, []string{"3 1 = 1/1", "1 0.5 = 1/2", "2 0 = 0/1"},
			},
			{
				"trades by executed fire, null where there are none", `"what": "ratio", "numerator": {"what": "count", "of": "trades"}, "denominator": {"what": "count", "of": "fires", "filter": {"executed": true}}, "per": "user"`, []string{"1 1 = 2/2", "3 1 = 1/1", "10 0 = 0/1", "2 null = 2/0"},
			},
		} {
			t.Run(tt.name, func(t *testing.T) {
				rows, _ := metricValues(t, db, tt.text)
				same(t, "rows", rows, tt.want)
			})
		}
	})
}

func TestMetricsSayFromWhichDayTheyAnswer(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		for ago := range 5 {
			fire(t, db, engagement.Fire{UserID: 1, SignalID: fmt.Sprintf("EUR_%d", ago), At: noon.AddDate(0, 0, -ago), Executed: true})
		}
		must(db.Cleanup(ctx, 1))(t)
		horizon := db.Today() - 1

		rows, values := metricValues(t, db, `"what": "count", "of": "fires", "per": "user"`)
		same(t, "of days", rows, []string{"1 5"})
		same(t, "its horizon", values.Horizon, (*engagement.Day)(nil))

		rows, values = metricValues(t, db, `"what": "count", "of": "fires", "per": "user", "filter": {"signal_prefix": "EUR"}`)
		same(t, "of single fires", rows, []string{"1 2"})
		same(t, "its horizon", values.Horizon, &horizon)

		// Both sides of a ratio must be of the same days.
		rows, values = metricValues(t, db, `"what": "ratio", "numerator": {"what": "count", "of": "fires", "filter": {"signal_prefix": "EUR_0"}}, "denominator": {"what": "count", "of": "fires"}, "per": "user"`)
		same(t, "a ratio", rows, []string{"1 0.5 = 1/2"})
		same(t, "its horizon", values.Horizon, &horizon)

		rows, _ = metricValues(t, db, `"what": "count", "of": "fires", "per": "day", "filter": {"signal_prefix": "EUR"}, "window": "2026-01-10..2026-01-11"`)
		same(t, "of days that were cleaned up", rows, []string{})
	})
}

func TestAMetricsSumMayLeaveTheIntegers(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		for user := range int64(5) {
			trade(t, db, engagement.Trade{UserID: user + 1, TradeID: "t", SignalID: "A", PnL: engagement.MaxPnL, ClosedAt: noon})
			trade(t, db, engagement.Trade{UserID: user + 11, TradeID: "t", SignalID: "B", PnL: -engagement.MaxPnL, ClosedAt: noon})
		}
		rows, _ := metricValues(t, db, `"what": "pnl", "of": "trades", "per": "signal"`)
		same(t, "rows", rows, []string{"A 4.5e+13", "B -4.5e+13"})
		rows, _ = metricValues(t, db, `"what": "pnl", "of": "trades", "per": "day"`)
		same(t, "rows", rows, []string{"2026-01-14 0"})
	})
}

func TestAPrefixEndsWhereItsSignalsEnd(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		signals := []string{"A", "AB", "AC", "B", "Z\ufffd", "a", "é", "é1", "ê", "\ud7ff", "\ud7ff1", "\ue000", "\U0010ffff", "\U0010ffffA", "A\U0010ffff", "A\U0010ffff_1", "%", "A%", "A_1"}
		for _, signal := range signals {
			fire(t, db, engagement.Fire{UserID: 1, SignalID: signal})
		}
		for _, prefix := range append(signals, "zz") {
			d := engagement.MetricDefinition{Name: "x", What: "count", Of: "fires", Per: "signal", Filter: engagement.MetricFilter{SignalPrefix: prefix}}
			want := map[string]bool{}
			for _, signal := range signals {
				if strings.HasPrefix(signal, prefix) {
					want[signal] = true
				}
			}
			got := map[string]bool{}
			for _, row := range must(db.EvaluateDefinition(context.Background(), d, anyPage))(t).Items {
				got[row.Key] = true
			}
			same(t, fmt.Sprintf("signals with %q", prefix), got, want)
		}
	})
}

func TestWeekdaysGoByTheDatabasesDays(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		loc := zone(t, "America/New_York")
		db := open(newClock(noon).option(), engagement.WithLocation(loc))
		// Monday in UTC, Sunday in New York.
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "A", At: time.Date(2026, 1, 12, 3, 0, 0, 0, time.UTC)})
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "t", PnL: 1, ClosedAt: time.Date(2026, 1, 12, 3, 0, 0, 0, time.UTC)})
		for _, of := range []string{"fires", "trades"} {
			rows, _ := metricValues(t, db, `"what": "count", "of": "`+of+`", "per": "day", "filter": {"weekdays": ["sunday"]}, "window": "2026-01-11..2026-01-11"`)
			same(t, of+" of Sunday", rows, []string{"2026-01-11 1"})
			rows, _ = metricValues(t, db, `"what": "count", "of": "`+of+`", "per": "day", "filter": {"weekdays": ["monday"]}`)
			same(t, of+" of Monday", rows, []string{})
		}
	})
}

// What belongs to no day is in no window of days.
func TestAMetricOfTheFirstDayOf1970IsOfNothing(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		fireOn(t, db, 1, noon)
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "t", SignalID: "A", PnL: 1, ClosedAt: noon})
		for _, of := range engagement.MetricOfs() {
			for _, per := range engagement.MetricPers() {
				for window, rows := range map[string]int{
					"1970-01-01..1970-01-01": 0, "1970-01-01": 0, "1969-12-01..1970-01-01": 0, "1960-01-01..1960-12-31": 0, "all": 1,
				} {
					for _, filter := range []engagement.MetricFilter{{}, {Weekdays: []string{"thursday", "wednesday"}}} {
						d := engagement.MetricDefinition{Name: "m", What: "count", Of: of, Per: per, Window: window, Filter: filter}
						same(t, fmt.Sprintf("rows of %+v", d), len(must(db.EvaluateDefinition(ctx, d, anyPage))(t).Items), rows)
					}
				}
			}
		}
	})
}

func TestAMetricFrom1969DoesNotCountWhatIsNotCounted(t *testing.T) {
	t.Parallel()
	ctx, path := t.Context(), freshFile(t)
	db := openAt(t, path, newClock(noon).option())
	fireOn(t, db, 1, noon)
	// Another program's, which the next Open counts.
	execute(t, path, "INSERT INTO trades (user_id, trade_id, signal_id, pnl_micros, outcome, closed_at, day) VALUES (1, 'x', 'A', 1000000, 'win', '2026-01-14 11:00:00', -1)")
	execute(t, path, "INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES (1, 'X', '2026-01-14 11:00:00')")
	for _, per := range engagement.MetricPers() {
		for _, window := range []string{"", "all", "1969-12-01..1970-02-01", "2026-01-14"} {
			trades := engagement.MetricDefinition{Name: "m", What: "count", Of: "trades", Per: per, Window: window}
			same(t, fmt.Sprintf("trades per %s of %s", per, window), len(must(db.EvaluateDefinition(ctx, trades, anyPage))(t).Items), 0)
			fires := engagement.MetricDefinition{Name: "m", What: "count", Of: "fires", Per: per, Window: window, Filter: engagement.MetricFilter{SignalPrefix: "X"}}
			same(t, fmt.Sprintf("fires per %s of %s", per, window), len(must(db.EvaluateDefinition(ctx, fires, anyPage))(t).Items), 0)
		}
	}
}
