package engagement

import (
	"fmt"
	"slices"
	"strings"
)

// named is a type of few values, each of which has a name: its text everywhere.
// The zero value has none; its text is "".
type named interface {
	comparable
	fmt.Stringer
}

// parseNamed returns the value with this name; ErrInvalid if none of all has it.
func parseNamed[E named](what, name string, all []E) (E, error) {
	for _, value := range all {
		if value.String() == name {
			return value, nil
		}
	}
	return *new(E), invalid(what, name, wantOneOf(all))
}

func wantOneOf[E named](all []E) string {
	names := make([]string, len(all))
	for i, value := range all {
		names[i] = value.String()
	}
	return "want one of " + strings.Join(names, ", ")
}

// checkNamed refuses a value that is not one of all.
func checkNamed[E named](what string, value E, all []E) error {
	if slices.Contains(all, value) {
		return nil
	}
	return invalid(what, value, wantOneOf(all))
}

// marshalNamed returns the name of a value, or "" of the zero value.
func marshalNamed[E named](what string, value E, all []E) ([]byte, error) {
	if value == *new(E) {
		return []byte{}, nil
	}
	return []byte(value.String()), checkNamed(what, value, all)
}

// unmarshalNamed reads what marshalNamed returns. It changes nothing if it fails.
func unmarshalNamed[E named](into *E, text []byte, parse func(string) (E, error)) error {
	if len(text) == 0 {
		*into = *new(E)
		return nil
	}
	value, err := parse(string(text))
	if err == nil {
		*into = value
	}
	return err
}
