package engagement

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// MetricDefinition says how a figure that a community has thought of itself is
// computed: a measure, or the ratio of two, for each user, signal or day of a
// window. In YAML:
//
//	name: weekend_execution_rate
//	what: ratio
//	numerator: {what: count, of: fires, filter: {executed: true, weekdays: [saturday, sunday]}}
//	denominator: {what: count, of: fires, filter: {weekdays: [saturday, sunday]}}
//	per: user
//	last_days: 30
//	limit: 10
type MetricDefinition struct {
	Name string `json:"name" yaml:"name"` // as a signal id

	// What is "count", "pnl" (the sum of it), "users" (how many) or "ratio".
	What   string       `json:"what" yaml:"what"`
	Of     string       `json:"of,omitempty" yaml:"of,omitempty"` // "fires" or "trades"; pnl is of trades
	Filter MetricFilter `json:"filter,omitzero" yaml:"filter,omitempty"`
	// A ratio has these in place of Of and Filter.
	Numerator   *MetricPart `json:"numerator,omitempty" yaml:"numerator,omitempty"`
	Denominator *MetricPart `json:"denominator,omitempty" yaml:"denominator,omitempty"`

	Per string `json:"per" yaml:"per"` // "user", "signal" or "day"

	// The window is one of these three; none of them: all time.
	Window   string `json:"window,omitempty" yaml:"window,omitempty"`       // "today", "week" (from Monday), "month" or "all"
	LastDays int    `json:"last_days,omitempty" yaml:"last_days,omitempty"` // that many, today included
	From     string `json:"from,omitempty" yaml:"from,omitempty"`           // with To, as 2026-01-31, both included
	To       string `json:"to,omitempty" yaml:"to,omitempty"`

	// Limit is how many rows there are at most, 1 to MaxLimit; 0: DefaultLimit.
	// Of days it leaves the latest, of users and signals those with the highest
	// values.
	Limit int `json:"limit,omitempty" yaml:"limit,omitempty"`
}

// MetricPart is one side of a ratio.
type MetricPart struct {
	What   string       `json:"what" yaml:"what"` // as in MetricDefinition, but no ratio
	Of     string       `json:"of" yaml:"of"`
	Filter MetricFilter `json:"filter,omitzero" yaml:"filter,omitempty"`
}

// MetricFilter says which facts count. The zero value lets all count.
type MetricFilter struct {
	SignalPrefix string   `json:"signal_prefix,omitempty" yaml:"signal_prefix,omitempty"` // with which the signal id begins
	Executed     *bool    `json:"executed,omitempty" yaml:"executed,omitempty"`           // of fires
	Outcome      []string `json:"outcome,omitempty" yaml:"outcome,omitempty"`             // of trades: "win", "loss", "draw"
	Weekdays     []string `json:"weekdays,omitempty" yaml:"weekdays,omitempty"`           // "monday" to "sunday"
}

// The words of a MetricDefinition.
const (
	whatCount, whatPnL, whatUsers, whatRatio  = "count", "pnl", "users", "ratio"
	ofFires, ofTrades                         = "fires", "trades"
	perUser, perSignal, perDay                = "user", "signal", "day"
	winToday, winWeek, winMonth, winAllOfTime = "today", "week", "month", "all"
)

var weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// ParseMetricDefinition reads a definition in YAML or JSON. What is not a
// definition, a field that there is not and a wrong value are ErrInvalid, which
// names them.
func ParseMetricDefinition(text []byte) (MetricDefinition, error) {
	var tree any
	decoder := yaml.NewDecoder(bytes.NewReader(text)) // JSON is YAML too
	err := decoder.Decode(&tree)
	if errors.Is(err, io.EOF) {
		return MetricDefinition{}, fmt.Errorf("%w metric definition: it is empty", ErrInvalid)
	}
	if err != nil {
		return MetricDefinition{}, fmt.Errorf("%w metric definition: %s", ErrInvalid, yaml.FormatError(err, false, false))
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return MetricDefinition{}, fmt.Errorf("%w metric definition: there is more than one", ErrInvalid)
	}
	// The types of JSON are strict: a name that reads as a number is none.
	asJSON, err := json.Marshal(tree)
	if err != nil {
		return MetricDefinition{}, fmt.Errorf("%w metric definition: %s", ErrInvalid, err)
	}
	d, err := decodeMetric(asJSON)
	if err != nil {
		return MetricDefinition{}, fmt.Errorf("%w metric definition: %w", ErrInvalid, err)
	}
	return d, d.check()
}

