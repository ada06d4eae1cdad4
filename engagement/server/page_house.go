package server

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/hydraxdev/engagementdb/engagement"
)

// housePage is how the database is, for those who keep it.
type housePage struct {
	Figures  []figure
	Commits  []figure
	Verified *verified
	Tokens   *table
	Rules    string
	Version  string
	Import   importForm
}

// verified is what a verification found.
type verified struct {
	OK       bool
	Says     string
	Findings *table
}

func (s *Server) addHousePage() {
	s.page("/house", admins, func(v *visit) (*shown, error) { return v.house(housePage{}) })
	s.form("/house", admins, longestTime, func(v *visit) (*shown, error) {
		started := time.Now()
		report, err := s.db.Verify(v.r.Context())
		if err != nil {
			return nil, err
		}
		return v.house(housePage{Verified: v.verified(report, time.Since(started))})
	})
	s.addImportForm()
}

func (v *visit) verified(report engagement.Report, took time.Duration) *verified {
	data := &verified{OK: report.OK(), Findings: v.table("findings", "Every figure is as it should be.", "Rule", "Of", "Field", "Stored", "Should be")}
	data.Says = fmt.Sprintf("%s users, %s signals and %s days were recomputed from %s fires and %s trades in %s: %s differences.",
		grouped(report.Users), grouped(report.Signals), grouped(report.Days), grouped(report.Fires), grouped(report.Trades),
		took.Round(time.Millisecond), grouped(int64(len(report.Findings))))
	for _, f := range report.Findings {
		data.Findings.add(said(f.Invariant), cell{Text: f.Subject, Class: "id"}, said(f.Field), said(f.Stored), said(f.Expected))
	}
	return data
}

// house shows the page with what was just done.
func (v *visit) house(data housePage) (*shown, error) {
	data.Version = version()
	err := v.view(func(ctx context.Context, r *engagement.Reader) error {
		size, err := r.Size(ctx)
		if err != nil {
			return err
		}
		horizon, err := r.Horizon(ctx)
		if err != nil {
			return err
		}
		upkeep, err := r.Upkeep(ctx)
		if err != nil {
			return err
		}
		data.Figures = append(houseFigures(size, horizon, r), v.lookedAfter(upkeep)...)
		data.Commits = commitFigures(v.s.db.CommitStats())
		rules, err := r.StreakRules(ctx)
		if err != nil {
			return err
		}
		data.Rules = rulesText(rules)
		return v.tokens(ctx, r, &data)
	})
	return &shown{template: "house", title: "House", data: data}, err
}

func houseFigures(size int64, horizon engagement.Day, r *engagement.Reader) []figure {
	return []figure{
		{Name: "Size on disk", Value: cell{Text: humanize.IBytes(uint64(max(size, 0))), Class: "num", raw: strconv.FormatInt(size, 10)}},
		{Name: "Fires kept since", Value: day(horizon), Note: "cleanup moves it; no figure changes"},
		{Name: "Days are those of", Value: said(r.Location().String())},
	}
}

// lookedAfter says when the database was last verified and backed up.
func (v *visit) lookedAfter(u engagement.Upkeep) []figure {
	verified := figure{Name: "Last verified", Value: none(), Note: "never, as far as was noted"}
	if last := u.LastVerify; last != nil {
		verified.Value, verified.Note = v.moment(last.At), grouped(last.Findings)+" "+plural(last.Findings, "difference", "differences")
		if last.Findings > 0 {
			verified.Value.Class += " loss"
		}
	}
	saved := figure{Name: "Last backup", Value: none(), Note: "never, as far as was noted"}
	if u.LastBackup != nil {
		saved.Value, saved.Note = v.moment(*u.LastBackup), humanize.Time(*u.LastBackup)
	}
	return []figure{verified, saved}
}

// commitFigures say how facts shared commits.
func commitFigures(c engagement.CommitStats) []figure {
	if c.Batches == 0 || c.Writes == 0 {
		return nil
	}
	took := func(d time.Duration) cell {
		return cell{Text: d.Round(10 * time.Microsecond).String(), Class: "num", raw: plain(d.Seconds())}
	}
	return []figure{
		{Name: "Commits", Value: count(c.Batches), Note: grouped(c.Writes) + " facts since the server began"},
		{Name: "Facts a commit", Value: decimal(float64(c.Writes) / float64(c.Batches)), Note: "at most " + grouped(c.LargestBatch)},
		{Name: "Wait for a commit", Value: took(c.WaitTotal / time.Duration(c.Writes)), Note: "at most " + took(c.WaitMax).Text},
		{Name: "A commit takes", Value: took(c.CommitTotal / time.Duration(c.Batches)), Note: "at most " + took(c.CommitMax).Text},
		{Name: "Waiting now", Value: count(c.Waiting), Note: "facts"},
	}
}

func rulesText(rules engagement.StreakRules) string {
	var milestones, rest []string
	for _, m := range rules.Milestones {
		milestones = append(milestones, grouped(m))
	}
	for _, d := range rules.RestDays {
		rest = append(rest, d.String())
	}
	text := "No milestone is awarded."
	if len(milestones) > 0 {
		text = "Milestones at " + strings.Join(milestones, ", ") + " days."
	}
	if len(rest) > 0 {
		text += " Days of rest: " + strings.Join(rest, ", ") + "."
	}
	return text + fmt.Sprintf(" At most %d freezes in hand.", rules.FreezeCap)
}

func (v *visit) tokens(ctx context.Context, r *engagement.Reader, data *housePage) error {
	page, err := r.Tokens(ctx, v.after(50))
	if err != nil {
		return err
	}
	data.Tokens = v.table("tokens", "There are none.", "Id", "For", "Scopes", "Made", "Expires", "Last used")
	data.Tokens.Next = v.next(page.Next)
	for _, t := range page.Items {
		var scopes []string
		for _, s := range t.Scopes {
			scopes = append(scopes, string(s))
		}
		expires, used := said("never"), said("never")
		if t.ExpiresAt != nil {
			expires = v.moment(*t.ExpiresAt)
		}
		if t.LastUsed != nil {
			used = v.moment(*t.LastUsed)
		}
		data.Tokens.add(said(t.ID), cell{Text: t.Name, Class: "id"}, said(strings.Join(scopes, ", ")), v.moment(t.CreatedAt), expires, used)
	}
	return nil
}

// version returns what runs: the module's version, if it was built as one, and Go's.
func version() string {
	text := runtime.Version()
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return text
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == "github.com/hydraxdev/engagementdb" && m.Version != "" {
			text = "engagementdb " + m.Version + ", " + text
		}
	}
	return text
}
