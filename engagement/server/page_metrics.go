package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/hydraxdev/engagementdb/engagement"
)

// metricsPage lists the community's own metrics, with a form to define one.
type metricsPage struct {
	Rows     *table
	MayWrite bool
	Text     string // of the form
	Mistake  string
	Examples []metricExample
}

type metricExample struct{ Says, Text string }

// metricExamples are definitions that are worth beginning from.
var metricExamples = []metricExample{
	{"Fires of each user in 30 days", `{"name": "fires_30d", "what": "count", "of": "fires", "per": "user", "window": "30d"}`},
	{"P&L of each signal", `{"name": "signal_pnl", "what": "pnl", "of": "trades", "per": "signal"}`},
	{"Share of wins by day", `{"name": "daily_wins", "what": "ratio", "per": "day", "window": "30d",
  "numerator": {"what": "count", "of": "trades", "filter": {"outcome": ["win"]}},
  "denominator": {"what": "count", "of": "trades", "filter": {"outcome": ["win", "loss"]}}}`},
}

// metricPage is what one metric comes to.
type metricPage struct {
	Definition string
	Window     string
	Note       string
	Values     *table
	MayWrite   bool
	Delete     string // where the form that deletes it goes
}

func (s *Server) addMetricPages() {
	s.page("/m", readers, func(v *visit) (*shown, error) { return v.metrics("", "") })
	s.page("/m/{name}", readers, (*visit).metric)
	s.form("/m", admins, usualTime, (*visit).defineMetric)
	s.form("/m/{name}/delete", admins, usualTime, func(v *visit) (*shown, error) {
		return &shown{next: "m"}, s.db.DeleteMetric(v.r.Context(), v.r.PathValue("name"))
	})
}

func (v *visit) metrics(text, mistake string) (*shown, error) {
	data := metricsPage{Text: text, Mistake: mistake, Examples: metricExamples}
	var err error
	if data.MayWrite, err = v.may(admins, 0); err != nil {
		return nil, err
	}
	if data.Text == "" {
		data.Text = metricExamples[0].Text
	}
	page, err := v.s.db.CustomMetrics(v.r.Context(), v.after(50))
	data.Rows = v.table("metrics", "No metric is defined yet.", "Metric", "What", "Of", "For each", "Window")
	data.Rows.Next = v.next(page.Next)
	for _, d := range page.Items {
		window, of := d.Window, string(d.Of)
		if window == "" {
			window = "all"
		}
		if d.Numerator != nil {
			of = "two measures"
		}
		data.Rows.add(v.metricLink(d.Name), said(string(d.What)), said(of), said(string(d.Per)), said(window))
	}
	return &shown{template: "metrics", title: "Metrics", data: data}, err
}

func (v *visit) metricLink(name string) cell {
	c := cell{Text: name, Class: "id"}
	if name != "." && name != ".." {
		c.Href = v.root + "m/" + url.PathEscape(name)
	}
	return c
}

func (v *visit) defineMetric() (*shown, error) {
	text := v.r.PostForm.Get("definition")
	d, err := engagement.ParseMetricDefinition([]byte(text))
	if err == nil {
		err = v.s.db.DefineMetric(v.r.Context(), d)
	}
	if refused, ok := errors.AsType[*engagement.InvalidError](err); ok {
		p, err := v.metrics(text, refused.Error())
		if err == nil {
			p.status = 400
		}
		return p, err
	}
	return &shown{next: "m/" + url.PathEscape(d.Name)}, err
}

func (v *visit) metric() (*shown, error) {
	name := v.r.PathValue("name")
	var data metricPage
	var err error
	if data.MayWrite, err = v.may(admins, 0); err != nil {
		return nil, err
	}
	data.Delete = v.root + "m/" + url.PathEscape(name) + "/delete"
	err = v.view(func(ctx context.Context, r *engagement.Reader) error {
		values, err := r.EvaluateMetric(ctx, name, v.after(50))
		if err != nil {
			return err
		}
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(values.Metric); err != nil {
			return err
		}
		data.Definition, data.Window = text.String(), values.Window.String()
		if values.Horizon != nil {
			data.Note = fmt.Sprintf("It looks at single fires, which are kept since %s.", *values.Horizon)
		}
		return v.metricValues(values, &data)
	})
	return &shown{template: "metric", title: name, data: data}, err
}

func (v *visit) metricValues(m engagement.MetricValues, data *metricPage) error {
	show := func(x float64) cell { return cell{Text: countName(x), Class: "num", raw: plain(x)} }
	head := []string{map[engagement.MetricPer]string{engagement.PerUser: "User", engagement.PerSignal: "Signal", engagement.PerDay: "Day"}[m.Metric.Per], "Value"}
	ratio := m.Metric.What == engagement.WhatRatio
	switch {
	case ratio:
		show = func(x float64) cell { return cell{Text: fmt.Sprintf("%.4f", x), Class: "num", raw: plain(x)} }
		head = append(head, "Numerator", "Denominator")
	case m.Metric.What == engagement.WhatPnL:
		show = amount
	}
	t := v.table("values", "Nothing counts towards it in its window.", head...)
	t.Next = v.next(m.Next)
	data.Values = t
	for _, row := range m.Items {
		key := cell{Text: row.Key, Class: "day"}
		switch m.Metric.Per {
		case engagement.PerSignal:
			key = v.signal(row.Key)
		case engagement.PerUser:
			id, err := strconv.ParseInt(row.Key, 10, 64)
			if err != nil {
				return err
			}
			if key, err = v.user(id); err != nil {
				return err
			}
		}
		cells := []cell{key, given(row.Value, show)}
		if ratio {
			part := func(x float64) cell { return cell{Text: countName(x), Class: "num", raw: plain(x)} }
			cells = append(cells, given(row.Numerator, part), given(row.Denominator, part))
		}
		t.add(cells...)
	}
	return nil
}
