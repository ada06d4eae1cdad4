package engagement_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement"
)

// evaluate computes a metric that is known to be well formed, fact by fact.
func (m *model) evaluate(d engagement.MetricDefinition) engagement.MetricValues {
	values := engagement.MetricValues{Metric: d, Page: engagement.Page[engagement.MetricRow]{Items: []engagement.MetricRow{}}, Timestamp: m.now}
	from, to := m.metricDays(d)
	if from != nil {
		values.Window = engagement.Days(*from, *to)
	}
	parts := []engagement.MetricPart{{What: d.What, Of: d.Of, Filter: d.Filter}}
	if d.What == "ratio" {
		parts = []engagement.MetricPart{*d.Numerator, *d.Denominator}
	}
	for _, p := range parts {
		if p.Of == "fires" && p.Filter.SignalPrefix != "" && d.Per != "signal" {
			horizon := m.horizon
			values.Horizon = &horizon
		}
	}
	counted := func(day engagement.Day) bool {
		return (from == nil || day >= *from && day <= *to) && (values.Horizon == nil || day >= *values.Horizon)
	}
	sides := make([]map[string]float64, len(parts))
	keys := map[string]bool{}
	for i, p := range parts {
		sides[i] = m.measure(p, d.Per, counted)
		for key := range sides[i] {
			keys[key] = true
		}
	}
	for key := range keys {
		value := sides[0][key]
		row := engagement.MetricRow{Key: key, Value: &value}
		if d.What == "ratio" {
			whole := sides[1][key]
			row.Numerator, row.Denominator = &value, &whole
			quotient := value / whole
			if row.Value = &quotient; whole == 0 {
				row.Value = nil
			}
		}
		values.Items = append(values.Items, row)
	}
	slices.SortFunc(values.Items, func(a, b engagement.MetricRow) int {
		worst := func(v *float64) float64 {
			if v == nil {
				return math.Inf(-1)
			}
			return *v
		}
		byKey := cmp.Compare(a.Key, b.Key)
		if d.Per == "user" {
			var x, y int64
			_, _ = fmt.Sscan(a.Key, &x)
			_, _ = fmt.Sscan(b.Key, &y)
			byKey = cmp.Compare(x, y)
		}
		if d.Per == "day" {
			return byKey
		}
		return cmp.Or(cmp.Compare(worst(b.Value), worst(a.Value)), byKey)
	})
	limit := d.Limit
	if limit == 0 {
		limit = engagement.DefaultLimit
	}
	if n := len(values.Items) - limit; n > 0 {
		if d.Per == "day" {
			values.Items = values.Items[n:]
		} else {
			values.Items = values.Items[:limit]
		}
	}
	return values
}

// metricDays returns nothing for all time.
func (m *model) metricDays(d engagement.MetricDefinition) (from, to *engagement.Day) {
	first, last := m.today(), m.today()
	weekday := func(day engagement.Day) time.Weekday { return time.Unix(int64(day)*86400, 0).UTC().Weekday() }
	date := func(day engagement.Day) time.Time { return time.Unix(int64(day)*86400, 0).UTC() }
	switch {
	case strings.Contains(d.Window, ".."):
		from, to, _ := strings.Cut(d.Window, "..")
		first, _ = engagement.ParseDay(from)
		last, _ = engagement.ParseDay(to)
	case strings.HasSuffix(d.Window, "d"):
		n, _ := strconv.Atoi(strings.TrimSuffix(d.Window, "d"))
		first = last - engagement.Day(n-1)
	case d.Window == "week":
		for weekday(first) != time.Monday {
			first--
		}
		last = first + 6
	case d.Window == "month":
		for date(first).Day() != 1 {
			first--
		}
		for date(last+1).Month() == date(first).Month() {
			last++
		}
	case d.Window != "today":
		return nil, nil
	}
	return &first, &last
}

