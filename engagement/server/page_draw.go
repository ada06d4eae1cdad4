package server

import (
	"fmt"
	"math"

	"github.com/hydraxdev/engagementdb/engagement"
)

// chart is a drawing, with the table of what it shows behind it. It is 100 high, as
// wide as it has columns times 10, and stretched to where it stands.
type chart struct {
	Title, Note string
	Legend      []legend
	Columns     []column
	Lines       []line
	Width       int
	Grid        []coordinate
	Y, X        []string // from the top down, from the left on
	Table       *table
	Nothing     bool // all that it would show is 0
}

// leastWidth keeps few columns from being as wide as doors.
const leastWidth = 70

type legend struct{ Class, Text string }

// column is a bar, of parts upon each other, and what it says under the pointer.
type column struct {
	X     int
	Says  string
	Parts []bar
}

type bar struct {
	Class string
	Y, H  coordinate
}

// line is a path through the middle of the columns.
type line struct{ Class, D string }

type coordinate float64

func (c coordinate) String() string { return fmt.Sprintf("%.2f", float64(c)) }

// scale maps values to heights.
type scale struct {
	low, high, step float64
	nothing         bool // every value is 0
}

// scaleOf returns a scale of round steps that has room for values and for 0.
func scaleOf(values ...float64) scale {
	low, high := 0.0, 0.0
	for _, x := range values {
		low, high = min(low, x), max(high, x)
	}
	nothing := low == high
	if nothing {
		high = 1
	}
	raw := (high - low) / 3
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, times := range []float64{1, 2, 2.5, 5, 10} {
		if step*times >= raw*0.999 {
			step *= times
			break
		}
	}
	return scale{math.Floor(low/step) * step, math.Ceil(high/step) * step, step, nothing}
}

func (s scale) y(x float64) coordinate { return coordinate(100 * (s.high - x) / (s.high - s.low)) }

// on draws the steps of a scale, with names for them.
func (c *chart) on(s scale, name func(float64) string) {
	c.Nothing = s.nothing
	for i := 0; ; i++ {
		x := s.high - float64(i)*s.step
		if x < s.low-s.step/2 {
			return
		}
		c.Y = append(c.Y, name(x))
		c.Grid = append(c.Grid, s.y(x))
	}
}

func countName(x float64) string {
	if x != math.Trunc(x) {
		return plain(math.Round(x*100) / 100)
	}
	return grouped(int64(x))
}

// column adds a bar whose parts stand upon each other, the first at the bottom.
func (c *chart) column(s scale, says string, classes []string, values ...float64) {
	col := column{X: 10 * len(c.Columns), Says: says}
	at := 0.0
	for i, x := range values {
		if x > 0 {
			top := s.y(at + x)
			col.Parts = append(col.Parts, bar{classes[i], top, s.y(at) - top})
		}
		at += x
	}
	c.Columns = append(c.Columns, col)
	c.Width = max(10*len(c.Columns), leastWidth)
}

// through adds a line through the columns, one value each.
func (c *chart) through(s scale, class string, values []float64) {
	l := line{Class: class}
	for i, x := range values {
		verb := "L"
		if i == 0 {
			verb = "M"
		}
		l.D += fmt.Sprintf("%s%d %s", verb, 10*i+5, s.y(x))
	}
	if len(values) == 1 {
		l.D += "h1"
	}
	c.Lines = append(c.Lines, l)
}

// between adds the area between two lines through the columns.
func (c *chart) between(s scale, class string, above, below []float64) {
	if len(above) == 0 {
		return
	}
	l := line{Class: class}
	for i, x := range above {
		verb := "L"
		if i == 0 {
			verb = "M"
		}
		l.D += fmt.Sprintf("%s%d %s", verb, 10*i+5, s.y(x))
	}
	for i := len(below) - 1; i >= 0; i-- {
		l.D += fmt.Sprintf("L%d %s", 10*i+5, s.y(below[i]))
	}
	l.D += "Z"
	c.Lines = append(c.Lines, l)
}

// days names the first, the middle and the last day of a chart.
func (c *chart) days(all []engagement.Day) {
	name := func(d engagement.Day) string { return d.Start(utc).Format("2 Jan") }
	switch n := len(all); {
	case n > 1 && 10*n < leastWidth:
		c.X = []string{name(all[0]) + " – " + name(all[n-1])}
	case n > 2:
		c.X = []string{name(all[0]), name(all[n/2]), name(all[n-1])}
	case n > 0:
		c.X = []string{name(all[0])}
	}
}

// firesChart draws the fires of each day: executed, and not.
func (v *visit) firesChart(title string, days []engagement.DayFigures) *chart {
	t := v.table("days", "Nothing was fired in these days.", "Day", "Fires", "Executed", "Rate", "Active users", "New users")
	c := &chart{Title: title, Table: t, Legend: []legend{{"executed", "executed"}, {"fired", "not executed"}}}
	s := scaleOf(values(days, func(d engagement.DayFigures) float64 { return float64(d.Fires) })...)
	c.on(s, countName)
	var names []engagement.Day
	for _, d := range days {
		names = append(names, d.Day)
		c.column(s, fmt.Sprintf("%s: %s fires, %s executed", d.Day, grouped(d.Fires), grouped(d.Executed)),
			[]string{"executed", "fired"}, float64(d.Executed), float64(d.Fires-d.Executed))
		t.add(day(d.Day), count(d.Fires), count(d.Executed), share(d.ExecutionRate), count(d.ActiveUsers), count(d.NewUsers))
	}
	c.days(names)
	return c
}

func values[T any](items []T, of func(T) float64) []float64 {
	out := make([]float64, len(items))
	for i, item := range items {
		out[i] = of(item)
	}
	return out
}
