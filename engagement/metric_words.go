package engagement

// MetricWhat is what a metric measures.
type MetricWhat string

// What a metric measures. The zero value is none of them.
const (
	WhatCount MetricWhat = "count" // how many facts
	WhatPnL   MetricWhat = "pnl"   // the sum of their P&L
	WhatUsers MetricWhat = "users" // how many users
	WhatRatio MetricWhat = "ratio" // of two of the others
)

// MetricWhats lists all that a metric can measure.
func MetricWhats() []MetricWhat { return []MetricWhat{WhatCount, WhatPnL, WhatUsers, WhatRatio} }

// String returns the word: "count", "pnl", "users" or "ratio".
func (w MetricWhat) String() string { return string(w) }

// ParseMetricWhat reads such a word. Anything else is ErrInvalid.
func ParseMetricWhat(s string) (MetricWhat, error) { return parseNamed("what", s, MetricWhats()) }

// MarshalText returns the word, "" for the zero value.
func (w MetricWhat) MarshalText() ([]byte, error) { return marshalNamed("what", w, MetricWhats()) }

// UnmarshalText reads what MarshalText returns.
func (w *MetricWhat) UnmarshalText(text []byte) error {
	return unmarshalNamed(w, text, ParseMetricWhat)
}

// MetricOf is the kind of facts that a metric is about.
type MetricOf string

// The kinds of facts. The zero value is none of them.
const (
	OfFires  MetricOf = "fires"
	OfTrades MetricOf = "trades"
)

// MetricOfs lists all kinds of facts.
func MetricOfs() []MetricOf { return []MetricOf{OfFires, OfTrades} }

// String returns the word: "fires" or "trades".
func (o MetricOf) String() string { return string(o) }

// ParseMetricOf reads such a word. Anything else is ErrInvalid.
func ParseMetricOf(s string) (MetricOf, error) { return parseNamed("of", s, MetricOfs()) }

// MarshalText returns the word, "" for the zero value.
func (o MetricOf) MarshalText() ([]byte, error) { return marshalNamed("of", o, MetricOfs()) }

// UnmarshalText reads what MarshalText returns.
func (o *MetricOf) UnmarshalText(text []byte) error { return unmarshalNamed(o, text, ParseMetricOf) }

// MetricPer says what each row of a metric is about.
type MetricPer string

// What a row can be about. The zero value is none of them.
const (
	PerUser   MetricPer = "user"
	PerSignal MetricPer = "signal"
	PerDay    MetricPer = "day"
)

// MetricPers lists all that a row can be about.
func MetricPers() []MetricPer { return []MetricPer{PerUser, PerSignal, PerDay} }

// String returns the word: "user", "signal" or "day".
func (p MetricPer) String() string { return string(p) }

// ParseMetricPer reads such a word. Anything else is ErrInvalid.
func ParseMetricPer(s string) (MetricPer, error) { return parseNamed("per", s, MetricPers()) }

// MarshalText returns the word, "" for the zero value.
func (p MetricPer) MarshalText() ([]byte, error) { return marshalNamed("per", p, MetricPers()) }

// UnmarshalText reads what MarshalText returns.
func (p *MetricPer) UnmarshalText(text []byte) error { return unmarshalNamed(p, text, ParseMetricPer) }