func decodeMetric(text []byte) (d MetricDefinition, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err = decoder.Decode(&d)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if wrong.Field == "" {
			return d, fmt.Errorf("it is a %s, want fields and their values", wrong.Value)
		}
		return d, fmt.Errorf("%s: it is a %s, want another type", wrong.Field, wrong.Value)
	}
	return d, err
}

// check returns an ErrInvalid that names the field that is wrong.
func (d MetricDefinition) check() error {
	if err := checkID("metric name", d.Name); err != nil {
		return err
	}
	if err := d.checkFields(); err != nil {
		return fmt.Errorf("%w metric %q: %w", ErrInvalid, d.Name, err)
	}
	return nil
}

func (d MetricDefinition) checkFields() error {
	if err := oneOf("what", d.What, whatCount, whatPnL, whatUsers, whatRatio); err != nil {
		return err
	}
	if err := d.checkParts(); err != nil {
		return err
	}
	if err := oneOf("per", d.Per, perUser, perSignal, perDay); err != nil {
		return err
	}
	if _, err := checkLimit(d.Limit); err != nil {
		return fieldError("limit", d.Limit, fmt.Sprintf("want 1 to %d, or 0 for %d", MaxLimit, DefaultLimit))
	}
	_, err := d.window(0)
	return err
}

func (d MetricDefinition) checkParts() error {
	if d.What != whatRatio {
		switch {
		case d.Numerator != nil:
			return fmt.Errorf("numerator: only a ratio has one")
		case d.Denominator != nil:
			return fmt.Errorf("denominator: only a ratio has one")
		}
		return d.parts()[0].check("")
	}
	switch {
	case d.Of != "":
		return fieldError("of", d.Of, "a ratio has its numerator's and its denominator's")
	case !d.Filter.empty():
		return fmt.Errorf("filter: a ratio has its numerator's and its denominator's")
	case d.Numerator == nil:
		return fmt.Errorf("numerator: a ratio needs one")
	case d.Denominator == nil:
		return fmt.Errorf("denominator: a ratio needs one")
	}
	if err := d.Numerator.check("numerator."); err != nil {
		return err
	}
	return d.Denominator.check("denominator.")
}

// parts are the measures to be read: one, or a ratio's two.
func (d MetricDefinition) parts() []MetricPart {
	if d.What == whatRatio {
		return []MetricPart{*d.Numerator, *d.Denominator}
	}
	return []MetricPart{{What: d.What, Of: d.Of, Filter: d.Filter}}
}

func (p MetricPart) check(path string) error {
	if err := oneOf(path+"what", p.What, whatCount, whatPnL, whatUsers); err != nil {
		return err
	}
	if err := oneOf(path+"of", p.Of, ofFires, ofTrades); err != nil {
		return err
	}
	if p.What == whatPnL && p.Of != ofTrades {
		return fieldError(path+"of", p.Of, "only trades have a P&L")
	}
	return p.Filter.check(path+"filter.", p.Of)
}

func (f MetricFilter) empty() bool {
	return f.SignalPrefix == "" && f.Executed == nil && len(f.Outcome) == 0 && len(f.Weekdays) == 0
}

func (f MetricFilter) check(path, of string) error {
	if f.SignalPrefix != "" {
		if err := checkID("", f.SignalPrefix); err != nil {
			return fieldError(path+"signal_prefix", f.SignalPrefix, "want the beginning of a signal id")
		}
	}
	if f.Executed != nil && of != ofFires {
		return fieldError(path+"executed", *f.Executed, "only fires are executed")
	}
	if len(f.Outcome) > 0 && of != ofTrades {
		return fieldError(path+"outcome", strings.Join(f.Outcome, ", "), "only trades have one")
	}
	for i, outcome := range f.Outcome {
		if err := oneOf(fmt.Sprintf("%soutcome[%d]", path, i), outcome, Win.String(), Loss.String(), Draw.String()); err != nil {
			return err
		}
	}
	for i, day := range f.Weekdays {
		if err := oneOf(fmt.Sprintf("%sweekdays[%d]", path, i), day, weekdays...); err != nil {
			return err
		}
	}
	return nil
}

