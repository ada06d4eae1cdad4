package engagement

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Every parser of the library, with made-up input: it never panics and is never
// slow, what it refuses is ErrInvalid with a short text, and what it reads comes
// back from what it writes. Run them by make fuzz.

// refused fails the test unless err is a refusal of which a message can be made.
func refused(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*InvalidError](err); !ok {
		t.Fatalf("%v does not say which argument was refused", err)
	}
	if len(err.Error()) > 2_000 {
		t.Fatalf("the message has %d bytes", len(err.Error()))
	}
}

// quick fails the test if it took longer than any input should.
func quick(t *testing.T) func() {
	begun := time.Now()
	return func() {
		t.Helper()
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
	}
}

func FuzzDay(f *testing.F) {
	for _, text := range []string{"2026-01-14", "1970-01-01", "0000-01-01", "0001-01-01", "9999-12-31", "10000-01-01", "2026-02-30", "", "-001-01-01"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		day, err := ParseDay(text)
		if err != nil {
			refused(t, err)
			return
		}
		if !day.known() || day.String() != text {
			t.Errorf("%q is read as %s", text, day)
		}
		var back Day
		if err := json.Unmarshal([]byte(`"`+text+`"`), &back); err != nil || back != day {
			t.Errorf("%q is read as %s and %s: %v", text, day, back, err)
		}
	})
}

func FuzzDayNumber(f *testing.F) {
	for _, day := range []int64{0, -1, 20_000, math.MaxInt64, math.MinInt64, int64(minDay), int64(maxDay)} {
		f.Add(day)
	}
	zones := []*time.Location{time.UTC, loadZone(f, "America/St_Johns"), loadZone(f, "Pacific/Apia")}
	f.Fuzz(func(t *testing.T, number int64) {
		defer quick(t)()
		day := Day(number)
		for _, loc := range zones {
			start, end := day.Start(loc), day.end(loc)
			if day.known() && (DayOf(start, loc) < day || end.Before(start)) {
				t.Errorf("%s is from %s to %s", day, start, end)
			}
			_ = DayOf(time.Unix(number, 0), loc)
		}
		if text, err := day.MarshalText(); err == nil {
			if back, err := ParseDay(string(text)); err != nil || back != day {
				t.Errorf("%s is read back as %s: %v", text, back, err)
			}
		} else {
			refused(t, err)
		}
		_, _ = day.Weekday(), day.WeekStart()
	})
}

func FuzzWindow(f *testing.F) {
	for _, text := range []string{"all", "today", "week", "month", "30d", "10000d", "10001d", "2026-01-01..2026-01-31", "2026-01-01", "2026-01-02..2026-01-01", "0001-01-01..9999-12-31", ".."} {
		f.Add(text, int64(20_467))
	}
	f.Fuzz(func(t *testing.T, text string, today int64) {
		w, err := parseWindow(text, Day(today).nearest())
		if err != nil {
			refused(t, err)
		} else if w.check() == nil {
			if back, err := ParseWindow(w.String()); err != nil || back != w {
				t.Errorf("%q is read as %s, and that as %s: %v", text, w, back, err)
			}
		}
		quoted, err := json.Marshal(text)
		if err != nil {
			return
		}
		var read Window
		if err := json.Unmarshal(quoted, &read); err != nil {
			refused(t, err)
			return
		}
		if written, err := json.Marshal(read); err != nil || json.Unmarshal(written, &w) != nil || w != read {
			t.Errorf("%s is written as %s and read as %s: %v", read, written, w, err)
		}
	})
}

// FuzzNames reads what has a name: rankings, periods, statuses and so on.
func FuzzNames(f *testing.F) {
	for _, text := range []string{"", "pnl", "day", "week", "recorded", "win", "Saturday", "total_fires", "active", "current_streak", "Ranking(1)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, into := range []interface {
			UnmarshalText([]byte) error
			MarshalText() ([]byte, error)
		}{
			new(Ranking), new(Period), new(Status), new(Outcome), new(Figure), new(MetricWhat), new(MetricOf), new(MetricPer), new(Synchronous), new(StreakDayKind),
		} {
			if err := into.UnmarshalText([]byte(text)); err != nil {
				refused(t, err)
			} else if back, err := into.MarshalText(); err != nil || string(back) != text {
				t.Errorf("%q is read as %v, which is written %q: %v", text, into, back, err)
			}
		}
		if day, err := ParseWeekday(text); err != nil {
			refused(t, err)
		} else if back, err := ParseWeekday(day.String()); err != nil || back != day {
			t.Errorf("%q is read as %s: %v", text, day, err)
		}
	})
}

