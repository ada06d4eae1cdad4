package engagement

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"time"
	"unicode/utf8"
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
// refuses unknown fields, and characters that are none: the decoder would put the same
// one in the place of all of them, so that different ids became one.
func decodeOne(text []byte, into any, most int) error {
	if len(text) > most {
		return tooLong(len(text), most)
	}
	if !utf8.Valid(text) {
		return errors.New("it is not UTF-8")
	}
	if half := halfCharacter(text); half != "" {
		return fmt.Errorf("%s is half of a character", half)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		value := shortened(wrong.Value)
		if wrong.Field == "" {
			return fmt.Errorf("got %s, want fields and their values", value)
		}
		return fmt.Errorf("%s: got %s, want %s", wrong.Field, value, inJSON(wrong.Type))
	}
	if wrong, ok := errors.AsType[*time.ParseError](err); ok {
		return fmt.Errorf("got the time %q, want the form 2026-01-31T12:00:00Z or 2026-01-31T12:00:00+02:00", shortened(wrong.Value))
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

// escapes are the escaped characters of a JSON text: pairs of halves, single halves
// (the group), and what else a backslash begins.
var escapes = regexp.MustCompile(`\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)`)

// halfCharacter returns the first escape of a JSON text that is half of a character
// without the other half, or "".
func halfCharacter(text []byte) string {
	if !bytes.Contains(text, []byte(`\u`)) {
		return ""
	}
	for _, found := range escapes.FindAllSubmatch(text, -1) {
		if found[1] != nil {
			return string(found[0])
		}
	}
	return ""
}

// inJSON returns what a value of a type is in JSON, in words.
func inJSON(kind reflect.Type) string {
	switch {
	case reflect.PointerTo(kind).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return "text"
	case kind.Kind() == reflect.Bool:
		return "true or false"
	case kind.Kind() == reflect.Slice:
		return "a list"
	case kind.Kind() == reflect.Float64:
		return "a number within its 64 bits"
	case kind.ConvertibleTo(reflect.TypeFor[int64]()):
		return "a whole number of 64 bits"
	case kind.Kind() == reflect.String:
		return "text"
	}
	return "fields and their values"
}

func tooLong(size, most int) error {
	return fmt.Errorf("it has %d bytes, want at most %d", size, most)
}
