package engagement

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// check returns an ErrInvalid that names the field that is wrong.
func (d MetricDefinition) check() error {
	if err := checkID("metric name", d.Name); err != nil {
		return err
	}
	err := d.checkFields()
	if text, failed := json.Marshal(d); err == nil && failed == nil && len(text) > maxDefinitionBytes {
		err = invalid(metricField, nil, tooLong(len(text), maxDefinitionBytes).Error())
	}
	if err != nil {
		return fmt.Errorf("metric %q: %w", d.Name, err)
	}
	return nil
}

func (d MetricDefinition) checkFields() error {
	if err := checkNamed("what", d.What, MetricWhats()); err != nil {
		return err
	}
	if err := d.checkParts(); err != nil {
		return err
	}
	if err := checkNamed("per", d.Per, MetricPers()); err != nil {
		return err
	}
	if _, err := checkLimit(d.Limit); err != nil {
		return err
	}
	_, err := d.window(0)
	return err
}

func (d MetricDefinition) checkParts() error {
	if d.What != WhatRatio {
		switch {
		case d.Numerator != nil:
			return invalid("numerator", nil, "only a ratio has one")
		case d.Denominator != nil:
			return invalid("denominator", nil, "only a ratio has one")
		}
		return d.parts()[0].check("")
	}
	switch {
	case d.Of != "":
		return invalid("of", d.Of, "a ratio has its numerator's and its denominator's")
	case !d.Filter.empty():
		return invalid("filter", nil, "a ratio has its numerator's and its denominator's")
	case d.Numerator == nil:
		return invalid("numerator", nil, "a ratio needs one")
	case d.Denominator == nil:
		return invalid("denominator", nil, "a ratio needs one")
	}
	if err := d.Numerator.check("numerator."); err != nil {
		return err
	}
	return d.Denominator.check("denominator.")
}

// parts are the measures to be read: one, or a ratio's two.
func (d MetricDefinition) parts() []MetricPart {
	if d.What == WhatRatio {
		return []MetricPart{*d.Numerator, *d.Denominator}
	}
	return []MetricPart{{What: d.What, Of: d.Of, Filter: d.Filter}}
}

func (p MetricPart) check(path string) error {
	if err := checkNamed(path+"what", p.What, []MetricWhat{WhatCount, WhatPnL, WhatUsers}); err != nil {
		return err
	}
	if err := checkNamed(path+"of", p.Of, MetricOfs()); err != nil {
		return err
	}
	if p.What == WhatPnL && p.Of != OfTrades {
		return invalid(path+"of", p.Of, "only trades have a P&L")
	}
	return p.Filter.check(path+"filter.", p.Of)
}

func (f MetricFilter) empty() bool {
	return f.SignalPrefix == "" && f.Executed == nil && len(f.Outcome) == 0 && len(f.Weekdays) == 0
}

func (f MetricFilter) check(path string, of MetricOf) error {
	if f.SignalPrefix != "" {
		if err := checkID("", f.SignalPrefix); err != nil {
			return invalid(path+"signal_prefix", f.SignalPrefix, "want the beginning of a signal id")
		}
	}
	if f.Executed != nil && of != OfFires {
		return invalid(path+"executed", *f.Executed, "only fires are executed")
	}
	if len(f.Outcome) > 0 && of != OfTrades {
		return invalid(path+"outcome", f.Outcome[0].String(), "only trades have one")
	}
	for i, outcome := range f.Outcome {
		if err := checkNamed(fmt.Sprintf("%soutcome[%d]", path, i), outcome, Outcomes()); err != nil {
			return err
		}
	}
	for i, day := range f.Weekdays {
		if !slices.Contains(weekdays, day) {
			return invalid(fmt.Sprintf("%sweekdays[%d]", path, i), day, "want one of "+strings.Join(weekdays, ", "))
		}
	}
	return nil
}

// window returns the days that the definition is about, as of today.
func (d MetricDefinition) window(today Day) (Window, error) {
	if d.Window == "" {
		return AllTime(), nil
	}
	return parseWindow(d.Window, today)
}