// FuzzJSON reads what callers write in JSON, of every type.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{
		`{}`, `null`, `{"user_id":1,"signal_id":"A","timestamp":"2026-01-14T12:00:00Z","executed":true}`, `{"user_id":1,"trade_id":"t","pnl":-1.5,"outcome":"win","closed_at":"2026-01-14T12:00:00+02:00"}`,
		`{"user_id":1,"grant_id":"g"}`, `{"ranking":"pnl","window":"2026-01-01..2026-01-31","users":[1,2]}`, `{"limit":1,"after":"x"}`, `{"more":1}`, `{"window":"all"}`, `[[[[`,
		`{"user_id":1e999}`, `{"timestamp":"292277022399-01-01T00:00:00Z"}`, `{"` + strings.Repeat("x", 3_000) + `":1}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		defer quick(t)()
		for _, kind := range []json.Unmarshaler{
			new(Fire), new(Trade), new(Freeze), new(Board), new(FireFilter), new(TradeFilter), new(PageQuery), new(ForecastQuery), new(CalibrationQuery), new(QualityQuery),
		} {
			if err := kind.UnmarshalJSON(text); err != nil {
				refused(t, err)
				continue
			}
			written, err := json.Marshal(kind)
			back := reflect.New(reflect.TypeOf(kind).Elem()).Interface().(json.Unmarshaler)
			if err == nil {
				err = back.UnmarshalJSON(written)
			}
			if again, _ := json.Marshal(back); err != nil || string(again) != string(written) {
				t.Errorf("%s is read as %+v, written as %s and read as %+v: %v", text, kind, written, back, err)
			}
		}
	})
}

func FuzzStreakRules(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"rest_days":["sunday","sat"],"milestones":[1,2],"freeze_cap":0}`, `{"rest_days":null}`, `{"more":1}`, `[]`, `{`, `{"freeze_cap":9999999999999999999999}`,
		`{"milestones":[` + strings.Repeat("1,", 2_000) + `1]}`, strings.Repeat(`{"rest_days":[`, 300), `{} {}`, `null`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		defer quick(t)()
		var rules StreakRules
		if err := rules.UnmarshalJSON(text); err != nil {
			refused(t, err)
			return
		}
		if err := rules.check(); err != nil {
			refused(t, err)
			return
		}
		written, err := json.Marshal(rules)
		var back StreakRules
		if err != nil || json.Unmarshal(written, &back) != nil || !reflect.DeepEqual(back.normal(), rules.normal()) {
			t.Errorf("%s is read as %+v, written as %s and read as %+v: %v", text, rules, written, back, err)
		}
	})
}

