package importer

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/hydraxdev/engagementdb/engagement"
)

// micros is an amount in whole millionths, as the database keeps it.
type micros int64

const mostMicros = micros(engagement.MaxPnL * 1e6)

// units returns an amount as the library takes it. Both ways it comes to the same
// millionths, up to billions.
func (m micros) units() float64 { return float64(m) / 1e6 }

// decimals is which sign a file writes before the decimals. It is learned from the
// first amount that leaves no doubt, and what contradicts it is not read.
type decimals struct {
	mark rune // '.' or ','; 0: not known yet
}

var errNoNumber = errors.New("it is no number")

// parse reads an amount exactly: spaces of all kinds may stand within it, its sign may
// stand apart, behind or as brackets, and thousands may be set apart. An empty text or
// a dash is 0.
func (d *decimals) parse(text string) (micros, error) {
	if len(text) > 64 {
		return 0, errNoNumber
	}
	digits, negative := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || r == '\'' || r == '’' || r == '\u200b' || r == '\ufeff':
			return -1
		case r == '−' || r == '–' || r == '‒':
			return '-'
		}
		return r
	}, text), false
	if in, ok := strings.CutPrefix(digits, "("); ok && strings.HasSuffix(in, ")") {
		digits, negative = in[:len(in)-1], true
	}
	switch {
	case digits == "" || digits == "-":
		return 0, nil
	case strings.ContainsAny(digits, "eE"):
		return scientific(digits)
	case digits[0] == '+' && !negative:
		digits = digits[1:]
	case digits[0] == '-' && !negative:
		digits, negative = digits[1:], true
	case digits[len(digits)-1] == '-' && !negative:
		digits, negative = digits[:len(digits)-1], true
	}
	whole, fraction, err := d.split(digits)
	if err != nil {
		return 0, err
	}
	return exactly(whole, fraction, negative)
}

// split takes a number without its sign apart.
func (d *decimals) split(text string) (whole, fraction string, err error) {
	points, commas := strings.Count(text, "."), strings.Count(text, ",")
	mark := d.mark
	switch {
	case points+commas == 0:
		return text, "", nil
	case points > 0 && commas > 0: // the last is that of the decimals
		mark = rune(text[strings.LastIndexAny(text, ".,")])
	case points > 1:
		mark = ','
	case commas > 1:
		mark = '.'
	case points == 1 && !(d.mark == ',' && grouped(text, ".")):
		mark = '.'
	case commas == 1 && !grouped(text, ","):
		mark = ','
	case commas == 1 && d.mark == 0:
		return "", "", errors.New("the comma may stand before decimals or after thousands")
	}
	if d.mark != 0 && d.mark != mark {
		return "", "", fmt.Errorf("its decimals do not stand behind a %q, as others of the file do", string(d.mark))
	}
	whole, fraction, _ = strings.Cut(text, string(mark))
	other := map[rune]string{'.': ",", ',': "."}[mark]
	if strings.Contains(whole, other) && !grouped(whole, other) || strings.ContainsAny(fraction, ".,") {
		return "", "", errNoNumber
	}
	if fraction != "" || d.mark == 0 && points+commas > 1 {
		d.mark = mark
	}
	return strings.ReplaceAll(whole, other, ""), fraction, nil
}

// grouped reports whether a mark sets thousands apart.
func grouped(text, mark string) bool {
	groups := strings.Split(text, mark)
	for i, group := range groups {
		if !digits(group) || i == 0 && (len(group) > 3 || group[0] == '0') || i > 0 && len(group) != 3 {
			return false
		}
	}
	return len(groups) > 1
}

var errTooLarge = fmt.Errorf("want a number within ±%.0f", engagement.MaxPnL)

// exactly returns a decimal number in millionths, rounded half away from zero.
func exactly(whole, fraction string, negative bool) (micros, error) {
	if whole+fraction == "" || whole != "" && !digits(whole) || fraction != "" && !digits(fraction) {
		return 0, errNoNumber
	}
	var m micros
	for _, digit := range whole {
		if m = m*10 + micros(digit-'0'); m > mostMicros/1e6 {
			return 0, errTooLarge
		}
	}
	for i := range 6 {
		m *= 10
		if i < len(fraction) {
			m += micros(fraction[i] - '0')
		}
	}
	if len(fraction) > 6 && fraction[6] >= '5' {
		m++
	}
	if m > mostMicros {
		return 0, errTooLarge
	}
	if negative {
		m = -m
	}
	return m, nil
}

// scientific reads a number with an exponent, which programs write.
func scientific(text string) (micros, error) {
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || math.IsNaN(f):
		return 0, errNoNumber
	case math.Abs(f) > engagement.MaxPnL:
		return 0, errTooLarge
	}
	return micros(math.Round(f * 1e6)), nil
}
