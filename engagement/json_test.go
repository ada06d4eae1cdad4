package engagement_test

import (
	"encoding"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement"
)

// marshalling are all exported types with a form in JSON.
var marshalling = []any{
	engagement.Activity{}, engagement.Award{}, engagement.BoardRow{}, engagement.Calibration{},
	engagement.CalibrationBin{}, engagement.CleanupReport{}, engagement.ClosedTrade{}, engagement.Cohort{},
	engagement.CommitStats{}, engagement.CopyReport{}, engagement.CreatedToken{}, engagement.Day(0), engagement.DayFigures{},
	engagement.Drawdown{}, engagement.EquityDay{}, engagement.EraseReceipt{}, engagement.Explanation{},
	engagement.FigureDay{}, engagement.Finding{}, engagement.Fire{}, engagement.FireReceipt{},
	engagement.Forecast{}, engagement.Freeze{}, engagement.FreezeReceipt{}, engagement.GrantedFreeze{},
	engagement.HeadToHead{}, engagement.Hours{}, engagement.Lifecycle{}, engagement.MetricDefinition{},
	engagement.MetricFilter{}, engagement.MetricPart{}, engagement.MetricRow{}, engagement.MetricValues{},
	engagement.NewToken{}, engagement.Token{},
	engagement.Outcome(0), engagement.Page[engagement.UserStats]{}, engagement.Period(0),
	engagement.PopularSignal{}, engagement.Ranking(0),
	engagement.RealTimeStats{}, engagement.Report{}, engagement.Run{}, engagement.SignalCount{},
	engagement.SignalFire{}, engagement.SignalInsight{}, engagement.SignalMetrics{}, engagement.Status(0),
	engagement.Streak{}, engagement.StreakDay{}, engagement.StreakRow{}, engagement.StreakRules{},
	engagement.Trade{}, engagement.TradeQuality{}, engagement.TradeReceipt{}, engagement.UserExport{},
	engagement.UserFigures{}, engagement.UserStats{}, engagement.UserSummary{}, engagement.Window{},
}

func TestEveryValueIsReadBackFromItsJSON(t *testing.T) {
	t.Parallel()
	for _, zero := range marshalling {
		kind := reflect.TypeOf(zero)
		t.Run(nameOf(kind), rapid.MakeCheck(func(t *rapid.T) {
			want, got := reflect.New(kind), reflect.New(kind)
			if rapid.IntRange(0, 9).Draw(t, "zero") > 0 {
				fill(t, want.Elem())
			}
			text := must(json.Marshal(want.Elem().Interface()))(t)
			if err := json.Unmarshal(text, got.Interface()); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			same(t, string(text), got.Elem().Interface(), want.Elem().Interface(), cmpopts.EquateEmpty())
		}))
	}
}

// nameOf returns the name of a type, without the types that it is made of.
func nameOf(kind reflect.Type) string {
	name, _, _ := strings.Cut(kind.Name(), "[")
	return name
}

// fill draws whatever a value may hold.
func fill(t *rapid.T, v reflect.Value) {
	switch into := v.Addr().Interface().(type) {
	case *engagement.Day:
		*into = drawDay(t)
		return
	case *engagement.Window:
		*into = drawWindow(t)
		return
	case *engagement.Status:
		*into = rapid.SampledFrom(append(engagement.Statuses(), 0)).Draw(t, "status")
		return
	case *engagement.Outcome:
		*into = rapid.SampledFrom(append(engagement.Outcomes(), 0)).Draw(t, "outcome")
		return
	case *engagement.Ranking:
		*into = rapid.SampledFrom(append(engagement.Rankings(), 0)).Draw(t, "ranking")
		return
	case *engagement.Period:
		*into = rapid.SampledFrom(append(engagement.Periods(), 0)).Draw(t, "period")
		return
	case *time.Weekday:
		*into = time.Weekday(rapid.IntRange(0, 6).Draw(t, "weekday"))
		return
	case *time.Time:
		*into = time.UnixMicro(rapid.Int64Range(0, 250_000_000_000_000_000).Draw(t, "time")).UTC()
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "int"))
	case reflect.Float64:
		v.SetFloat(rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64).Draw(t, "float"))
	case reflect.String:
		v.SetString(rapid.String().Draw(t, "string"))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "not nil") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem())
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(0, 2).Draw(t, "length"), 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range rapid.IntRange(0, 2).Draw(t, "length") {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, key)
			fill(t, value)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	default:
		t.Fatalf("no way to draw a %s", v.Type())
	}
}

func drawDay(t *rapid.T) engagement.Day {
	return engagement.Day(rapid.Int64Range(-719_528, 2_932_896).Draw(t, "day"))
}

func drawWindow(t *rapid.T) engagement.Window {
	if rapid.Bool().Draw(t, "all time") {
		return engagement.AllTime()
	}
	last := drawDay(t)
	return engagement.Days(max(-719_528, last-engagement.Day(rapid.IntRange(0, engagement.MaxLimit-1).Draw(t, "length"))), last)
}