func FuzzMetricDefinition(f *testing.F) {
	for _, text := range []string{
		`{"name":"m","what":"count","of":"fires","per":"user"}`,
		`{"name":"r","what":"ratio","numerator":{"what":"count","of":"fires","filter":{"executed":true}},"denominator":{"what":"users","of":"trades"},"per":"day","window":"30d","limit":5}`,
		`{"name":"p","what":"pnl","of":"trades","per":"signal","filter":{"signal_prefix":"EUR","outcome":["win"],"weekdays":["monday"]}}`,
		``, `{}`, `{"name":1}`, `{"nmae":"m"}`, `{} {}`, strings.Repeat("[", 20_000), `{"name":"` + strings.Repeat("x", 300) + `"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		defer quick(t)()
		d, err := ParseMetricDefinition(text)
		if err != nil {
			refused(t, err)
			return
		}
		written, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseMetricDefinition(written)
		if again, _ := json.Marshal(back); err != nil || string(again) != string(written) {
			t.Errorf("%s is written as %s and read as %s: %v", text, written, again, err)
		}
	})
}

func FuzzPosition(f *testing.F) {
	f.Add("users", int64(1), int64(math.MinInt64), "", "")
	f.Add("fires of 0 for \"\" in all", int64(-1), int64(math.MaxInt64), "EURUSD\x00", "_vyuO4Do1uC9upAEBAJC")
	f.Fuzz(func(t *testing.T, list string, a, b int64, text, other string) {
		p := position{[]int64{a, b}, text}
		c := p.cursor(list)
		if len(c) <= maxCursorBytes {
			back, err := c.position(list, 2)
			if err != nil || ascending(back, p) != 0 {
				t.Errorf("%+v is read back as %+v: %v", p, back, err)
			}
			if strings.Trim(string(c), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
				t.Errorf("%q does not stand in a URL as it is", c)
			}
		}
		if back, err := Cursor(other).position(list, 2); err != nil {
			refused(t, err)
		} else if back.cursor(list) != Cursor(other) {
			t.Errorf("%q is read as %+v", other, back)
		}
	})
}

// FuzzCursorOfEveryList follows cursors that were made up, with a checksum that is
// right or not: they are refused or followed, and come to an end.
func FuzzCursorOfEveryList(f *testing.F) {
	ctx, noon := context.Background(), time.Date(2026, 1, 14, 12, 0, 0, 0, time.UTC)
	db, err := Open(ctx, filepath.Join(f.TempDir(), "engagement.db"), WithClock(func() time.Time { return noon }))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	for user := int64(1); user <= 3; user++ {
		for _, id := range []string{"A", "B"} {
			_, err := db.RecordFire(ctx, Fire{UserID: user, SignalID: id})
			_, tradeErr := db.RecordTrade(ctx, Trade{UserID: user, TradeID: id, SignalID: id, PnL: float64(user)})
			if err := errors.Join(err, tradeErr); err != nil {
				f.Fatal(err)
			}
		}
	}
	metric := MetricDefinition{Name: "m", What: WhatPnL, Of: OfTrades, Per: PerUser}
	metricText, err := json.Marshal(metric)
	if err := errors.Join(err, db.DefineMetric(ctx, metric)); err != nil {
		f.Fatal(err)
	}
	today := Days(db.Today(), db.Today())
	board := func(ranking Ranking, w Window) func(PageQuery) (int, Cursor, error) {
		return func(q PageQuery) (int, Cursor, error) {
			p, err := db.Leaderboard(ctx, Board{Ranking: ranking, Window: w, MinDecided: 1}, q)
			return len(p.Items), p.Next, err
		}
	}
	lists := []struct {
		name    string
		numbers int
		page    func(PageQuery) (int, Cursor, error)
	}{
		{"users", 1, func(q PageQuery) (int, Cursor, error) { p, err := db.Users(ctx, q); return len(p.Items), p.Next, err }},
		{"signals", 0, func(q PageQuery) (int, Cursor, error) { p, err := db.Signals(ctx, q); return len(p.Items), p.Next, err }},
		{"metrics", 0, func(q PageQuery) (int, Cursor, error) {
			p, err := db.CustomMetrics(ctx, q)
			return len(p.Items), p.Next, err
		}},
		{"streaks", 2, func(q PageQuery) (int, Cursor, error) {
			p, err := db.StreakLeaderboard(ctx, q)
			return len(p.Items), p.Next, err
		}},
		{"popular signals in all", 1, func(q PageQuery) (int, Cursor, error) {
			p, err := db.PopularSignals(ctx, AllTime(), q)
			return len(p.Items), p.Next, err
		}},
		{"popular signals in " + today.String(), 1, func(q PageQuery) (int, Cursor, error) {
			p, err := db.PopularSignals(ctx, today, q)
			return len(p.Items), p.Next, err
		}},
		{`fires of 0 for "", executed false, in all`, 3, func(q PageQuery) (int, Cursor, error) {
			p, err := db.Fires(ctx, FireFilter{}, q)
			return len(p.Items), p.Next, err
		}},
		{`fires of 1 for "", executed false, in ` + today.String(), 3, func(q PageQuery) (int, Cursor, error) {
			p, err := db.Fires(ctx, FireFilter{UserID: 1, Window: today}, q)
			return len(p.Items), p.Next, err
		}},
		{`trades of 0 for "" with 0 in all`, 3, func(q PageQuery) (int, Cursor, error) {
			p, err := db.Trades(ctx, TradeFilter{}, q)
			return len(p.Items), p.Next, err
		}},
		{"total_fires of user 1", 3, func(q PageQuery) (int, Cursor, error) {
			e, err := db.ExplainUser(ctx, 1, FigureFires, q)
			return len(e.Fires), e.Next, err
		}},
		{"metric " + string(metricText), 3, func(q PageQuery) (int, Cursor, error) {
			p, err := db.EvaluateMetric(ctx, "m", q)
			return len(p.Items), p.Next, err
		}},
	}
	for _, ranking := range Rankings() {
		for _, w := range []Window{AllTime(), today} {
			b := Board{Ranking: ranking, Window: w, MinDecided: 1}
			lists = append(lists, struct {
				name    string
				numbers int
				page    func(PageQuery) (int, Cursor, error)
			}{b.list(), 2, board(ranking, w)})
		}
	}
	for _, list := range lists { // cursors with another name would all be refused
		_, next, err := list.page(PageQuery{Limit: 1})
		if next != "" && err == nil {
			_, err = next.position(list.name, list.numbers)
		}
		if err != nil {
			f.Fatalf("%s: %v", list.name, err)
		}
	}
	f.Add(int64(0), int64(0), int64(0), "", "")
	f.Add(int64(math.MaxInt64), int64(math.MinInt64), int64(-1), "B", "x")
	f.Add(int64(math.MinInt64), int64(math.MaxInt64), int64(1), "\x00\xff", strings.Repeat("A", 5_000))
	for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 0.1} {
		f.Add(int64(math.Float64bits(value)), int64(math.Float64bits(value)), int64(1), "", "")
	}
	f.Add(noon.UnixMicro(), int64(2), int64(2), "A", "")
	f.Fuzz(func(t *testing.T, a, b, c int64, text, other string) {
		defer quick(t)()
		for _, list := range lists {
			for _, cursor := range []Cursor{position{[]int64{a, b, c}[:list.numbers], text}.cursor(list.name), Cursor(other)} {
				q := PageQuery{Limit: 2, After: cursor}
				for pages := 0; ; pages++ {
					items, next, err := list.page(q)
					if err != nil && (pages > 0 || !errors.Is(err, ErrInvalid)) {
						t.Fatalf("%s behind %q: %v", list.name, q.After, err)
					}
					if items > 2 || pages > 20 {
						t.Fatalf("%s behind %q has %d items on page %d", list.name, cursor, items, pages)
					}
					if q.After = next; err != nil || next == "" {
						break
					}
				}
			}
		}
	})
}

// FuzzRows reads the JSON that statements about many rows take.
func FuzzRows(f *testing.F) {
	f.Add(int64(1), "A", true, 0.1, int64(0))
	f.Add(int64(math.MinInt64), "a\"b\\c\x00\x1f\u2028é", false, -9e12, endOfTime.UnixMicro())
	f.Fuzz(func(t *testing.T, number int64, text string, yes bool, amount float64, micros int64) {
		at := time.UnixMicro(min(max(micros, 0), endOfTime.UnixMicro())).UTC()
		if math.IsNaN(amount) || math.IsInf(amount, 0) {
			amount = 0 // no row has these
		}
		var r jsonRows
		for range 2 {
			r.begin().int(number).str(text).bool(yes).float(amount).time(at)
		}
		if !utf8.ValidString(text) {
			return // byte by byte, which encoding/json does not read
		}
		var got [][]any
		decoder := json.NewDecoder(strings.NewReader(r.String()))
		decoder.UseNumber()
		if err := decoder.Decode(&got); err != nil || len(got) != 2 {
			t.Fatalf("%s: %v", r.String(), err)
		}
		for _, row := range got {
			n, nErr := row[0].(json.Number).Int64()
			x, xErr := row[3].(json.Number).Float64()
			when, whenErr := time.Parse("2006-01-02 15:04:05.999999999", strings.TrimSuffix(strings.Replace(row[4].(string), "+00:00", "", 1), "Z"))
			if n != number || row[1] != text || x != amount || !when.Equal(at) || errors.Join(nErr, xErr, whenErr) != nil {
				t.Errorf("%d, %q, %g and %s are read back as %v: %v", number, text, amount, at, row, errors.Join(nErr, xErr, whenErr))
			}
		}
		var list []int64
		if err := json.Unmarshal([]byte(ids([]int64{number, 0, number})), &list); err != nil || list[0] != number || list[2] != number {
			t.Errorf("%d is read back as %v: %v", number, list, err)
		}
	})
}

// FuzzRedactDSN looks for a password in what may be shown of a URL.
func FuzzRedactDSN(f *testing.F) {
	f.Add("", "")
	f.Add("p@ss/w?rd#", ":@h/")
	f.Add("%zz", "?password=")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "S3cret7"
		for _, dsn := range []string{
			"postgres://user:" + before + secret + after + "@host/db", "postgres://host/db?password=" + before + secret + after,
		} {
			if shown := RedactDSN(dsn); strings.Contains(shown, secret) {
				t.Errorf("of %q, %q is shown", dsn, shown)
			}
		}
	})
}
