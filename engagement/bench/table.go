package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// series is one figure of each round.
type series []float64

func (s series) median() float64 {
	sorted := slices.Sorted(slices.Values(s))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// over divides round by round, because what slows the machine down for a while
// slows both.
func (s series) over(reference series) series {
	ratios := make(series, len(s))
	for i := range s {
		ratios[i] = s[i] / reference[i]
	}
	return ratios
}

// String returns the median and, if they differ, min..max.
func (s series) String() string {
	median, least, most := number(s.median()), number(slices.Min(s)), number(slices.Max(s))
	if least == most {
		return median
	}
	return fmt.Sprintf("%s (%s..%s)", median, least, most)
}

// number formats a figure with about three digits, and all those of a larger
// whole number.
func number(v float64) string {
	switch {
	case v >= 100:
		return thousands(int64(v + 0.5))
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v >= 0.1 || v == 0:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func thousands(v int64) string {
	text := strconv.FormatInt(v, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(int64(n)) + " " + noun + "s"
}

// cell is a figure, or else a text.
type cell struct {
	figure series
	text   string
}

func figure(s series) cell { return cell{figure: s} }
func text(s string) cell   { return cell{text: s} }

var blank = text("–")

func (c cell) String() string {
	if len(c.figure) > 0 {
		return c.figure.String()
	}
	return c.text
}

// atLeast and atMost report whether a median keeps to a target, and whether other
// rounds say otherwise.
func atLeast(target float64, s series) cell {
	return doubtful(verdict(s.median() >= target, "≥ "+number(target)), target, s)
}

func atMost(target float64, s series) cell {
	return doubtful(verdict(s.median() <= target, "≤ "+number(target)), target, s)
}

func verdict(met bool, target string) cell {
	if met {
		return text(target + ": met")
	}
	return text(target + ": **missed**")
}

func doubtful(c cell, target float64, s series) cell {
	if slices.Min(s) < target && slices.Max(s) > target {
		c.text += " within the noise"
	}
	return c
}

// and joins two verdicts in one cell.
func (c cell) and(other cell) cell { return text(c.text + "; " + other.text) }

// row is one line of a table. Cells that its table has more of stay blank.
type row struct {
	name  string
	cells []cell
}

// table is rows with the same columns. The first column is the row's name.
type table struct {
	title   string
	note    string
	columns []string
	rows    []row
	errs    []error
	skipped bool // its note says why
}

// write writes the table as Markdown whose columns are also straight on a
// terminal.
func (t *table) write(w io.Writer) error {
	lines := [][]string{t.columns, make([]string, len(t.columns))}
	for _, r := range t.rows {
		line := []string{r.name}
		for i := range len(t.columns) - 1 {
			c := blank
			if i < len(r.cells) {
				c = r.cells[i]
			}
			line = append(line, c.String())
		}
		lines = append(lines, line)
	}
	widths := make([]int, len(t.columns))
	for _, line := range lines {
		for i, field := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(field))
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "\n## %s\n\n%s\n", t.title, t.note)
	if t.skipped {
		_, err := io.WriteString(w, out.String())
		return err
	}
	out.WriteString("\n")
	for n, line := range lines {
		for i, field := range line {
			pad := " "
			if n == 1 {
				pad = "-"
			}
			fill := strings.Repeat(pad, widths[i]-utf8.RuneCountInString(field))
			if i == 0 {
				out.WriteString("|" + pad + field + fill + pad + "|")
			} else {
				out.WriteString(pad + fill + field + alignment(n) + "|")
			}
		}
		out.WriteString("\n")
	}
	for _, err := range t.errs {
		fmt.Fprintf(&out, "\nFailed: %v\n", err)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// alignment ends a field that stands to the right.
func alignment(line int) string {
	if line == 1 {
		return ":"
	}
	return " "
}
