package server

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/hydraxdev/engagementdb/engagement"
)

// signalsPage lists signals.
type signalsPage struct {
	Windows []navItem
	Rows    *table
}

// signalPage is about one signal.
type signalPage struct {
	Figures  []figure
	Notes    []string
	Fires    *chart // nil: not for this visitor
	Latest   *table // nil: not for this visitor
	Quality  []figure
	Equity   *chart
	Forecast *forecast // nil: it is left for later, with the trades
	Part     string    // the only one that is shown; "": all of them
	Later    []later
}

func (s *Server) addSignalPages() {
	s.page("/s", seenByAll, (*visit).signals)
	s.page("/s/{signal}", seenByAll, (*visit).signalPage)
	s.page("/s/{signal}/explain/{figure}", readers, (*visit).explainSignal)
}

func (v *visit) signals() (*shown, error) {
	if id := strings.TrimSpace(v.r.URL.Query().Get("id")); id != "" {
		return &shown{next: "s/" + url.PathEscape(id)}, nil
	}
	var data signalsPage
	err := v.view(func(ctx context.Context, r *engagement.Reader) error {
		w, windows, err := v.window(r, "30d", "today", "week", "7d", "30d", "month", "all")
		if err != nil {
			return err
		}
		page, err := r.PopularSignals(ctx, w, v.after(50))
		if err != nil {
			return err
		}
		data = signalsPage{windows, v.popular(page.Items)}
		data.Rows.Next = v.next(page.Next)
		return nil
	})
	return &shown{template: "signals", title: "Signals", data: data}, err
}

func (v *visit) signalPage() (*shown, error) {
	id := v.r.PathValue("signal")
	reads, err := v.may(readers, 0)
	if err != nil {
		return nil, err
	}
	var data signalPage
	if v.r.URL.Query().Get("part") == "" {
		if err := v.view(func(ctx context.Context, r *engagement.Reader) error {
			if err := v.signalFigures(ctx, r, id, reads, &data); err != nil || !reads {
				return err
			}
			return v.signalFacts(ctx, r, id, &data)
		}); err != nil {
			return nil, err
		}
	}
	data.Later, data.Part, err = v.parts(part{"trades", "Its followers' trades", func(ctx context.Context) error {
		return v.viewWithin(ctx, func(ctx context.Context, r *engagement.Reader) error { return v.signalTrades(ctx, r, id, &data) })
	}})
	return &shown{template: "signal", title: id, data: data}, err
}

// signalTrades adds how good the trades were that followed the signal, and what to expect
// of the next, for which all users' trades are added up.
func (v *visit) signalTrades(ctx context.Context, r *engagement.Reader, id string, data *signalPage) error {
	q, err := r.TradeQuality(ctx, engagement.QualityQuery{SignalID: id})
	if err != nil {
		return err
	}
	f, err := r.Forecast(ctx, engagement.ForecastQuery{SignalID: id})
	if err != nil {
		return err
	}
	data.Quality, data.Equity, data.Forecast = qualityFigures(q), v.equity(q), forecastOf(f)
	data.Equity.Note = "of all trades that followed the signal, on the days on which some closed"
	return nil
}

func (v *visit) signalFigures(ctx context.Context, r *engagement.Reader, id string, reads bool, data *signalPage) error {
	s, err := r.SignalInsight(ctx, id)
	if err != nil {
		return err
	}
	why := func(f engagement.Figure) string {
		if !reads {
			return ""
		}
		return v.root + "s/" + url.PathEscape(id) + "/explain/" + f.String()
	}
	rate := ""
	if s.ExecutionRate != nil {
		rate = percent(*s.ExecutionRate)
	}
	data.Figures = []figure{
		{Name: "Fires", Value: count(s.Fires), Note: "one a user", Href: why(engagement.FigureFires)},
		{Name: "Executed", Value: count(s.Executed), Note: rate, Href: why(engagement.FigureExecuted)},
		{Name: "Half fired within", Value: given(s.MedianDelay, duration), Note: "after the first"},
		{Name: "Nine tenths within", Value: given(s.P90Delay, duration), Note: "after the first"},
	}
	if s.FirstFire != nil && s.LastFire != nil {
		data.Notes = append(data.Notes, fmt.Sprintf("Of the fires kept since %s, the first was %s and the last %s.",
			s.Horizon, v.moment(*s.FirstFire).Text, v.moment(*s.LastFire).Text))
	}
	if s.MedianDelay == nil && s.Fires > s.KeptFires {
		data.Notes = append(data.Notes, "How fast it was followed cannot be told any more: its first fires were cleaned up.")
	}
	return nil
}

// signalFacts adds what readers may see: its days, and who fired last.
func (v *visit) signalFacts(ctx context.Context, r *engagement.Reader, id string, data *signalPage) error {
	e, err := r.ExplainSignal(ctx, id, engagement.FigureFires, engagement.PageQuery{Limit: 1})
	if err != nil {
		return err
	}
	data.Fires = v.explainedDays(e)
	data.Fires.Title, data.Fires.Note = "Fires a day", "days with fires"
	page, err := r.Fires(ctx, engagement.FireFilter{SignalID: id}, engagement.PageQuery{Limit: 12})
	if err != nil {
		return err
	}
	data.Latest = v.fires(page.Items, true)
	return nil
}

func (v *visit) explainSignal() (*shown, error) {
	id, f := v.r.PathValue("signal"), engagement.Figure(v.r.PathValue("figure"))
	var e engagement.Explanation
	if err := v.view(func(ctx context.Context, r *engagement.Reader) (err error) {
		e, err = r.ExplainSignal(ctx, id, f, v.after(50))
		return err
	}); err != nil {
		return nil, err
	}
	data := v.explained(e)
	data.Back = v.signal(id)
	for _, other := range engagement.FiguresOfSignal() {
		data.Others = append(data.Others, navItem{figureNames[other], data.Back.Href + "/explain/" + other.String(), other == f})
	}
	return &shown{template: "explain", title: figureNames[f] + " of " + id, data: data}, nil
}
