package server

import (
	"context"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

// tableOf returns a table of a page as its CSV has it.
func tableOf(t *testing.T, a *api, path, name string) [][]string {
	t.Helper()
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	got := a.visit(a.admin(), path+join+"csv="+name)
	return must(csv.NewReader(strings.NewReader(got.body)).ReadAll())(t)[1:]
}

func TestWhoMustFireTonightIsNamed(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn, atNoon())
		a := serve(t, db)
		if page := a.visit(a.admin(), "/people").body; !strings.Contains(page, "Every streak that is alive is kept beyond today.") {
			t.Errorf("with nobody:\n%s", page)
		}
		for user := int64(1); user <= 60; user++ {
			for ago := range 1 + user%2 {
				must(db.RecordFire(context.Background(), engagement.Fire{UserID: user, SignalID: fmt.Sprint("S_", ago), At: noon.AddDate(0, 0, -1-int(ago))}))(t)
			}
		}
		must(db.RecordFire(context.Background(), engagement.Fire{UserID: 1, SignalID: "S_TODAY", At: noon}))(t)
		page := a.visit(a.admin(), "/people").body
		if !strings.Contains(page, "59 streaks end at midnight") || !strings.Contains(page, ">All of them →<") {
			t.Errorf("the page:\n%s", page)
		}
		same(t, "the longest", tableOf(t, a, "/people", "ending"), [][]string{{"3", "2", "2"}, {"5", "2", "2"}, {"7", "2", "2"}, {"9", "2", "2"}, {"11", "2", "2"}, {"13", "2", "2"}})
		same(t, "all of them, on the first page", len(tableOf(t, a, "/people?part=ending", "ending")), 50)
		next := a.visit(a.admin(), "/people?part=ending").body
		_, next, _ = strings.Cut(next, `rel="next" href="`)
		next, _, _ = strings.Cut(next, `"`)
		same(t, "on the second", len(tableOf(t, a, "/people"+strings.ReplaceAll(next, "&amp;", "&"), "ending")), 9)
	})
}

func TestWhoIsNewIsNamed(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn, atNoon())
		a := serve(t, db)
		for user := int64(1); user <= 9; user++ {
			must(db.RecordFire(context.Background(), engagement.Fire{UserID: user, SignalID: "S", At: noon.AddDate(0, 0, -3)}))(t)
		}
		page := a.visit(a.admin(), "/").body
		if want := `On 2026-01-11: <a href="./u/1">1</a>, `; !strings.Contains(page, want) || !strings.Contains(page, "and 3 more") {
			t.Errorf("without %s:\n%s", want, page)
		}
		must(db.RecordFire(context.Background(), engagement.Fire{UserID: 70, SignalID: "S", At: noon}))(t)
		if page := a.visit(a.admin(), "/").body; !strings.Contains(page, `Today: <a href="./u/70">70</a></p>`) {
			t.Errorf("today:\n%s", page)
		}
	})
}

func TestForecastsAreDrawnAgainstWhatHappened(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn, atNoon())
		a := serve(t, db)
		for i := range 60 {
			pnl := -5.0
			if i%4 != 0 {
				pnl = 5
			}
			must(db.RecordTrade(context.Background(), engagement.Trade{
				UserID: int64(1 + i%2), TradeID: fmt.Sprint(i), SignalID: "S", PnL: pnl, ClosedAt: noon.AddDate(0, 0, -60+i),
			}))(t)
		}
		for path, q := range map[string]engagement.CalibrationQuery{
			"/forecasts": {}, "/forecasts?of=signals": {BySignal: true}, "/forecasts?window=30d": {Window: engagement.Days(db.Today()-29, db.Today())},
		} {
			want := must(db.ScoreForecasts(context.Background(), q))(t)
			var rows [][]string
			for _, bin := range want.Bins {
				if bin.Forecasts > 0 {
					rows = append(rows, []string{fmt.Sprintf("%.0f–%.0f%%", 100*bin.From, 100*bin.To), fmt.Sprint(bin.Forecasts), plain(*bin.MeanForecast), plain(*bin.WinRate)})
				}
			}
			same(t, path, tableOf(t, a, path, "calibration"), rows)
			page := a.visit(a.admin(), path).body
			if n := strings.Count(page, "<circle"); n != len(rows) || n == 0 || !strings.Contains(page, fmt.Sprintf("<dd class=\"num\">%d</dd>", want.Forecasts)) {
				t.Errorf("%s: %d circles for %d rows:\n%s", path, n, len(rows), page)
			}
			for _, bin := range want.Bins { // where it is, is what it says
				if bin.Forecasts > 0 && !strings.Contains(page, fmt.Sprintf(`cx="%.2f" cy="%.2f"`, 100**bin.MeanForecast, 100*(1-*bin.WinRate))) {
					t.Errorf("%s: no circle for %+v", path, bin)
				}
			}
		}
		a.server.firstPaint = 0
		if page := a.visit(a.admin(), "/forecasts?of=signals").body; !strings.Contains(page, `data-later="?of=signals&amp;part=calibration"`) || strings.Contains(page, "<circle") {
			t.Errorf("without time:\n%s", page)
		}
	})
}

func TestTheHouseSaysWhenItWasLookedAfter(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn, atNoon())
		community(t, db)
		a := serve(t, db)
		if page := a.visit(a.admin(), "/house").body; strings.Count(page, "never, as far as was noted") != 2 {
			t.Errorf("at first:\n%s", page)
		}
		same(t, "verified", a.send(a.admin(), "POST", "/v1/verify", "").status, 200)
		at := noon.AddDate(0, 0, -1)
		noError(t, db.NoteUpkeep(context.Background(), engagement.Upkeep{LastBackup: &at}))
		page := a.visit(a.admin(), "/house").body
		for _, want := range []string{`<dd class="day">2026-01-14 12:00</dd><dd class="note">0 differences</dd>`, `<dd class="day">2026-01-13 12:00</dd>`, "facts since the server began", "Waiting now"} {
			if !strings.Contains(page, want) {
				t.Errorf("without %s:\n%s", want, page)
			}
		}
	})
}