func (m *model) measure(p engagement.MetricPart, per engagement.MetricPer, counted func(engagement.Day) bool) map[string]float64 {
	passes := func(signal string, day engagement.Day) bool {
		weekday := strings.ToLower(time.Unix(int64(day)*86400, 0).UTC().Weekday().String())
		return counted(day) && strings.HasPrefix(signal, p.Filter.SignalPrefix) &&
			(len(p.Filter.Weekdays) == 0 || slices.Contains(p.Filter.Weekdays, weekday))
	}
	key := func(user int64, signal string, day engagement.Day) string {
		return map[engagement.MetricPer]string{"user": fmt.Sprint(user), "signal": signal, "day": day.String()}[per]
	}
	facts, micros, users := map[string]int64{}, map[string]int64{}, map[string]map[int64]bool{}
	count := func(key string, user, pnl int64) {
		facts[key]++
		micros[key] += pnl
		if users[key] == nil {
			users[key] = map[int64]bool{}
		}
		users[key][user] = true
	}
	if p.Of == "fires" {
		for i, f := range m.fires {
			if !passes(f.SignalID, f.day) || (f.fate == orphaned && per != "signal") ||
				(p.Filter.Executed != nil && *p.Filter.Executed != f.Executed) {
				continue
			}
			user := f.UserID
			if per == "signal" {
				user = int64(i) // a signal has as many users as fires
			}
			count(key(f.UserID, f.SignalID, f.day), user, 0)
		}
	} else {
		for _, t := range m.trades {
			if !passes(t.SignalID, t.day) || (per == "signal" && t.SignalID == "") ||
				(len(p.Filter.Outcome) > 0 && !slices.Contains(p.Filter.Outcome, t.Outcome)) {
				continue
			}
			count(key(t.UserID, t.SignalID, t.day), t.UserID, t.micros)
		}
	}
	values := map[string]float64{}
	for key, n := range facts {
		switch p.What {
		case "count":
			values[key] = float64(n)
		case "pnl":
			values[key] = float64(micros[key]) / 1e6
		case "users":
			values[key] = float64(len(users[key]))
		}
	}
	return values
}

// drawMetric draws any definition that is well formed.
func (m *model) drawMetric(t *rapid.T) engagement.MetricDefinition {
	d := engagement.MetricDefinition{
		Name:  "drawn",
		Per:   rapid.SampledFrom(engagement.MetricPers()).Draw(t, "per"),
		Limit: rapid.SampledFrom([]int{0, 0, 1, 2, 10_000}).Draw(t, "limit"),
	}
	if rapid.IntRange(0, 2).Draw(t, "ratio") == 0 {
		numerator, denominator := drawMetricPart(t, "numerator"), drawMetricPart(t, "denominator")
		d.What, d.Numerator, d.Denominator = "ratio", &numerator, &denominator
	} else {
		part := drawMetricPart(t, "measure")
		d.What, d.Of, d.Filter = part.What, part.Of, part.Filter
	}
	switch window := rapid.SampledFrom([]string{"", "all", "today", "week", "month", "last", "range"}).Draw(t, "window"); window {
	case "last":
		d.Window = fmt.Sprintf("%dd", rapid.IntRange(1, 10).Draw(t, "last days"))
	case "range":
		from := m.today() - engagement.Day(rapid.IntRange(-1, 12).Draw(t, "from"))
		d.Window = from.String() + ".." + (from + engagement.Day(rapid.IntRange(0, 12).Draw(t, "days"))).String()
	default:
		d.Window = window
	}
	return d
}

func drawMetricPart(t *rapid.T, label string) engagement.MetricPart {
	what := rapid.SampledFrom([]engagement.MetricPart{
		{What: "count", Of: "fires"}, {What: "users", Of: "fires"},
		{What: "count", Of: "trades"}, {What: "users", Of: "trades"}, {What: "pnl", Of: "trades"},
	})
	p := what.Draw(t, label)
	p.Filter.SignalPrefix = rapid.SampledFrom([]string{"", "", "EURUSD", "EURUSD_LONG_001", "p", "Z"}).Draw(t, "prefix")
	if rapid.Bool().Draw(t, "on weekdays") {
		p.Filter.Weekdays = rapid.SliceOfN(rapid.SampledFrom([]string{
			"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
		}), 1, 5).Draw(t, "weekdays")
	}
	if p.Of == "fires" {
		yes, no := true, false
		p.Filter.Executed = rapid.SampledFrom([]*bool{nil, &yes, &no}).Draw(t, "executed")
	} else {
		p.Filter.Outcome = rapid.SampledFrom([][]engagement.Outcome{
			nil, {engagement.Win}, {engagement.Loss, engagement.Win}, {engagement.Draw, engagement.Loss},
			{engagement.Win, engagement.Draw, engagement.Loss}, {engagement.Draw, engagement.Draw},
		}).Draw(t, "outcome")
	}
	return p
}

