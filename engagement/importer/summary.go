package importer

import (
	"strings"
	"unicode"
)

// Summary is what became of a file.
type Summary struct {
	Format  Format `json:"format"`
	Account string `json:"account,omitempty"` // that the trade ids name; "": none
	DryRun  bool   `json:"dry_run"`           // then nothing was recorded, and the counts say what would be

	Read       int64     `json:"read"`       // rows of trades, also those that could not be read or were left out
	Recorded   int64     `json:"recorded"`   // trades that were new
	Duplicates int64     `json:"duplicates"` // trades that were stored already
	Conflicts  int64     `json:"conflicts"`  // trades that are stored with other content
	Unreadable int64     `json:"unreadable"` // rows that could not be read, or that the database refuses
	LeftOut    []LeftOut `json:"left_out"`   // rows that are no closed trades, by reason
	PnL        float64   `json:"pnl"`        // of all trades that could be read, stored before or not

	// AmbiguousTimes is how many times the clock of the zone showed twice, since it was
	// put back; the first of the two was taken.
	AmbiguousTimes int64 `json:"ambiguous_times"`

	Fires *FireCounts `json:"fires,omitempty"` // nil unless fires were asked for

	// Totals are the platform's own, beside ours of the trades that could be read.
	Totals []Total `json:"totals"`

	// Problems are the first rows that were not recorded for a reason of their own, at
	// most 100; MoreProblems is how many are not listed.
	Problems     []RowProblem `json:"problems"`
	MoreProblems int64        `json:"more_problems"`
}

// LeftOut is how many rows were left out for a reason.
type LeftOut struct {
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}

// FireCounts say what became of the fires.
type FireCounts struct {
	Recorded   int64 `json:"recorded"`
	Duplicates int64 `json:"duplicates"` // also: another trade followed the same signal
	Marked     int64 `json:"marked"`     // stored as not executed before
	Refused    int64 `json:"refused"`    // for instance of days whose fires have been cleaned up
}

// Total is a total that the platform states.
type Total struct {
	Name   string  `json:"name"` // in the words of the file
	Theirs float64 `json:"theirs"`
	Ours   float64 `json:"ours"`
	Same   bool    `json:"same"`
}

// Kind is what a problem comes from.
type Kind string

// The kinds of problems.
const (
	Unreadable Kind = "unreadable" // the row cannot be read
	Conflict   Kind = "conflict"   // the trade is stored with other content
	Refused    Kind = "refused"    // the database refuses the fire of a trade
)

// RowProblem is why a row was not recorded.
type RowProblem struct {
	Kind   Kind   `json:"kind"`
	Line   int64  `json:"line"`             // of the file, from 1; of a database the id of the row, of JSON the number of the trade
	Column string `json:"column,omitempty"` // in the words of the file; "": the row as a whole
	Text   string `json:"text,omitempty"`   // what stands there, shortened
	Reason string `json:"reason"`
}

const mostProblems = 100

func (r *Summary) problem(p RowProblem) {
	switch p.Kind {
	case Conflict:
		r.Conflicts++
	case Unreadable:
		r.Unreadable++
	}
	if len(r.Problems) >= mostProblems {
		r.MoreProblems++
		return
	}
	p.Text, p.Column = shortened(p.Text), shortened(p.Column)
	r.Problems = append(r.Problems, p)
}

func (r *Summary) leaveOut(reason string) {
	for i := range r.LeftOut {
		if r.LeftOut[i].Reason == reason {
			r.LeftOut[i].Count++
			return
		}
	}
	r.LeftOut = append(r.LeftOut, LeftOut{reason, 1})
}

// shortened returns the beginning of a text from a file, fit for a message.
func shortened(text string) string {
	const most = 64
	cut := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return unicode.ReplacementChar
		}
		return r
	}, text[:min(len(text), 2*most)])
	if len(cut) <= most {
		return cut
	}
	return strings.TrimRight(strings.ToValidUTF8(cut[:most], ""), string(unicode.ReplacementChar)) + "…"
}