// fieldError says which field of a definition is wrong and why.
func fieldError(path string, value any, why string) error {
	return fmt.Errorf("%s: %#v: %s", path, value, why)
}

func oneOf(path, value string, known ...string) error {
	if slices.Contains(known, value) {
		return nil
	}
	return fieldError(path, value, "want one of "+strings.Join(known, ", "))
}

// window returns the days that the definition is about, as of today.
func (d MetricDefinition) window(today Day) (Window, error) {
	given := 0
	for _, is := range []bool{d.Window != "", d.LastDays != 0, d.From != "" || d.To != ""} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		return Window{}, fmt.Errorf("window: want only one of window, last_days, and from with to")
	case d.LastDays != 0:
		if d.LastDays < 0 || d.LastDays > MaxLimit {
			return Window{}, fieldError("last_days", d.LastDays, fmt.Sprintf("want 1 to %d", MaxLimit))
		}
		return Window{today - Day(d.LastDays) + 1, today}, nil
	case d.From != "" || d.To != "":
		return d.days()
	case d.Window == "":
		return AllTime(), nil
	}
	if err := oneOf("window", d.Window, winToday, winWeek, winMonth, winAllOfTime); err != nil {
		return Window{}, err
	}
	switch d.Window {
	case winToday:
		return Window{today, today}, nil
	case winWeek:
		return weekOf(today), nil
	case winMonth:
		return monthOf(today), nil
	}
	return AllTime(), nil
}

// days reads From and To.
func (d MetricDefinition) days() (w Window, err error) {
	const form = "want the form 2006-01-02"
	if w.From, err = ParseDay(d.From); err != nil {
		return w, fieldError("from", d.From, form)
	}
	if w.To, err = ParseDay(d.To); err != nil {
		return w, fieldError("to", d.To, form)
	}
	if checkDayRange(w.From, w.To) != nil {
		return w, fieldError("to", d.To, fmt.Sprintf("want a day from %s on, and at most %d days", d.From, MaxLimit))
	}
	return w, nil
}

// DefineMetric stores a definition under its name, in place of an earlier one.
// Every process that uses the database sees it. A definition that is wrong is
// ErrInvalid, which names the field.
func (db *DB) DefineMetric(ctx context.Context, d MetricDefinition) error {
	_, err := write(ctx, db, "define a metric", idempotent, func(w *writing) (struct{}, error) {
		return struct{}{}, w.defineMetric(ctx, d)
	})
	return err
}

// DefineMetric does what [DB.DefineMetric] does, as part of the transaction.
func (tx *Tx) DefineMetric(ctx context.Context, d MetricDefinition) error {
	_, err := join(ctx, tx, "define a metric", func(w *writing) (struct{}, error) {
		return struct{}{}, w.defineMetric(ctx, d)
	})
	return err
}

func (w *writing) defineMetric(ctx context.Context, d MetricDefinition) error {
	if err := d.check(); err != nil {
		return err
	}
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return w.q.SetMetric(ctx, dbgen.SetMetricParams{Name: d.Name, Definition: string(text), UpdatedAt: w.now})
}

// DeleteMetric deletes the definition of that name, or returns ErrNotFound.
func (db *DB) DeleteMetric(ctx context.Context, name string) error {
	_, err := write(ctx, db, "delete a metric", once, func(w *writing) (struct{}, error) {
		return struct{}{}, w.deleteMetric(ctx, name)
	})
	return err
}

// DeleteMetric does what [DB.DeleteMetric] does, as part of the transaction.
func (tx *Tx) DeleteMetric(ctx context.Context, name string) error {
	_, err := join(ctx, tx, "delete a metric", func(w *writing) (struct{}, error) {
		return struct{}{}, w.deleteMetric(ctx, name)
	})
	return err
}

