package engagement

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

// MetricValues are what a custom metric comes to, with a page of its rows.
type MetricValues struct {
	Metric MetricDefinition `json:"metric"`
	Window Window           `json:"window"` // the definition's, as of today
	// Horizon is set for a metric that must look at single fires. It answers
	// from that day on, since cleanup has deleted those before.
	Horizon *Day `json:"horizon"`
	Page[MetricRow]
	Timestamp time.Time `json:"timestamp"` // UTC
}

// MetricRow is the value of one user, signal or day. There is a row for each that has
// facts which count, in a ratio on either side.
type MetricRow struct {
	Key   string   `json:"key"`   // the user's or signal's id, or the day
	Value *float64 `json:"value"` // null for a ratio whose denominator is 0
	// Of a ratio only.
	Numerator   *float64 `json:"numerator,omitempty"`
	Denominator *float64 `json:"denominator,omitempty"`
}

// EvaluateMetric returns what the metric of that name comes to now, or ErrNotFound:
// users and signals from the highest value on, ties by id, values that are null last;
// days in their order. A metric of fires with a signal prefix, per user or per day,
// needs single fires: see [MetricValues.Horizon]. All other metrics survive cleanup.
// An opening balance is in all time, but on no day and no weekday.
//
// The definition's limit says how many rows there are, q which of them to return.
// Every page reads every user, signal or day of the window, whatever the limits.
func (r *Reader) EvaluateMetric(ctx context.Context, name string, q PageQuery) (MetricValues, error) {
	return snapshot(ctx, r, "evaluate a metric", func(v *view) (MetricValues, error) {
		d, err := v.customMetric(ctx, name)
		if err != nil {
			return MetricValues{}, err
		}
		return v.evaluate(ctx, d, q)
	})
}

// EvaluateDefinition does what [Reader.EvaluateMetric] does for a definition
// that need not be stored.
func (r *Reader) EvaluateDefinition(ctx context.Context, d MetricDefinition, q PageQuery) (MetricValues, error) {
	return snapshot(ctx, r, "evaluate a metric", func(v *view) (MetricValues, error) {
		if err := d.check(); err != nil {
			return MetricValues{}, err
		}
		return v.evaluate(ctx, d, q)
	})
}

func (v *view) evaluate(ctx context.Context, d MetricDefinition, q PageQuery) (MetricValues, error) {
	w, err := d.window(v.today())
	if err != nil {
		return MetricValues{}, err
	}
	p, err := d.page(q)
	if err != nil {
		return MetricValues{}, err
	}
	values := MetricValues{Metric: d, Window: w, Timestamp: v.now}
	days := w.days()
	parts := d.parts()
	if slices.ContainsFunc(parts, func(p MetricPart) bool { return p.needsFires(d.Per) }) {
		horizon, err := v.horizon(ctx)
		if err != nil {
			return MetricValues{}, err
		}
		// For both sides of a ratio, which must be about the same days.
		days.first, values.Horizon = max(days.first, horizon), &horizon
	}
	measured := make([]map[metricKey]float64, len(parts))
	for i, measure := range parts {
		if measured[i], err = v.measure(ctx, measure, d.Per, days); err != nil {
			return MetricValues{}, err
		}
	}
	values.Page = d.rows(measured, p)
	return values, nil
}

// metricKey is the key of a row: the number of a user or a day, or the id of a
// signal.
type metricKey struct {
	number int64
	signal string
}

func compareMetricKeys(a, b metricKey) int {
	return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.signal, b.signal))
}

func (k metricKey) text(per MetricPer) string {
	switch per {
	case PerUser:
		return strconv.FormatInt(k.number, 10)
	case PerDay:
		return Day(k.number).String()
	}
	return k.signal
}

// page checks the query of a page of the rows.
func (d MetricDefinition) page(q PageQuery) (paging, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return paging{}, err
	}
	return q.of("metric "+string(text), metricPosition(new(float64), metricKey{}), nil)
}

// metricPosition is where a row stands among those of a metric; metricAt is its
// inverse.
func metricPosition(value *float64, key metricKey) position {
	if value == nil {
		return position{[]int64{0, 0, key.number}, key.signal}
	}
	return position{[]int64{1, int64(math.Float64bits(*value)), key.number}, key.signal}
}

func metricAt(p position) (value *float64, key metricKey) {
	if p.numbers[0] != 0 {
		number := math.Float64frombits(uint64(p.numbers[1]))
		value = &number
	}
	return value, metricKey{p.numbers[2], p.text}
}