// signalInsight sorts what is kept of a signal's fires.
func (m *model) signalInsight(signal string) (engagement.SignalInsight, bool) {
	insight := engagement.SignalInsight{SignalID: signal, Horizon: m.horizon}
	var kepts []time.Time
	for _, f := range m.fires {
		if f.SignalID != signal {
			continue
		}
		insight.Fires++
		if f.Executed {
			insight.Executed++
		}
		if f.fate == kept {
			kepts = append(kepts, f.At)
		}
	}
	if insight.Fires == 0 {
		return insight, false
	}
	rate := float64(insight.Executed) / float64(insight.Fires)
	insight.ExecutionRate, insight.KeptFires = &rate, int64(len(kepts))
	if len(kepts) == 0 {
		return insight, true
	}
	slices.SortFunc(kepts, time.Time.Compare)
	insight.FirstFire, insight.LastFire = &kepts[0], &kepts[len(kepts)-1]
	if insight.KeptFires < insight.Fires || len(kepts) == 1 {
		return insight, true
	}
	var delays []float64
	for _, at := range kepts[1:] {
		delays = append(delays, float64(at.Sub(kepts[0]).Microseconds())/1e6)
	}
	nearest := func(part float64) *float64 {
		return &delays[int(math.Ceil(part*float64(len(delays))))-1]
	}
	insight.MedianDelay, insight.P90Delay = nearest(0.5), nearest(0.9)
	return insight, true
}

// explain gives a figure as the sum of single facts. user is 0 for a signal's.
func (m *model) explain(user int64, signal string, figure engagement.Figure) engagement.Explanation {
	e := engagement.Explanation{UserID: user, SignalID: signal, Figure: figure, Horizon: m.horizon, Exact: true, Days: []engagement.FigureDay{}}
	days := map[engagement.Day]engagement.FigureDay{}
	add := func(day engagement.Day, value float64, decided int64) {
		d := days[day]
		days[day] = engagement.FigureDay{Day: day, Value: d.Value + value, Decided: d.Decided + decided}
	}
	first, last := engagement.Day(1), engagement.Day(math.MaxInt64)
	if figure == engagement.FigureStreak {
		first, last = m.currentRun(user)
	}
	fires := func(f modelFire) bool {
		return (user == 0 && f.SignalID == signal || user != 0 && f.UserID == user && f.fate != orphaned) &&
			(figure != engagement.FigureExecuted || f.Executed) && f.day >= first && f.day <= last
	}
	trades := func(t modelTrade) bool {
		wanted, one := map[engagement.Figure]engagement.Outcome{
			engagement.FigureWins: engagement.Win, engagement.FigureLosses: engagement.Loss, engagement.FigureDraws: engagement.Draw,
		}[figure]
		return t.UserID == user && (!one || t.Outcome == wanted) && (figure != engagement.FigureWinRate || t.Outcome != engagement.Draw)
	}
	switch figure {
	case engagement.FigureFires, engagement.FigureExecuted, engagement.FigureStreak:
		for _, f := range m.fires {
			if !fires(f) {
				continue
			}
			if figure != engagement.FigureStreak || days[f.day].Value == 0 {
				add(f.day, 1, 0)
			}
		}
		e.Fires = m.newestFirst(fires)
	default:
		for _, t := range m.trades {
			switch {
			case !trades(t):
			case figure == engagement.FigurePnL:
				add(t.day, float64(t.micros), 0)
			case figure == engagement.FigureWinRate && t.Outcome == engagement.Win:
				add(t.day, 1, 1)
			case figure == engagement.FigureWinRate:
				add(t.day, 0, 1)
			default:
				add(t.day, 1, 0)
			}
		}
		e.Trades = m.lastClosedFirst(trades)
	}
	var sum, before, decided float64
	for _, d := range days {
		sum, decided = sum+d.Value, decided+float64(d.Decided)
		if e.Fires != nil && d.Day < m.horizon {
			before += d.Value
		}
		if figure == engagement.FigurePnL {
			d.Value /= 1e6
		}
		if d.Value != 0 || d.Decided != 0 {
			e.Days = append(e.Days, d)
		}
	}
	slices.SortFunc(e.Days, func(a, b engagement.FigureDay) int { return cmp.Compare(a.Day, b.Day) })
	switch {
	case figure == engagement.FigurePnL:
		sum /= 1e6
	case figure == engagement.FigureWinRate && decided > 0:
		sum /= decided
	}
	e.Value, e.Sum, e.BeforeHorizon, e.FromFacts = sum, sum, before, sum-before
	return e
}

// currentRun returns the first and last active day of a user's streak, or days
// that no day lies between.
func (m *model) currentRun(user int64) (first, last engagement.Day) {
	first, last = 1, 0
	for i, day := range m.life(user).days {
		if i == 0 {
			first = day.Day
		}
		if day.Kind == engagement.ActiveDay {
			last = day.Day
		}
	}
	return first, last
}