func (w *writing) deleteMetric(ctx context.Context, name string) error {
	if err := checkID("metric name", name); err != nil {
		return err
	}
	deleted, err := w.q.DeleteMetric(ctx, name)
	if err == nil && deleted == 0 {
		err = notFound("metric", name)
	}
	return err
}

// CustomMetric returns the definition of that name, or ErrNotFound.
func (r *Reader) CustomMetric(ctx context.Context, name string) (MetricDefinition, error) {
	return latest(ctx, r, "read a metric", func(v *view) (MetricDefinition, error) {
		return v.customMetric(ctx, name)
	})
}

func (v *view) customMetric(ctx context.Context, name string) (MetricDefinition, error) {
	if err := checkID("metric name", name); err != nil {
		return MetricDefinition{}, err
	}
	row, err := v.q.GetMetric(ctx, name)
	if errors.Is(err, sql.ErrNoRows) {
		return MetricDefinition{}, notFound("metric", name)
	}
	if err != nil {
		return MetricDefinition{}, err
	}
	return storedMetric(row)
}

// CustomMetrics lists all definitions by name; none if there are none.
func (r *Reader) CustomMetrics(ctx context.Context, q PageQuery) (Page[MetricDefinition], error) {
	return latest(ctx, r, "list metrics", func(v *view) (Page[MetricDefinition], error) {
		return v.customMetrics(ctx, q)
	})
}

func (v *view) customMetrics(ctx context.Context, q PageQuery) (Page[MetricDefinition], error) {
	p, err := q.of("metrics", position{})
	if err != nil {
		return Page[MetricDefinition]{}, err
	}
	rows, err := v.q.MetricsAfter(ctx, dbgen.MetricsAfterParams{AfterName: p.after.text, MaxRows: p.rows()})
	if err != nil {
		return Page[MetricDefinition]{}, err
	}
	rows, next := cut(p, rows, func(row dbgen.CustomMetric) position { return position{text: row.Name} })
	page := Page[MetricDefinition]{make([]MetricDefinition, len(rows)), next}
	for i, row := range rows {
		if page.Items[i], err = storedMetric(row); err != nil {
			return Page[MetricDefinition]{}, err
		}
	}
	return page, nil
}

func storedMetric(row dbgen.CustomMetric) (MetricDefinition, error) {
	d, err := decodeMetric([]byte(row.Definition))
	if err == nil {
		err = d.check()
	}
	if err != nil {
		return d, fmt.Errorf("%w: definition of metric %q: %s", ErrCorrupt, row.Name, err)
	}
	return d, nil
}

// MetricValues are what a custom metric comes to, with a page of its rows.
type MetricValues struct {
	Metric MetricDefinition `json:"metric"`
	From   *Day             `json:"from"` // the window; null for all time
	To     *Day             `json:"to"`
	// Horizon is set for a metric that must look at single fires. It answers
	// from that day on, since cleanup has deleted those before.
	Horizon *Day `json:"horizon"`
	Page[MetricRow]
	Timestamp time.Time `json:"timestamp"` // UTC
}

// MetricRow is the value of one user, signal or day. There is one for each that
// has facts which count; in a ratio, which count on either side.
type MetricRow struct {
	Key   string   `json:"key"`   // the user's or signal's id, or the day
	Value *float64 `json:"value"` // null for a ratio whose denominator is 0
	// Of a ratio only.
	Numerator   *float64 `json:"numerator,omitempty"`
	Denominator *float64 `json:"denominator,omitempty"`
}

