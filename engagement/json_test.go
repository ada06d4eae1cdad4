package engagement_test

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math"
	"path/filepath"
	"reflect"
	"regexp"
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
	engagement.Activity{}, engagement.AsideRow{}, engagement.Award{}, engagement.Board{}, engagement.BoardRow{}, engagement.Calibration{},
	engagement.CalibrationBin{}, engagement.CalibrationQuery{}, engagement.CleanupReport{}, engagement.ClosedTrade{}, engagement.Cohort{},
	engagement.CommitStats{}, engagement.CopyReport{}, engagement.CreatedToken{}, engagement.Day(0), engagement.DayFigures{},
	engagement.Drawdown{}, engagement.EquityDay{}, engagement.EraseReceipt{}, engagement.Explanation{},
	engagement.Figure(""), engagement.FigureDay{}, engagement.Finding{}, engagement.Fire{}, engagement.FireFilter{},
	engagement.FireReceipt{}, engagement.Forecast{}, engagement.ForecastQuery{}, engagement.Freeze{}, engagement.FreezeReceipt{}, engagement.GrantedFreeze{},
	engagement.HeadToHead{}, engagement.Hours{}, engagement.Lifecycle{}, engagement.MetricDefinition{},
	engagement.MetricFilter{}, engagement.MetricOf(""), engagement.MetricPart{}, engagement.MetricPer(""),
	engagement.MetricRow{}, engagement.MetricValues{}, engagement.MetricWhat(""),
	engagement.NewToken{}, engagement.Outcome(0), engagement.Page[engagement.UserStats]{}, engagement.PageQuery{}, engagement.Period(0),
	engagement.PopularSignal{}, engagement.QualityQuery{}, engagement.Ranking(0),
	engagement.RealTimeStats{}, engagement.Report{}, engagement.Run{}, engagement.SignalCount{},
	engagement.SignalFire{}, engagement.SignalInsight{}, engagement.SignalMetrics{}, engagement.Status(0),
	engagement.Streak{}, engagement.StreakDay{}, engagement.StreakDayKind(""), engagement.StreakRow{}, engagement.EndingStreaks{}, engagement.Upkeep{}, engagement.Verification{}, engagement.StreakRules{},
	engagement.Synchronous(""), engagement.Token{}, engagement.Trade{}, engagement.TradeFilter{}, engagement.TradeQuality{}, engagement.TradeReceipt{}, engagement.UserExport{},
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
		*into = drawNamed(t, engagement.Statuses())
		return
	case *engagement.Outcome:
		*into = drawNamed(t, engagement.Outcomes())
		return
	case *engagement.Ranking:
		*into = drawNamed(t, engagement.Rankings())
		return
	case *engagement.Period:
		*into = drawNamed(t, engagement.Periods())
		return
	case *engagement.Figure:
		*into = drawNamed(t, engagement.FiguresOfUser())
		return
	case *engagement.StreakDayKind:
		*into = drawNamed(t, engagement.StreakDayKinds())
		return
	case *engagement.Synchronous:
		*into = drawNamed(t, engagement.SynchronousLevels())
		return
	case *engagement.MetricWhat:
		*into = drawNamed(t, engagement.MetricWhats())
		return
	case *engagement.MetricOf:
		*into = drawNamed(t, engagement.MetricOfs())
		return
	case *engagement.MetricPer:
		*into = drawNamed(t, engagement.MetricPers())
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

// drawNamed draws one of all values, or the zero value.
func drawNamed[E any](t *rapid.T, all []E) E {
	return rapid.SampledFrom(append(all, *new(E))).Draw(t, "named")
}

func drawDay(t *rapid.T) engagement.Day {
	return engagement.Day(rapid.Int64Range(-719_162, 2_932_896).Draw(t, "day"))
}

func drawWindow(t *rapid.T) engagement.Window {
	if rapid.Bool().Draw(t, "all time") {
		return engagement.AllTime()
	}
	last := drawDay(t)
	return engagement.Days(max(-719_162, last-engagement.Day(rapid.IntRange(0, engagement.MaxLimit-1).Draw(t, "length"))), last)
}

// TestNoTypeIsLeftOutOfTheJSONTest looks for exported types that marshal
// themselves, and for those with exported fields, each of which has a name in JSON.
func TestNoTypeIsLeftOutOfTheJSONTest(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	note := func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.TypeSpec:
			fields, isStruct := n.Type.(*ast.StructType)
			// Neither errors nor what an observer is told are written anywhere.
			unwritten := strings.HasSuffix(n.Name.Name, "Error") || n.Name.Name == "Observation"
			if !isStruct || !n.Name.IsExported() || unwritten {
				break
			}
			for _, field := range fields.Fields.List {
				if len(field.Names) == 0 || !field.Names[0].IsExported() {
					continue
				}
				found[n.Name.Name] = true
				// Those of StreakRules are in its own form.
				if (field.Tag == nil || !snakeCase.MatchString(field.Tag.Value)) && n.Name.Name != "StreakRules" {
					t.Errorf("%s.%s has no name in JSON", n.Name.Name, field.Names[0].Name)
				}
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

var snakeCase = regexp.MustCompile("^`json:\"[a-z0-9_]+(,omit(empty|zero))?\"`$")

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
		engagement.Figure("luck"), engagement.StreakDayKind("lazy"), engagement.Synchronous("on"),
		engagement.MetricWhat("average"), engagement.MetricOf("users"), engagement.MetricPer("week"),
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
		{new(engagement.Figure), "luck"}, {new(engagement.StreakDayKind), "nonsense"}, {new(engagement.Synchronous), "ON"},
		{new(engagement.MetricWhat), "average"}, {new(engagement.MetricOf), "users"}, {new(engagement.MetricPer), "week"},
		{new(engagement.Period), "month"}, {new(engagement.Day), ""}, {new(engagement.Window), ""}, {new(engagement.Window), "today"},
	} {
		wantError(t, tt.into.UnmarshalText([]byte(tt.text)), engagement.ErrInvalid)
	}
}

