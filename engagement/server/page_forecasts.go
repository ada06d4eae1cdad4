package server

import (
	"context"
	"fmt"
	"math"

	"github.com/hydraxdev/engagementdb/engagement"
)

// forecastsPage is how good past forecasts were.
type forecastsPage struct {
	Of, Windows []navItem
	Part        string // "": the page is whole
	Scored      *scored
	Later       []later
}

// scored is what forecasts came to, and the drawing of it.
type scored struct {
	Figures []figure
	Says    string
	Points  []point
	Line    string // through the points
	Ticks   []tick
	Table   *table
	Nothing bool
}

// point is where forecasts of some probability are, in a square of 100 by 100: the larger
// the more there are.
type point struct {
	X, Y, R coordinate
	Says    string
}

type tick struct {
	At   coordinate // from the left, and from the top with 100 taken away
	Text string
}

// Top is where a tick is from the top.
func (t tick) Top() coordinate { return 100 - t.At }

func (s *Server) addForecastsPage() { s.page("/forecasts", readers, (*visit).forecasts) }

func (v *visit) forecasts() (*shown, error) {
	w, windows, err := v.window(v.s.db.Reader, "all", "7d", "30d", "90d", "365d", "all")
	if err != nil {
		return nil, err
	}
	q := engagement.CalibrationQuery{Window: w}
	of := v.r.URL.Query().Get("of")
	switch of {
	case "", "users":
	case "signals":
		q.BySignal = true
	default:
		return nil, invalid("of", of, "want users or signals")
	}
	data := forecastsPage{Windows: windows, Of: []navItem{{"Of users", v.with("of", "users"), !q.BySignal}, {"Of signals", v.with("of", "signals"), q.BySignal}}}
	data.Later, data.Part, err = v.parts(part{"calibration", "Predicted, and what happened", func(ctx context.Context) error {
		c, err := v.s.db.ScoreForecasts(ctx, q)
		if err == nil {
			data.Scored = v.scored(c)
		}
		return err
	}})
	return &shown{template: "forecasts", title: "Forecasts", data: data}, err
}

func (v *visit) scored(c engagement.Calibration) *scored {
	score := func(x float64) cell { return cell{Text: fmt.Sprintf("%.3f", x), Class: "num", raw: plain(x)} }
	s := &scored{
		Figures: []figure{
			{Name: "Trades forecast", Value: count(c.Forecasts), Note: grouped(c.TooEarly) + " came too early"},
			{Name: "Brier score", Value: given(c.Brier, score), Note: "0 is perfect, 0.25 is tossing a coin"},
			{Name: "Of the base rate", Value: given(c.BaseBrier, score), Note: "saying the community's win rate each time"},
			{Name: "Skill", Value: given(c.Skill, share), Note: "of the base rate's error, saved"},
		},
		Nothing: c.Forecasts == 0,
	}
	s.Says = "On the dashed line, what was predicted is what happened. Above it, more trades were won than predicted."
	s.Table = v.table("calibration", fmt.Sprintf("No trade could be forecast: that takes %d wins and losses before it.", engagement.DefaultMinDecided),
		"Predicted", "Forecasts", "Predicted on average", "Won")
	for _, bin := range c.Bins {
		if bin.Forecasts == 0 || bin.MeanForecast == nil || bin.WinRate == nil {
			continue
		}
		name := fmt.Sprintf("%.0f–%.0f%%", 100*bin.From, 100*bin.To)
		x, y := coordinate(100**bin.MeanForecast), coordinate(100*(1-*bin.WinRate))
		s.Points = append(s.Points, point{
			X: x, Y: y, R: coordinate(0.8 + 4*math.Sqrt(float64(bin.Forecasts)/float64(c.Forecasts))),
			Says: fmt.Sprintf("Predicted %s: %s forecasts, on average %s; %s were won", name, grouped(bin.Forecasts), percent(*bin.MeanForecast), percent(*bin.WinRate)),
		})
		verb := "L"
		if s.Line == "" {
			verb = "M"
		}
		s.Line += fmt.Sprintf("%s%s %s", verb, x, y)
		s.Table.add(said(name), count(bin.Forecasts), share(*bin.MeanForecast), share(*bin.WinRate))
	}
	for at := 0; at <= 100; at += 25 {
		s.Ticks = append(s.Ticks, tick{coordinate(at), fmt.Sprintf("%d%%", at)})
	}
	return s
}
