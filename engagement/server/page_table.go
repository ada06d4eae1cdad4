package server

import (
	"encoding/csv"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// table is a table of a page, which can be had as CSV.
type table struct {
	ID    string
	Head  []string
	Rows  []tableRow
	Empty string // what to say while there are no rows
	CSV   string // a link
	Next  string // a link to its next page, or ""
	Go    string // what that link says; "": Next page
}

type tableRow struct {
	Cells []cell
	Here  bool // the one that the page is about
}

type cell struct {
	Text, Href string
	Class      string // num: a figure; win and loss: what it means; h0 to h9: how dark
	raw        string // in CSV; "": Text
}

// table returns a table of this page.
func (v *visit) table(id, empty string, head ...string) *table {
	t := &table{ID: id, Head: head, Empty: empty, CSV: v.with("csv", id)}
	v.tables[id] = t
	return t
}

func (t *table) add(cells ...cell) {
	t.Rows = append(t.Rows, tableRow{Cells: cells})
}

// Align is the class of the heading above a column, which is aligned as its cells are.
func (t *table) Align(column int) string {
	if len(t.Rows) > 0 && column < len(t.Rows[0].Cells) && strings.HasPrefix(t.Rows[0].Cells[column].Class, "num") {
		return "num"
	}
	return ""
}

// writeCSV writes the table for spreadsheets: a text that one would take for a formula
// has an apostrophe before it.
func (t *table) writeCSV(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+t.ID+`.csv"`)
	out := csv.NewWriter(w)
	_ = out.Write(t.Head) // who does not listen any more is told nothing
	for _, row := range t.Rows {
		var line []string
		for _, c := range row.Cells {
			text := c.raw
			if text == "" {
				if text = c.Text; text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
					text = "'" + text
				}
			}
			line = append(line, text)
		}
		_ = out.Write(line)
	}
	out.Flush()
	return nil
}

// grouped returns a whole number with its thousands apart.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, text = "−", text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return sign + text
}

func percent(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }

// amountText returns a sum of money, with its sign.
func amountText(a float64) string {
	cents := math.Round(math.Abs(a) * 100)
	if cents >= 1<<53 { // no such sum has cents
		return strconv.FormatFloat(a, 'g', 15, 64)
	}
	text := fmt.Sprintf("%s.%02d", grouped(int64(cents)/100), int64(cents)%100)
	switch {
	case cents == 0:
		return "0.00"
	case a < 0:
		return "−" + text
	}
	return "+" + text
}

func said(text string) cell     { return cell{Text: text} }
func count(n int64) cell        { return cell{Text: grouped(n), Class: "num", raw: strconv.FormatInt(n, 10)} }
func rank(n int64) cell         { return cell{Text: grouped(n), Class: "rank", raw: strconv.FormatInt(n, 10)} }
func share(x float64) cell      { return cell{Text: percent(x), Class: "num", raw: plain(x)} }
func day(d engagement.Day) cell { return cell{Text: d.String(), Class: "day"} }
func none() cell                { return cell{Text: "–", Class: "num none", raw: " "} }

func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func decimal(x float64) cell { return cell{Text: fmt.Sprintf("%.2f", x), Class: "num", raw: plain(x)} }

func amount(x float64) cell {
	c := cell{Text: amountText(x), Class: "num", raw: plain(x)}
	switch {
	case x > 0:
		c.Class += " win"
	case x < 0:
		c.Class += " loss"
	}
	return c
}

// given is a figure that there may not be.
func given[T any](x *T, show func(T) cell) cell {
	if x == nil {
		return none()
	}
	return show(*x)
}

func (v *visit) moment(t time.Time) cell {
	return cell{Text: t.In(v.s.db.Location()).Format("2006-01-02 15:04"), Class: "day", raw: t.UTC().Format(time.RFC3339)}
}

// user names a user, with a link if the visitor may see that user's page.
func (v *visit) user(id int64) (cell, error) {
	c := cell{Text: strconv.FormatInt(id, 10), Class: "id user", raw: strconv.FormatInt(id, 10)}
	allowed := v.caller.token.Allows(engagement.ScopeRead) || v.caller.isUser(id)
	var err error
	if !allowed && v.s.public {
		allowed, err = v.reader.IsPublic(v.r.Context(), id)
	}
	if allowed {
		c.Href = v.root + "u/" + c.Text
	}
	return c, err
}

// signal names a signal. The path has no room for an id that is a way through folders.
func (v *visit) signal(id string) cell {
	c := cell{Text: id, Class: "id"}
	if id != "." && id != ".." && id != "" {
		c.Href = v.root + "s/" + url.PathEscape(id)
	}
	return c
}

// duration returns a number of seconds as people say it.
func duration(seconds float64) cell {
	c := cell{Class: "num", raw: plain(seconds)}
	switch {
	case seconds < 120:
		c.Text = fmt.Sprintf("%.0f s", seconds)
	case seconds < 2*3600:
		c.Text = fmt.Sprintf("%.0f min", seconds/60)
	case seconds < 48*3600:
		c.Text = fmt.Sprintf("%.1f h", seconds/3600)
	default:
		c.Text = fmt.Sprintf("%.1f days", seconds/86400)
	}
	return c
}

// figure is a figure with its name, and what there is to say of it.
type figure struct {
	Name, Note, Href string
	Value            cell
	Live             string // the field of today's figures that it shows
}