// rows sorts what was measured, keeps as many rows as the definition's limit and
// returns a page of them.
func (d MetricDefinition) rows(measured []map[metricKey]float64, p paging) Page[MetricRow] {
	found := map[metricKey]MetricRow{}
	for _, values := range measured {
		for key := range values {
			row := MetricRow{Key: key.text(d.Per)}
			value := measured[0][key]
			row.Value = &value
			if d.What == WhatRatio {
				denominator := measured[1][key]
				row.Numerator, row.Denominator, row.Value = &value, &denominator, nil
				if denominator != 0 {
					quotient := value / denominator
					row.Value = &quotient
				}
			}
			found[key] = row
		}
	}
	byValue := func(a metricKey, value *float64, b metricKey) int {
		if d.Per == PerDay {
			return compareMetricKeys(a, b)
		}
		return cmp.Or(compareValues(found[a].Value, value), compareMetricKeys(a, b))
	}
	keys := sortedKeys(found, func(a, b metricKey) int { return byValue(a, found[b].Value, b) })
	limit, _ := checkLimit(d.Limit) // checked before
	if beyond := len(keys) - int(limit); beyond > 0 {
		if d.Per == PerDay {
			keys = keys[beyond:]
		} else {
			keys = keys[:limit]
		}
	}
	if value, last := metricAt(p.after); !p.first {
		keys = slices.DeleteFunc(keys, func(key metricKey) bool { return byValue(key, value, last) <= 0 })
	}
	keys, next, _ := cut(p, keys[:min(len(keys), int(p.rows()))], func(key metricKey) position {
		return metricPosition(found[key].Value, key)
	})
	page := Page[MetricRow]{make([]MetricRow, len(keys)), next}
	for i, key := range keys {
		page.Items[i] = found[key]
	}
	return page
}

// compareValues puts the higher value first and null last.
func compareValues(a, b *float64) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return cmp.Compare(*b, *a)
}

// needsFires reports whether single fires must be read because no counter has the
// measure. Each user fires a signal once, so a signal has as many users as fires.
func (p MetricPart) needsFires(per MetricPer) bool {
	return p.Of == OfFires && p.Filter.SignalPrefix != "" && per != PerSignal
}

// measure returns what each user, signal or day comes to.
func (v *view) measure(ctx context.Context, p MetricPart, per MetricPer, days daySpan) (map[metricKey]float64, error) {
	if per == PerDay || len(p.Filter.Weekdays) > 0 {
		days.first = max(days.first, firstDay)
	}
	if days.empty() {
		return nil, nil // all of it was cleaned up
	}
	if p.Of == OfTrades {
		return v.measureTrades(ctx, p, per, days)
	}
	return v.measureFires(ctx, p, per, days)
}

func (v *view) measureFires(ctx context.Context, p MetricPart, per MetricPer, days daySpan) (map[metricKey]float64, error) {
	first, last, weekdays := int64(days.first), int64(days.last), p.Filter.weekdays()
	firstSignal, endSignal := p.Filter.signals()
	measured := map[metricKey]float64{}
	// add takes the fires and users of all fires and of those executed and not.
	add := func(key metricKey, fires, users [3]int64) {
		which := 0
		if p.Filter.Executed != nil {
			which = 2
			if *p.Filter.Executed {
				which = 1
			}
		}
		if fires[which] == 0 {
			return
		}
		measured[key] = float64(fires[which])
		if p.What == WhatUsers {
			measured[key] = float64(users[which])
		}
	}
	split := func(fires, executed int64) [3]int64 { return [3]int64{fires, executed, fires - executed} }
	oneUser := [3]int64{1, 1, 1}

	switch {
	case per == PerSignal:
		rows, err := v.q.FiresBySignal(ctx, dbgen.FiresBySignalParams{
			FirstSignal: firstSignal, EndSignal: endSignal, FirstDay: first, LastDay: last, Weekdays: weekdays,
		})
		for _, row := range rows {
			fires := split(row.Fires, row.Executed)
			add(metricKey{signal: row.SignalID}, fires, fires)
		}
		return measured, err
	case per == PerUser && p.needsFires(per):
		rows, err := v.q.KeptFiresByUser(ctx, dbgen.KeptFiresByUserParams{
			FirstSignal: firstSignal, EndSignal: endSignal, FirstDay: first, LastDay: last, Weekdays: weekdays,
		})
		for _, row := range rows {
			add(metricKey{number: row.UserID}, split(row.Fires, row.Executed), oneUser)
		}
		return measured, err
	case per == PerUser && days == allDays:
		rows, err := v.q.FiresByUserEver(ctx)
		for _, row := range rows {
			add(metricKey{number: row.UserID}, split(row.Fires, row.Executed), oneUser)
		}
		return measured, err
	case per == PerUser:
		rows, err := v.q.FiresByUser(ctx, dbgen.FiresByUserParams{FirstDay: first, LastDay: last, Weekdays: weekdays})
		for _, row := range rows {
			add(metricKey{number: row.UserID}, split(row.Fires, row.Executed), oneUser)
		}
		return measured, err
	case p.needsFires(per):
		rows, err := v.q.KeptFiresByDay(ctx, dbgen.KeptFiresByDayParams{
			FirstSignal: firstSignal, EndSignal: endSignal, FirstDay: first, LastDay: last, Weekdays: weekdays,
		})
		for _, row := range rows {
			add(metricKey{number: row.Day}, split(row.Fires, row.Executed), [3]int64{row.Users, row.UsersExecuted, row.UsersNotExecuted})
		}
		return measured, err
	}
	rows, err := v.q.FiresByDay(ctx, dbgen.FiresByDayParams{FirstDay: first, LastDay: last, Weekdays: weekdays})
	for _, row := range rows {
		add(metricKey{number: row.Day}, split(row.Fires, row.Executed), [3]int64{row.Users, row.UsersExecuted, row.UsersNotExecuted})
	}
	return measured, err
}

