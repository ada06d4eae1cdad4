package server

import (
	"context"
	"fmt"

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
	Ending    *ending
	Later     []later
}

// ending are the streaks that end today, the longest first.
type ending struct {
	Says  string
	Table *table
}

func (s *Server) addPeoplePage() { s.page("/people", readers, (*visit).people) }

func (v *visit) people() (*shown, error) {
	w, windows, err := v.window(v.s.db.Reader, "30d", "30d", "90d", "365d")
	if err == nil && w.IsAllTime() {
		err = invalid("window", "all", "want days, such as 90d")
	}
	if err != nil {
		return nil, err
	}
	data := peoplePage{Windows: windows}
	adding := func(name, title string, add func(*visit, context.Context, engagement.Window, *peoplePage) error) part {
		return part{name, title, func(ctx context.Context) error { return add(v, ctx, w, &data) }}
	}
	data.Later, data.Part, err = v.parts(
		adding("activity", "Active users", (*visit).activity), adding("lifecycle", "Who comes and goes", (*visit).lifecycle),
		adding("cohorts", "How many come back", (*visit).cohorts), adding("ending", "Streaks that end tonight", (*visit).endingStreaks),
		adding("hours", "Hours of the week", (*visit).hours),
	)
	return &shown{template: "people", title: "People", data: data}, err
}

// endingStreaks adds who must fire today to keep a streak; a few of them, or a page of
// them where they are all that is shown.
func (v *visit) endingStreaks(ctx context.Context, _ engagement.Window, data *peoplePage) error {
	limit := 6
	if v.r.URL.Query().Get("part") != "" {
		limit = 50
	}
	found, err := v.s.db.EndingStreaks(ctx, v.after(limit))
	if err != nil {
		return err
	}
	e := &ending{Says: "Every streak that is alive is kept beyond today.", Table: v.table("ending", "", "User", "Days now", "Longest")}
	switch {
	case found.Users == 1:
		e.Says = "One streak ends at midnight unless its user fires before."
	case found.Users > 1:
		e.Says = grouped(found.Users) + " streaks end at midnight unless their users fire before; the longest first."
	}
	for _, streak := range found.Items {
		who, err := v.user(streak.UserID)
		if err != nil {
			return err
		}
		e.Table.add(who, count(streak.Current), count(streak.Longest))
	}
	if found.Next != "" {
		e.Table.Next, e.Table.Go = v.with("part", "ending"), "All of them"
		if limit > 6 {
			e.Table.Next, e.Table.Go = v.next(found.Next), ""
		}
	}
	data.Ending = e
	return nil
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
