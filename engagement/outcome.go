package engagement

import "fmt"

// Outcome is how a trade ended.
type Outcome int

// The outcomes. The zero value is none of them.
const (
	Win Outcome = iota + 1
	Loss
	Draw
)

// Outcomes lists all outcomes.
func Outcomes() []Outcome { return []Outcome{Win, Loss, Draw} }

// String returns the outcome's name: "win", "loss" or "draw".
func (o Outcome) String() string {
	switch o {
	case Win:
		return "win"
	case Loss:
		return "loss"
	case Draw:
		return "draw"
	}
	return fmt.Sprintf("Outcome(%d)", int(o))
}

// ParseOutcome reads an outcome's name. Anything else is ErrInvalid.
func ParseOutcome(s string) (Outcome, error) { return parseNamed("outcome", s, Outcomes()) }

// MarshalText returns the outcome's name, "" for the zero value.
func (o Outcome) MarshalText() ([]byte, error) { return marshalNamed("outcome", o, Outcomes()) }

// UnmarshalText reads what MarshalText returns.
func (o *Outcome) UnmarshalText(text []byte) error { return unmarshalNamed(o, text, ParseOutcome) }

// outcomeOf returns the given outcome or, if it is zero, that of a P&L.
func outcomeOf(given Outcome, micros int64) (Outcome, error) {
	switch {
	case given != 0:
		return given, checkNamed("outcome", given, Outcomes())
	case micros > 0:
		return Win, nil
	case micros < 0:
		return Loss, nil
	}
	return Draw, nil
}
