package engagement

import (
	"errors"
)

// What callers write is read strictly: a field that there is not is ErrInvalid, for
// it is one that was mistyped. A field that is absent leaves what it would set.

// maxJSONBytes is several times as much as the longest of them has, a board of
// MaxLimit users.
const maxJSONBytes = 1 << 20

// readKnown reads JSON of known fields. It changes nothing if it fails.
func readKnown[T any](what string, text []byte, into *T) error {
	read := *into
	if err := decodeOne(text, &read, maxJSONBytes); err != nil {
		if refused, ok := errors.AsType[*InvalidError](err); ok {
			return refused
		}
		return invalid(what, nil, err.Error())
	}
	*into = read
	return nil
}

// UnmarshalJSON refuses a field that a fire does not have.
func (f *Fire) UnmarshalJSON(text []byte) error {
	type fields Fire
	return readKnown("fire", text, (*fields)(f))
}

// UnmarshalJSON refuses a field that a trade does not have.
func (t *Trade) UnmarshalJSON(text []byte) error {
	type fields Trade
	return readKnown("trade", text, (*fields)(t))
}

// UnmarshalJSON refuses a field that a freeze does not have.
func (f *Freeze) UnmarshalJSON(text []byte) error {
	type fields Freeze
	return readKnown("freeze", text, (*fields)(f))
}

// UnmarshalJSON refuses a field that there is not.
func (b *Board) UnmarshalJSON(text []byte) error {
	type fields Board
	return readKnown("board", text, (*fields)(b))
}

// UnmarshalJSON refuses a field that there is not.
func (f *FireFilter) UnmarshalJSON(text []byte) error {
	type fields FireFilter
	return readKnown("filter of fires", text, (*fields)(f))
}

// UnmarshalJSON refuses a field that there is not.
func (f *TradeFilter) UnmarshalJSON(text []byte) error {
	type fields TradeFilter
	return readKnown("filter of trades", text, (*fields)(f))
}

// UnmarshalJSON refuses a field that there is not.
func (q *PageQuery) UnmarshalJSON(text []byte) error {
	type fields PageQuery
	return readKnown("page", text, (*fields)(q))
}

// UnmarshalJSON refuses a field that there is not.
func (q *ForecastQuery) UnmarshalJSON(text []byte) error {
	type fields ForecastQuery
	return readKnown("forecast", text, (*fields)(q))
}

// UnmarshalJSON refuses a field that there is not.
func (q *CalibrationQuery) UnmarshalJSON(text []byte) error {
	type fields CalibrationQuery
	return readKnown("calibration", text, (*fields)(q))
}

// UnmarshalJSON refuses a field that there is not.
func (q *QualityQuery) UnmarshalJSON(text []byte) error {
	type fields QualityQuery
	return readKnown("quality", text, (*fields)(q))
}

// UnmarshalJSON reads what [ParseMetricDefinition] reads, and leaves it to those
// who are given the definition to refuse what does not go together.
func (d *MetricDefinition) UnmarshalJSON(text []byte) error {
	read, err := decodeMetric(text)
	if err == nil {
		*d = read
	}
	return err
}
