package engagement

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// MetricDefinition says how a figure that a community has thought of itself is
// computed: a measure, or the ratio of two, for each user, signal or day of a
// window. In JSON:
//
//	{
//		"name": "weekend_execution_rate",
//		"what": "ratio",
//		"numerator": {"what": "count", "of": "fires", "filter": {"executed": true, "weekdays": ["saturday", "sunday"]}},
//		"denominator": {"what": "count", "of": "fires", "filter": {"weekdays": ["saturday", "sunday"]}},
//		"per": "user",
//		"window": "30d",
//		"limit": 10
//	}
type MetricDefinition struct {
	Name string `json:"name"` // as a signal id

	What   MetricWhat   `json:"what"`
	Of     MetricOf     `json:"of,omitempty"` // WhatPnL is of trades
	Filter MetricFilter `json:"filter,omitzero"`
	// A ratio has these in place of Of and Filter.
	Numerator   *MetricPart `json:"numerator,omitempty"`
	Denominator *MetricPart `json:"denominator,omitempty"`

	Per MetricPer `json:"per"`

	// Window is a text that [Reader.ParseWindow] reads, such as "week", "30d" or
	// "2026-01-01..2026-01-31"; empty: all time. It is the text and no [Window],
	// which is of fixed days: "30d" goes on being the latest ones.
	Window string `json:"window,omitempty"`

	// Limit is how many rows there are at most, 1 to MaxLimit; 0: DefaultLimit.
	// Of days it leaves the latest, of users and signals those with the highest
	// values.
	Limit int `json:"limit,omitempty"`
}

// MetricPart is one side of a ratio.
type MetricPart struct {
	What   MetricWhat   `json:"what"` // but WhatRatio
	Of     MetricOf     `json:"of"`
	Filter MetricFilter `json:"filter,omitzero"`
}

// MetricFilter selects the facts that count. The zero value selects all.
type MetricFilter struct {
	SignalPrefix string    `json:"signal_prefix,omitempty"` // with which the signal id begins
	Executed     *bool     `json:"executed,omitempty"`      // of fires
	Outcome      []Outcome `json:"outcome,omitempty"`       // of trades
	Weekdays     []string  `json:"weekdays,omitempty"`      // "monday" to "sunday"
}

var weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// maxDefinitionBytes is how long the JSON of a definition may be.
const maxDefinitionBytes = 64 << 10

// ParseMetricDefinition reads a definition in JSON of at most 64 KB. Text that is not
// a definition, an unknown field and a wrong value are ErrInvalid, which names them.
// (The engagement command reads YAML too.)
func ParseMetricDefinition(text []byte) (MetricDefinition, error) {
	d, err := decodeMetric(text)
	if err != nil {
		return MetricDefinition{}, err
	}
	return d, d.check()
}

// UnmarshalJSON reads what [ParseMetricDefinition] reads, but does not check that the
// fields go together: whatever takes a definition does.
func (d *MetricDefinition) UnmarshalJSON(text []byte) error {
	read, err := decodeMetric(text)
	if err == nil {
		*d = read
	}
	return err
}

// metricField is the name under which a definition is refused as a whole.
const metricField = "metric definition"

// decodeMetric reads a definition and refuses unknown fields and unknown words.
func decodeMetric(text []byte) (MetricDefinition, error) {
	type fields MetricDefinition
	var d fields
	err := decodeOne(text, &d, maxDefinitionBytes)
	switch refused, ok := errors.AsType[*InvalidError](err); {
	case ok && refused.Field != metricField && d.Name != "":
		return MetricDefinition{}, fmt.Errorf("metric %q: %w", shortened(d.Name), refused)
	case ok:
		return MetricDefinition{}, refused
	case err != nil:
		return MetricDefinition{}, invalid(metricField, nil, err.Error())
	}
	return MetricDefinition(d), nil
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
	p, err := q.of("metrics", position{}, ascending)
	if err != nil {
		return Page[MetricDefinition]{}, err
	}
	rows, err := v.q.MetricsAfter(ctx, dbgen.MetricsAfterParams{AfterName: p.after.text, MaxRows: p.rows()})
	if err != nil {
		return Page[MetricDefinition]{}, err
	}
	rows, next, err := cut(p, rows, func(row dbgen.CustomMetric) position { return position{text: row.Name} })
	if err != nil {
		return Page[MetricDefinition]{}, err
	}
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
