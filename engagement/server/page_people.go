package server

import (
	"context"
	"fmt"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// peoplePage is how the community comes and goes.
type peoplePage struct {
	Windows   []navItem
	Part      string // the only one that is shown; "": all of them
	Figures   []figure
	Activity  *chart
	Lifecycle *chart
	Cohorts   *table
	Hours     *table
	HoursNote string
	Later     []navItem // parts that take longer, to be loaded by themselves
}

// peopleParts are what the page consists of. Of a large community each may take longer
// than one waits for a page.
var peopleParts = []struct {
	name, title string
	add         func(*visit, context.Context, engagement.Window, *peoplePage) error
}{
	{"activity", "Active users", (*visit).activity}, {"lifecycle", "Who comes and goes", (*visit).lifecycle},
	{"cohorts", "How many come back", (*visit).cohorts}, {"hours", "Hours of the week", (*visit).hours},
}

// firstPaint is how long a page takes that could leave a part for later.
const firstPaint = 75 * time.Millisecond

func (s *Server) addPeoplePage() { s.page("/people", readers, (*visit).people) }

// people shows the part that is asked for or, of all, those that are counted soon enough;
// the others are left for the script, or for who follows the link.
func (v *visit) people() (*shown, error) {
	w, windows, err := v.window(v.s.db.Reader, "30d", "30d", "90d", "365d")
	if err == nil && w.IsAllTime() {
		err = invalid("window", "all", "want days, such as 90d")
	}
	data := peoplePage{Windows: windows, Part: v.r.URL.Query().Get("part")}
	ctx, cancel := context.WithTimeout(v.r.Context(), v.s.firstPaint)
	defer cancel()
	found := false
	for _, part := range peopleParts {
		switch {
		case err != nil:
			return nil, err
		case data.Part == part.name:
			found = true
			err = part.add(v, v.r.Context(), w, &data)
		case data.Part == "":
			if err = part.add(v, ctx, w, &data); ctx.Err() != nil && v.r.Context().Err() == nil {
				data.Later, err = append(data.Later, navItem{Text: part.title, Href: v.with("part", part.name, "csv")}), nil
			}
		}
	}
	if err == nil && data.Part != "" && !found {
		err = kindNotFound.problem("this page has no such part")
	}
	return &shown{template: "people", title: "People", data: data}, err
}

func (v *visit) activity(ctx context.Context, w engagement.Window, data *peoplePage) error {
	days, err := v.s.db.Activity(ctx, w)
	if err != nil {
		return err
	}
	t := v.table("activity", "Nobody was active in these days.", "Day", "On the day", "In 7 days", "In 30 days", "Stickiness")
	c := &chart{
		Title: "Active users", Table: t,
		Legend: []legend{{"executed", "on the day"}, {"new", "in 7 days"}, {"fired", "in 30 days"}},
	}
	s := scaleOf(values(days, func(d engagement.Activity) float64 { return float64(d.MAU) })...)
	c.on(s, countName)
	var names []engagement.Day
	for _, d := range days {
		names = append(names, d.Day)
		c.column(s, fmt.Sprintf("%s: %s on the day, %s in 7 days, %s in 30", d.Day, grouped(d.DAU), grouped(d.WAU), grouped(d.MAU)), nil)
		t.add(day(d.Day), count(d.DAU), count(d.WAU), count(d.MAU), given(d.Stickiness, share))
	}
	c.through(s, "fired", values(days, func(d engagement.Activity) float64 { return float64(d.MAU) }))
	c.through(s, "new", values(days, func(d engagement.Activity) float64 { return float64(d.WAU) }))
	c.through(s, "executed", values(days, func(d engagement.Activity) float64 { return float64(d.DAU) }))
	c.days(names)
	data.Activity = c
	if n := len(days); n > 0 {
		last := days[n-1]
		data.Figures = []figure{
			{Name: "Active today", Value: count(last.DAU), Note: "so far"},
			{Name: "In 7 days", Value: count(last.WAU)},
			{Name: "In 30 days", Value: count(last.MAU)},
			{Name: "Stickiness", Value: given(last.Stickiness, share), Note: "of the days, an active user comes"},
		}
	}
	return nil
}

func (v *visit) lifecycle(ctx context.Context, w engagement.Window, data *peoplePage) error {
	weeks, err := v.s.db.Lifecycle(ctx, w, engagement.Weekly)
	if err != nil {
		return err
	}
	t := v.table("lifecycle", "Nobody was active in these weeks.", "Week of", "Active", "New", "Stayed", "Came back", "Gone")
	c := &chart{
		Title: "Who comes and goes", Table: t,
		Legend: []legend{{"executed", "stayed"}, {"fired", "came back"}, {"new", "new"}, {"lost", "gone"}},
	}
	s := scaleOf(append(values(weeks, func(l engagement.Lifecycle) float64 { return float64(l.Active) }),
		values(weeks, func(l engagement.Lifecycle) float64 { return -float64(l.Dormant) })...)...)
	c.on(s, countName)
	var names []engagement.Day
	for _, l := range weeks {
		names = append(names, l.Start)
		says := fmt.Sprintf("Week of %s: %s stayed, %s came back, %s new, %s gone", l.Start, grouped(l.Returning), grouped(l.Resurrected), grouped(l.New), grouped(l.Dormant))
		c.column(s, says, []string{"executed", "fired", "new"}, float64(l.Returning), float64(l.Resurrected), float64(l.New))
		if l.Dormant > 0 {
			last := &c.Columns[len(c.Columns)-1]
			last.Parts = append(last.Parts, bar{"lost", s.y(0), s.y(-float64(l.Dormant)) - s.y(0)})
		}
		t.add(day(l.Start), count(l.Active), count(l.New), count(l.Returning), count(l.Resurrected), count(l.Dormant))
	}
	c.days(names)
	data.Lifecycle = c
	return nil
}

// heat returns how dark a share is: h0 to h9.
func heat(share float64) string { return fmt.Sprintf("h%d", min(int(share*10), 9)) }

func (v *visit) cohorts(ctx context.Context, w engagement.Window, data *peoplePage) error {
	const weeks = 8
	cohorts, err := v.s.db.Cohorts(ctx, w, engagement.Weekly, weeks)
	if err != nil {
		return err
	}
	head := []string{"First week", "Users"}
	for i := range weeks {
		head = append(head, fmt.Sprintf("+%d", i+1))
	}
	t := v.table("cohorts", "Nobody fired for the first time in these weeks.", head...)
	for _, c := range cohorts {
		cells := []cell{day(c.Start), count(c.Size)}
		for _, n := range c.On {
			if n == nil || c.Size == 0 {
				cells = append(cells, cell{raw: " "})
				continue
			}
			x := float64(*n) / float64(c.Size)
			class := heat(x)
			if *n == 0 {
				class = "h0"
			}
			cells = append(cells, cell{Text: fmt.Sprintf("%.0f%%", 100*x), Class: class, raw: plain(x)})
		}
		t.add(cells...)
	}
	data.Cohorts = t
	return nil
}

func (v *visit) hours(ctx context.Context, w engagement.Window, data *peoplePage) error {
	h, err := v.s.db.Hours(ctx, w)
	if err != nil {
		return err
	}
	head := []string{"Hour"}
	for hour := range 24 {
		head = append(head, fmt.Sprintf("%02d", hour))
	}
	t := v.table("hours", "No fire of these days is kept.", head...)
	data.Hours = t
	data.HoursNote = fmt.Sprintf("%s fires, of days from %s on, in %s time", grouped(h.Total), max(h.Horizon, w.From()), v.s.db.Location())
	if h.Total == 0 {
		return nil
	}
	most := int64(0)
	for _, day := range h.Fires {
		for _, n := range day {
			most = max(most, n)
		}
	}
	for weekday, name := range []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"} {
		cells := []cell{said(name)}
		for _, n := range h.Fires[weekday] {
			cells = append(cells, cell{Text: grouped(n), Class: heat(float64(n) / float64(most)), raw: fmt.Sprint(n)})
		}
		t.add(cells...)
	}
	return nil
}