func (v *view) measureTrades(ctx context.Context, p MetricPart, per MetricPer, days daySpan) (map[metricKey]float64, error) {
	params := dbgen.TradesByUserParams{FirstDay: int64(days.first), LastDay: int64(days.last), Weekdays: p.Filter.weekdays()}
	params.FirstSignal, params.EndSignal = p.Filter.signals()
	params.StartOfDays, params.EndOfDays = days.instants(v.loc)
	params.OutcomeA, params.OutcomeB, params.OutcomeC = p.Filter.outcomes()
	measured := map[metricKey]float64{}
	add := func(key metricKey, trades, users, units, micros int64) {
		switch p.What {
		case WhatCount:
			measured[key] = float64(trades)
		case WhatUsers:
			measured[key] = float64(users)
		case WhatPnL:
			measured[key] = stats.Sum(units, micros).Units()
		}
	}
	switch per {
	case PerUser:
		rows, err := v.q.TradesByUser(ctx, params)
		for _, row := range rows {
			add(metricKey{number: row.UserID}, row.Trades, row.Users, row.Units, row.Micros)
		}
		return measured, err
	case PerSignal:
		rows, err := v.q.TradesBySignal(ctx, dbgen.TradesBySignalParams(params))
		for _, row := range rows {
			add(metricKey{signal: row.SignalID}, row.Trades, row.Users, row.Units, row.Micros)
		}
		return measured, err
	}
	rows, err := v.q.TradesByDay(ctx, dbgen.TradesByDayParams(params))
	for _, row := range rows {
		add(metricKey{number: row.Day}, row.Trades, row.Users, row.Units, row.Micros)
	}
	return measured, err
}

// signals returns the range of signal ids that the filter selects: from first up to,
// and without, end. Without a prefix both are "", which selects all.
func (f MetricFilter) signals() (first, end string) {
	if f.SignalPrefix == "" {
		return "", ""
	}
	return f.SignalPrefix, afterPrefix(f.SignalPrefix)
}

// afterPrefix returns a text that follows, in the order of bytes, every signal id
// that begins with prefix. It is UTF-8, as PostgreSQL requires.
func afterPrefix(prefix string) string {
	for prefix != "" {
		r, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch {
		case r == utf8.MaxRune:
			continue
		case r+1 == 0xD800: // up to 0xDFFF are no characters
			r = 0xDFFF
		}
		return prefix + string(r+1)
	}
	return strings.Repeat(string(utf8.MaxRune), maxIDBytes) // longer than any id
}

// outcomes returns the outcomes that the filter selects, repeated so that they are
// three.
func (f MetricFilter) outcomes() (a, b, c string) {
	wanted := f.Outcome
	if len(wanted) == 0 {
		wanted = Outcomes()
	}
	wanted = slices.Compact(slices.Sorted(slices.Values(wanted)))
	return wanted[0].String(), wanted[len(wanted)/2].String(), wanted[len(wanted)-1].String()
}

// weekdays returns a character for each day from Monday on, "1" for those that the
// filter selects.
func (f MetricFilter) weekdays() string {
	var mask strings.Builder
	for _, day := range weekdays {
		if len(f.Weekdays) == 0 || slices.Contains(f.Weekdays, day) {
			mask.WriteByte('1')
		} else {
			mask.WriteByte('0')
		}
	}
	return mask.String()
}
