package engagement

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// What callers write is read strictly: an unknown field is ErrInvalid, since it is
// most likely mistyped. An absent field leaves what it would set as it is.

// maxJSONBytes is several times the length of the longest of them, a board of
// MaxLimit users.
const maxJSONBytes = 1 << 20

// readKnown reads JSON and refuses unknown fields. It changes nothing if it fails.
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

// UnmarshalJSON refuses an unknown field.
func (f *Fire) UnmarshalJSON(text []byte) error {
	type fields Fire
	return readKnown("fire", text, (*fields)(f))
}

// UnmarshalJSON refuses an unknown field.
func (t *Trade) UnmarshalJSON(text []byte) error {
	type fields Trade
	return readKnown("trade", text, (*fields)(t))
}

// UnmarshalJSON refuses an unknown field.
func (f *Freeze) UnmarshalJSON(text []byte) error {
	type fields Freeze
	return readKnown("freeze", text, (*fields)(f))
}

// UnmarshalJSON refuses an unknown field.
func (b *Board) UnmarshalJSON(text []byte) error {
	type fields Board
	return readKnown("board", text, (*fields)(b))
}

// UnmarshalJSON refuses an unknown field.
func (f *FireFilter) UnmarshalJSON(text []byte) error {
	type fields FireFilter
	return readKnown("filter of fires", text, (*fields)(f))
}

// UnmarshalJSON refuses an unknown field.
func (f *TradeFilter) UnmarshalJSON(text []byte) error {
	type fields TradeFilter
	return readKnown("filter of trades", text, (*fields)(f))
}

// UnmarshalJSON refuses an unknown field.
func (q *PageQuery) UnmarshalJSON(text []byte) error {
	type fields PageQuery
	return readKnown("page", text, (*fields)(q))
}

// UnmarshalJSON refuses an unknown field.
func (q *ForecastQuery) UnmarshalJSON(text []byte) error {
	type fields ForecastQuery
	return readKnown("forecast", text, (*fields)(q))
}

// UnmarshalJSON refuses an unknown field.
func (q *CalibrationQuery) UnmarshalJSON(text []byte) error {
	type fields CalibrationQuery
	return readKnown("calibration", text, (*fields)(q))
}

// UnmarshalJSON refuses an unknown field.
func (q *QualityQuery) UnmarshalJSON(text []byte) error {
	type fields QualityQuery
	return readKnown("quality", text, (*fields)(q))
}

// decodeOne reads a JSON text of at most so many bytes that contains one value. It
// refuses unknown fields.
func decodeOne(text []byte, into any, most int) error {
	if len(text) > most {
		return tooLong(len(text), most)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		value := shortened(wrong.Value)
		if wrong.Field == "" {
			return fmt.Errorf("it is a %s, want fields and their values", value)
		}
		return fmt.Errorf("%s: it is a %s, want another type", wrong.Field, value)
	}
	if _, ok := errors.AsType[*InvalidError](err); ok {
		return err
	}
	if errors.Is(err, io.EOF) {
		return errors.New("it is empty")
	}
	if err != nil {
		return errors.New(shortened(err.Error()))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one")
	}
	return nil
}

func tooLong(size, most int) error {
	return fmt.Errorf("it has %d bytes, want at most %d", size, most)
}