// EvaluateMetric returns what the metric of that name comes to now, or
// ErrNotFound: users and signals from the highest value on, ties by id, values
// that are null last; days in their order. Fires of some signals by user or by
// day, and users by day of some signals, need single fires: see
// [MetricValues.Horizon]. All else survives cleanup. A fire of a day that is not
// known, as adopted files have them, is on no day and no weekday.
//
// The definition's limit says how many rows there are, q which of them to return.
// Every page reads every user, signal or day of the window, whatever the limits.
func (r *Reader) EvaluateMetric(ctx context.Context, name string, q PageQuery) (MetricValues, error) {
	return snapshot(ctx, r, "evaluate a metric", func(v *view) (_ MetricValues, err error) {
		// FIXME values
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
	return snapshot(ctx, r, "evaluate a metric", func(v *view) (_ MetricValues, err error) {
		// FIXME values
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
	values := MetricValues{Metric: d, Timestamp: v.now}
	days := Window{unknownDay, furthestDay}
	if !w.IsAllTime() {
		days, values.From, values.To = w, &w.From, &w.To
	}
	parts := d.parts()
	if slices.ContainsFunc(parts, func(p MetricPart) bool { return p.needsFires(d.Per) }) {
		horizon, err := v.horizon(ctx)
		if err != nil {
			return MetricValues{}, err
		}
		// The whole of a ratio, for both sides must be of the same days.
		days.From, values.Horizon = max(days.From, horizon), &horizon
	}
	measured := make([]map[metricKey]float64, len(parts))
	for i, part := range parts {
		if measured[i], err = v.measure(ctx, part, d.Per, days); err != nil {
			return MetricValues{}, err
		}
	}
	values.Page = d.rows(measured, p)
	return values, nil
}

// metricKey is a user or a day, or else a signal.
type metricKey struct {
	number int64
	signal string
}

func compareMetricKeys(a, b metricKey) int {
	return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.signal, b.signal))
}

func (k metricKey) text(per string) string {
	switch per {
	case perUser:
		return strconv.FormatInt(k.number, 10)
	case perDay:
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
	return q.of("metric "+string(text), metricPosition(new(float64), metricKey{}))
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

// rows puts what was measured in order, keeps as many as the limit says and returns
// a page of them.
func (d MetricDefinition) rows(measured []map[metricKey]float64, p paging) Page[MetricRow] {
	found := map[metricKey]MetricRow{}
	for _, part := range measured {
		for key := range part {
			row := MetricRow{Key: key.text(d.Per)}
			value := measured[0][key]
			row.Value = &value
			if d.What == whatRatio {
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
	compare := func(a metricKey, value *float64, b metricKey) int {
		if d.Per == perDay {
			return compareMetricKeys(a, b)
		}
		return cmp.Or(compareValues(found[a].Value, value), compareMetricKeys(a, b))
	}
	keys := sortedKeys(found, func(a, b metricKey) int { return compare(a, found[b].Value, b) })
	limit, _ := checkLimit(d.Limit) // checked before
	if beyond := len(keys) - int(limit); beyond > 0 {
		if d.Per == perDay {
			keys = keys[beyond:]
		} else {
			keys = keys[:limit]
		}
	}
	if value, last := metricAt(p.after); !p.first {
		keys = slices.DeleteFunc(keys, func(key metricKey) bool { return compare(key, value, last) <= 0 })
	}
	keys, next := cut(p, keys[:min(len(keys), int(p.rows()))], func(key metricKey) position {
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

// needsFires says whether the counters of days do not hold the measure, so that
// single fires must be read. Each user fires a signal once, so a signal has as
// many users as fires.
func (p MetricPart) needsFires(per string) bool {
	return p.Of == ofFires && p.Filter.SignalPrefix != "" && per != perSignal
}

// measure returns what each user, signal or day comes to. All time is from
// unknownDay to furthestDay.
func (v *view) measure(ctx context.Context, p MetricPart, per string, days Window) (map[metricKey]float64, error) {
	if per == perDay || len(p.Filter.Weekdays) > 0 {
		days.From = max(days.From, unknownDay+1)
	}
	if days.From > days.To {
		return nil, nil // all of it was cleaned up
	}
	if p.Of == ofTrades {
		return v.measureTrades(ctx, p, per, days)
	}
	return v.measureFires(ctx, p, per, days)
}

func (v *view) measureFires(ctx context.Context, p MetricPart, per string, days Window) (map[metricKey]float64, error) {
	first, last, weekdays := int64(days.From), int64(days.To), p.Filter.weekdays()
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
		if p.What == whatUsers {
			measured[key] = float64(users[which])
		}
	}
	split := func(fires, executed int64) [3]int64 { return [3]int64{fires, executed, fires - executed} }
	oneUser := [3]int64{1, 1, 1}

	switch {
	case per == perSignal:
		rows, err := v.q.FiresBySignal(ctx, dbgen.FiresBySignalParams{
			FirstSignal: firstSignal, EndSignal: endSignal, FirstDay: first, LastDay: last, Weekdays: weekdays,
		})
		for _, row := range rows {
			fires := split(row.Fires, row.Executed)
			add(metricKey{signal: row.SignalID}, fires, fires)
		}
		return measured, err
	case per == perUser && p.needsFires(per):
		rows, err := v.q.KeptFiresByUser(ctx, dbgen.KeptFiresByUserParams{
			FirstSignal: firstSignal, EndSignal: endSignal, FirstDay: first, LastDay: last, Weekdays: weekdays,
		})
		for _, row := range rows {
			add(metricKey{number: row.UserID}, split(row.Fires, row.Executed), oneUser)
		}
		return measured, err
	case per == perUser && days == (Window{unknownDay, furthestDay}):
		rows, err := v.q.FiresByUserEver(ctx)
		for _, row := range rows {
			add(metricKey{number: row.UserID}, split(row.Fires, row.Executed), oneUser)
		}
		return measured, err
	case per == perUser:
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

func (v *view) measureTrades(ctx context.Context, p MetricPart, per string, days Window) (map[metricKey]float64, error) {
	params := dbgen.TradesByUserParams{FirstDay: int64(days.From), LastDay: int64(days.To), Weekdays: p.Filter.weekdays()}
	params.FirstSignal, params.EndSignal = p.Filter.signals()
	params.StartOfDays, params.EndOfDays = v.instants(days)
	params.OutcomeA, params.OutcomeB, params.OutcomeC = p.Filter.outcomes()
	measured := map[metricKey]float64{}
	add := func(key metricKey, trades, users, units, micros int64) {
		switch p.What {
		case whatCount:
			measured[key] = float64(trades)
		case whatUsers:
			measured[key] = float64(users)
		case whatPnL:
			measured[key] = fromParts(units, micros)
		}
	}
	switch per {
	case perUser:
		rows, err := v.q.TradesByUser(ctx, params)
		for _, row := range rows {
			add(metricKey{number: row.UserID}, row.Trades, row.Users, row.Units, row.Micros)
		}
		return measured, err
	case perSignal:
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

// fromParts returns a sum that was added up in units and millionths.
func fromParts(units, micros int64) float64 {
	if units > -MaxPnL && units < MaxPnL {
		return fromMicros(units*microsPerUnit + micros)
	}
	return float64(units) + fromMicros(micros)
}

// instants returns the times that bound some days, the first of them and the
// one behind the last.
func (v *view) instants(days Window) (start, end time.Time) {
	start, end = time.Time{}, endOfTime
	if days.From > unknownDay {
		start = days.From.Start(v.loc).UTC()
	}
	if days.To < DayOf(endOfTime, time.UTC)-1 {
		end = (days.To + 1).Start(v.loc).UTC()
	}
	return start, end
}

// signals returns the first signal id that the filter lets through and the
// first beyond: "" for no prefix, when there is none.
func (f MetricFilter) signals() (first, end string) {
	if f.SignalPrefix == "" {
		return "", ""
	}
	return f.SignalPrefix, afterPrefix(f.SignalPrefix)
}

// afterPrefix returns the first text in the order of bytes that is behind all
// signal ids that begin with prefix. It is UTF-8, as PostgreSQL wants.
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

// outcomes returns three that the filter lets through, some of them the same.
func (f MetricFilter) outcomes() (a, b, c string) {
	wanted := f.Outcome
	if len(wanted) == 0 {
		wanted = []string{Win.String(), Loss.String(), Draw.String()}
	}
	wanted = slices.Compact(slices.Sorted(slices.Values(wanted)))
	return wanted[0], wanted[len(wanted)/2], wanted[len(wanted)-1]
}

// weekdays returns a character for each day from Monday on, "1" for those that
// the filter lets through.
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
