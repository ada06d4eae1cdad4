package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/importer"
)

// importForm is the form to which a file is dropped, as it was filled in, and what
// became of the file.
type importForm struct {
	Given   url.Values
	Mistake string
	Summary *imported // nil: no file was read
}

// imported is a summary for people.
type imported struct {
	Says     string
	Notes    []string
	Totals   []total
	Problems []importer.RowProblem
	More     string // that are not listed
}

// total is a total that the platform states, beside ours.
type total struct {
	Name, Says string
	Same       bool
}

// Places are where the signal of a trade may stand.
func (importForm) Places() []string {
	var names []string
	for _, place := range importer.SignalPlaces() {
		names = append(names, string(place))
	}
	return names
}

// First reports whether the form is shown for the first time.
func (f importForm) First() bool { return f.Given == nil }

func (s *Server) addImportForm() {
	s.mux.Handle("POST /house/import", s.visited(longestTime, (*visit).importFile))
}

// mostField is how long a field of the form may be, apart from the file.
const mostField = 4 << 10

// importFile reads a form whose last field is the file, which is imported as it comes.
func (v *visit) importFile() (*shown, error) {
	if err := sameOrigin.Check(v.r); err != nil {
		return nil, kindForbidden.problem("The form comes from another site.")
	}
	if err := v.admit(admins); err != nil {
		return nil, err
	}
	v.r.Body = http.MaxBytesReader(nil, v.r.Body, mostImport)
	parts, err := v.r.MultipartReader()
	if err != nil {
		return nil, invalid("form", nil, "it cannot be read")
	}
	form := importForm{Given: url.Values{}}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			form.Mistake = "No file was chosen."
			break
		}
		if err != nil || len(form.Given) > 2*len(importParams) {
			return nil, invalid("form", nil, "it cannot be read")
		}
		if part.FormName() != "file" {
			value, err := io.ReadAll(io.LimitReader(part, mostField))
			if err != nil {
				return nil, invalid("form", nil, "it cannot be read")
			}
			form.Given.Set(part.FormName(), string(value))
			continue
		}
		v.r.PostForm = form.Given
		if err := v.checkCSRF(); err != nil {
			return nil, err
		}
		if part.FileName() == "" {
			form.Mistake = "No file was chosen."
			break
		}
		if err := form.take(v, part); err != nil {
			return nil, err
		}
		break
	}
	v.r.PostForm = form.Given
	if err := v.checkCSRF(); err != nil {
		return nil, err
	}
	p, err := v.house(housePage{Import: form})
	if err == nil && form.Mistake != "" {
		p.status = http.StatusBadRequest
	}
	return p, err
}

// take imports a file. What is wrong with it, or with what was said of it, is shown in
// the form.
func (f *importForm) take(v *visit, file io.Reader) error {
	o, err := importOptions(f.Given)
	var summary importer.Summary
	if err == nil {
		summary, err = importer.Import(v.r.Context(), v.s.db, file, o)
	}
	err = importProblem(err)
	if p, tooLong := errors.AsType[*Problem](err); tooLong {
		f.Mistake = p.Error()
		return nil
	}
	if err != nil && !errors.Is(err, engagement.ErrInvalid) {
		return err
	}
	if err != nil {
		f.Mistake = err.Error()
	}
	if summary.Read > 0 {
		f.Summary = shownSummary(summary)
	}
	return nil
}

func shownSummary(s importer.Summary) *imported {
	recorded := "recorded"
	if s.DryRun {
		recorded = "would be recorded"
	}
	of := string(s.Format)
	if s.Account != "" {
		of += ", account " + s.Account
	}
	shown := &imported{Problems: s.Problems, Says: fmt.Sprintf("%s: %s rows read; %s %s, %s duplicates, %s in conflict, %s unreadable; P&L %s.",
		of, grouped(s.Read), grouped(s.Recorded), recorded, grouped(s.Duplicates), grouped(s.Conflicts), grouped(s.Unreadable), decimal(s.PnL).Text)}
	for _, c := range s.LeftOut {
		shown.Notes = append(shown.Notes, fmt.Sprintf("Left out: %s %s.", grouped(c.Count), c.Reason))
	}
	if f := s.Fires; f != nil {
		shown.Notes = append(shown.Notes, fmt.Sprintf("Fires: %s %s, %s duplicates, %s marked as executed, %s refused.",
			grouped(f.Recorded), recorded, grouped(f.Duplicates), grouped(f.Marked), grouped(f.Refused)))
	}
	if s.AmbiguousTimes > 0 {
		shown.Notes = append(shown.Notes, fmt.Sprintf("%s times were shown twice by the clocks of the zone; the first was taken.", grouped(s.AmbiguousTimes)))
	}
	for _, t := range s.Totals {
		says := "the same here"
		if !t.Same {
			says = decimal(t.Ours).Text + " here"
		}
		shown.Totals = append(shown.Totals, total{fmt.Sprintf("%s %s", t.Name, decimal(t.Theirs).Text), says, t.Same})
	}
	if s.MoreProblems > 0 {
		shown.More = grouped(s.MoreProblems)
	}
	return shown
}