// TestNoTypeIsLeftOutOfTheJSONTest looks for exported types that marshal
// themselves or have fields with names in JSON.
func TestNoTypeIsLeftOutOfTheJSONTest(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	note := func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.TypeSpec:
			fields, isStruct := n.Type.(*ast.StructType)
			if isStruct && n.Name.IsExported() && slices.ContainsFunc(fields.Fields.List, func(f *ast.Field) bool {
				return f.Tag != nil && strings.Contains(f.Tag.Value, "json:")
			}) {
				found[n.Name.Name] = true
			}
		case *ast.FuncDecl:
			if receiver, ok := receiverOf(n); ok && (n.Name.Name == "MarshalText" || n.Name.Name == "MarshalJSON") {
				found[receiver] = true
			}
		}
		return true
	}
	for _, path := range must(filepath.Glob("*.go"))(t) {
		if !strings.HasSuffix(path, "_test.go") {
			ast.Inspect(must(parser.ParseFile(token.NewFileSet(), path, nil, 0))(t), note)
		}
	}
	var listed []string
	for _, value := range marshalling {
		listed = append(listed, nameOf(reflect.TypeOf(value)))
	}
	same(t, "types in the table of the test", slices.Sorted(slices.Values(listed)), slices.Sorted(maps.Keys(found)))
}

func receiverOf(f *ast.FuncDecl) (string, bool) {
	if f.Recv == nil {
		return "", false
	}
	name, ok := f.Recv.List[0].Type.(*ast.Ident)
	if !ok || !name.IsExported() {
		return "", false
	}
	return name.Name, true
}

func TestWhatHasNoNameIsNotMarshalled(t *testing.T) {
	t.Parallel()
	for _, value := range []encoding.TextMarshaler{
		engagement.Status(4), engagement.Outcome(-1), engagement.Ranking(6), engagement.Period(3),
		engagement.Day(-719_529), engagement.Day(2_932_897), engagement.Days(2, 1), engagement.Days(0, engagement.MaxLimit),
	} {
		_, err := value.MarshalText()
		wantError(t, err, engagement.ErrInvalid)
	}
	for _, tt := range []struct {
		into encoding.TextUnmarshaler
		text string
	}{
		{new(engagement.Status), "stored"}, {new(engagement.Outcome), "Outcome(0)"}, {new(engagement.Ranking), "streak"},
		{new(engagement.Period), "month"}, {new(engagement.Day), ""}, {new(engagement.Window), ""}, {new(engagement.Window), "today"},
	} {
		wantError(t, tt.into.UnmarshalText([]byte(tt.text)), engagement.ErrInvalid)
	}
}

func TestNamesAreParsed(t *testing.T) {
	t.Parallel()
	for _, s := range engagement.Statuses() {
		same(t, "status", must(engagement.ParseStatus(s.String()))(t), s)
	}
	for _, o := range engagement.Outcomes() {
		same(t, "outcome", must(engagement.ParseOutcome(o.String()))(t), o)
	}
	for _, p := range engagement.Periods() {
		same(t, "period", must(engagement.ParsePeriod(p.String()))(t), p)
	}
	for _, r := range engagement.Rankings() {
		same(t, "ranking", must(engagement.ParseRanking(r.String()))(t), r)
	}
}

func TestATradeWithoutOutcomeHasNoneInJSON(t *testing.T) {
	t.Parallel()
	same(t, "JSON", string(must(json.Marshal(engagement.Trade{UserID: 1, TradeID: "t", PnL: 2}))(t)),
		`{"user_id":1,"trade_id":"t","signal_id":"","pnl":2}`)
	for _, text := range []string{`{"outcome": ""}`, `{}`} {
		var read engagement.Trade
		noError(t, json.Unmarshal([]byte(text), &read))
		same(t, text, read, engagement.Trade{})
	}
}

func TestStreakRulesThatAreAbsentAreTheDefaults(t *testing.T) {
	t.Parallel()
	changed := func(change func(*engagement.StreakRules)) engagement.StreakRules {
		rules := engagement.DefaultStreakRules()
		change(&rules)
		return rules
	}
	for _, tt := range []struct {
		name, text string
		want       engagement.StreakRules
	}{
		{"nothing: the defaults", `{}`, engagement.DefaultStreakRules()},
		{"null: the defaults", `{"rest_days": null, "milestones": null, "freeze_cap": null}`, engagement.DefaultStreakRules()},
		{"rest days alone", `{"rest_days": ["sunday"]}`, changed(func(r *engagement.StreakRules) { r.RestDays = []time.Weekday{time.Sunday} })},
		{"no milestones", `{"milestones": []}`, changed(func(r *engagement.StreakRules) { r.Milestones = []int64{} })},
		{"no freezes", `{"freeze_cap": 0}`, changed(func(r *engagement.StreakRules) { r.FreezeCap = 0 })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := engagement.StreakRules{RestDays: []time.Weekday{time.Friday}, Milestones: []int64{1}, FreezeCap: 7}
			noError(t, json.Unmarshal([]byte(tt.text), &got))
			same(t, "rules", got, tt.want)
		})
	}
	for _, tt := range []struct{ text, says string }{
		{`{"milestone": [3]}`, `unknown field "milestone"`},
		{`{"rest_days": ["caturday"]}`, `day of the week "caturday"`},
		{`{"freeze_cap": "two"}`, "freeze_cap"},
	} {
		err := json.Unmarshal([]byte(tt.text), new(engagement.StreakRules))
		wantError(t, err, engagement.ErrInvalid)
		contains(t, err, tt.says)
	}
}
