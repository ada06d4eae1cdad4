package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
)

// print writes value as JSON for programs, or what text returns for people.
func (a *app) print(cmd *cobra.Command, value any, text func() string) error {
	w := cmd.OutOrStdout()
	if !a.json {
		_, err := io.WriteString(w, text())
		return err
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// The types of cells that say how a number reads. An int64 is a count, and any
// other type is shown as fmt shows it.
type (
	id    int64   // without thousands separators
	money float64 // two decimals; JSON has all of them
	share float64 // a part of 1, in percent
)

// plain is a number of any kind, with six decimals at most; nil is shown as a
// dash.
type plain struct{ value *float64 }

// table is rows of cells in aligned columns, numbers flush right.
type table struct {
	header []any // nil: none
	rows   [][]any
	left   bool // numbers flush left too, for a column of unlike things
}

func (t *table) add(cells ...any) { t.rows = append(t.rows, cells) }

func (t *table) String() string { return join(t.lines()) }

func (t *table) lines() []string {
	rows := t.rows
	if t.header != nil {
		rows = append([][]any{t.header}, rows...)
	}
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cellText(cell)))
		}
	}
	lines := make([]string, len(rows))
	for r, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = pad(cellText(cell), widths[i], !t.left && t.isNumeric(i))
		}
		lines[r] = strings.TrimRight(strings.Join(cells, "  "), " ")
	}
	return lines
}

// isNumeric reports whether a column has at least one number; its other cells may say
// that there is none.
func (t *table) isNumeric(column int) bool {
	return slices.ContainsFunc(t.rows, func(row []any) bool {
		if column >= len(row) {
			return false
		}
		switch row[column].(type) {
		case int64, id, money, share, plain:
			return true
		}
		return false
	})
}

func cellText(cell any) string {
	switch v := cell.(type) {
	case int64:
		return humanize.Comma(v)
	case id:
		return strconv.FormatInt(int64(v), 10)
	case money:
		return humanize.FormatFloat("#,###.##", float64(v))
	case plain:
		if v.value == nil {
			return "-"
		}
		return humanize.Commaf(math.Round(*v.value*1e6) / 1e6)
	case share:
		return fmt.Sprintf("%.1f%%", 100*v)
	}
	// Another program may have stored an id with control characters.
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, fmt.Sprint(cell))
}

// counted returns a count with its noun, such as "1 day" or "2,000 days".
func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return cellText(n) + " " + what + "s"
}

func pad(s string, width int, right bool) string {
	space := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
	if right {
		return space + s
	}
	return s + space
}

func join(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// beside puts blocks of lines next to each other.
func beside(gap int, blocks ...[]string) []string {
	var lines []string
	indent := 0
	for _, block := range blocks {
		width := 0
		for i, line := range block {
			if i == len(lines) {
				lines = append(lines, "")
			}
			lines[i] = pad(lines[i], indent, false) + line
			width = max(width, utf8.RuneCountInString(line))
		}
		indent += width + gap
	}
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return lines
}

// clockTime shows a time in the database's zone.
func clockTime(t time.Time, loc *time.Location) string {
	return t.In(loc).Format("2006-01-02 15:04:05 MST")
}