func TestNamesAreParsed(t *testing.T) {
	t.Parallel()
	parsed(t, engagement.ParseStatus, engagement.Statuses())
	parsed(t, engagement.ParseOutcome, engagement.Outcomes())
	parsed(t, engagement.ParsePeriod, engagement.Periods())
	parsed(t, engagement.ParseRanking, engagement.Rankings())
	parsed(t, engagement.ParseFigure, engagement.FiguresOfUser())
	parsed(t, engagement.ParseStreakDayKind, engagement.StreakDayKinds())
	parsed(t, engagement.ParseSynchronous, engagement.SynchronousLevels())
	parsed(t, engagement.ParseMetricWhat, engagement.MetricWhats())
	parsed(t, engagement.ParseMetricOf, engagement.MetricOfs())
	parsed(t, engagement.ParseMetricPer, engagement.MetricPers())
}

func parsed[E fmt.Stringer](t *testing.T, parse func(string) (E, error), all []E) {
	t.Helper()
	for _, value := range all {
		same(t, value.String(), must(parse(value.String()))(t), value)
	}
	_, err := parse("")
	wantError(t, err, engagement.ErrInvalid)
}

// What callers write has no field that is not known: it was mistyped.
func TestUnknownFieldsAreRefused(t *testing.T) {
	t.Parallel()
	for _, into := range []any{
		&engagement.Fire{UserID: 7}, &engagement.Trade{UserID: 7}, &engagement.Freeze{UserID: 7}, &engagement.Board{MinDecided: 7},
		&engagement.FireFilter{UserID: 7}, &engagement.TradeFilter{UserID: 7}, &engagement.PageQuery{Limit: 7},
		&engagement.ForecastQuery{UserID: 7}, &engagement.CalibrationQuery{MinDecided: 7}, &engagement.QualityQuery{UserID: 7},
		&engagement.MetricDefinition{Limit: 7}, &engagement.StreakRules{FreezeCap: 7},
	} {
		before := reflect.ValueOf(into).Elem().Interface()
		for _, text := range []string{`{"pln": 3}`, `{"user_id": 1, "limit": 1, "window": "all", "of": "fires", "pln": 3}`} {
			err := json.Unmarshal([]byte(text), into)
			if refusal := new(engagement.InvalidError); !errors.As(err, &refusal) || !strings.Contains(refusal.Reason, "unknown field") {
				t.Errorf("%T: got error %v, want that the field is refused", into, err)
			}
			same(t, "what it was read into", reflect.ValueOf(into).Elem().Interface(), before)
		}
	}
	var read engagement.Board
	for _, text := range []string{`{"ranking": "luck"}`, `{"window": "ever"}`} {
		var refusal *engagement.InvalidError
		if err := json.Unmarshal([]byte(text), &read); !errors.As(err, &refusal) || refusal.Value == nil {
			t.Errorf("%s: got error %v, want that its value is refused", text, err)
		}
	}
}

func TestJSONThatIsWrongSaysWhatIsWanted(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"text for a number", `{"user_id": "7"}`, "user_id: got string, want a whole number of 64 bits"},
		{"a fraction for an id", `{"user_id": 7.5}`, "user_id: got number 7.5, want a whole number of 64 bits"},
		{"a number for text", `{"signal_id": 7}`, "signal_id: got number, want text"},
		{"text for yes and no", `{"executed": "yes"}`, "executed: got string, want true or false"},
		{"a day for a time", `{"timestamp": "2026-01-31"}`, `got the time "2026-01-31", want the form 2026-01-31T12:00:00Z`},
		{"a time without a zone", `{"timestamp": "2026-01-31T12:00:00"}`, `got the time "2026-01-31T12:00:00", want the form`},
		{"a list", `[]`, "got array, want fields and their values"},
		{"bytes that are no text", "{\"signal_id\": \"\xff\"}", "it is not UTF-8"},
		{"the first half of a character", `{"signal_id": "\ud83d"}`, `\ud83d is half of a character`},
		{"the second half of a character", `{"signal_id": "\\\uDCFF"}`, `\uDCFF is half of a character`},
		{"two first halves", `{"signal_id": "\ud83d\ud83d\ude00"}`, `\ud83d is half of a character`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := json.Unmarshal([]byte(tt.text), new(engagement.Fire))
			if refusal := new(engagement.InvalidError); !errors.As(err, &refusal) || !strings.Contains(refusal.Reason, tt.want) {
				t.Errorf("%s: %v", tt.text, err)
			}
		})
	}
	var trade engagement.Trade
	err := json.Unmarshal([]byte(`{"outcome": 3}`), &trade)
	if err == nil || !strings.Contains(err.Error(), "outcome: got number, want text") {
		t.Errorf("a number for an outcome: %v", err)
	}
	var fire engagement.Fire
	noError(t, json.Unmarshal([]byte(`{"signal_id": "\ud83d\ude00 \\ud83d \u00e9"}`), &fire))
	same(t, "escapes that are characters", fire.SignalID, "😀 \\ud83d é")
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
