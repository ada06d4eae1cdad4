package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestATableOfAPageIsCSVToo(t *testing.T) {
	t.Parallel()
	db := fileDB(t)
	must(db.RecordFire(t.Context(), engagement.Fire{UserID: 7, SignalID: "=1+1", At: db.Today().Start(db.Location())}))(t)
	a := serve(t, db)
	got := a.visit(a.admin(), "/?csv=signals")
	same(t, "CSV", got.body, "Signal,Fires,Executed,Rate\n'=1+1,1,0,0\n")
	same(t, "type", got.header.Get("Content-Type"), "text/csv; charset=utf-8")
	same(t, "no such table", a.visit(a.admin(), "/?csv=x").status, http.StatusNotFound)
}

func TestAUserIsShownInPublicOnlyByAFormThatCarriesItsToken(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn)
		community(t, db)
		a := serve(t, db)
		own, other, reader := a.token(engagement.SelfScope(1)), a.token(engagement.SelfScope(2)), a.token(engagement.ScopeRead)
		is := func() bool { return must(db.IsPublic(t.Context(), 1))(t) }
		for name, tt := range map[string]struct {
			token, csrf string
			status      int
		}{
			"without it":              {own, "", http.StatusForbidden},
			"with another's":          {own, csrfOf(other), http.StatusForbidden},
			"by another user":         {other, csrfOf(other), http.StatusForbidden},
			"by who may only read":    {reader, csrfOf(reader), http.StatusForbidden},
			"by nobody that is known": {"", csrfOf(""), http.StatusUnauthorized},
		} {
			got := a.submit(tt.token, "/u/1/public", url.Values{"csrf": {tt.csrf}, "public": {"yes"}})
			same(t, name, got.status, tt.status)
			checkPage(t, name, got)
		}
		same(t, "from another site", a.submit(own, "/u/1/public", url.Values{"csrf": {csrfOf(own)}, "public": {"yes"}}, "Origin", "https://evil.example").status, http.StatusForbidden)
		same(t, "before", is(), false)
		got := a.submit(own, "/u/1/public", url.Values{"csrf": {csrfOf(own)}, "public": {"yes"}})
		same(t, "then", []any{got.status, got.header.Get("Location"), is()}, []any{http.StatusSeeOther, "../../u/1", true})
		a.submit(own, "/u/1/public", url.Values{"csrf": {csrfOf(own)}, "public": {"no"}})
		same(t, "taken back", is(), false)
	})
}

func TestAMetricIsDefinedSeenAndDeletedByForms(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn)
		community(t, db)
		a := serve(t, db)
		admin, reader := a.admin(), a.token(engagement.ScopeRead)
		form := func(token, text string) url.Values {
			return url.Values{"csrf": {csrfOf(token)}, "definition": {text}}
		}
		same(t, "by who may only read", a.submit(reader, "/m", form(reader, definition)).status, http.StatusForbidden)
		wrong := a.submit(admin, "/m", form(admin, `{"name": "<b>"}`))
		same(t, "wrong", wrong.status, http.StatusBadRequest)
		checkPage(t, "wrong", wrong)
		if !strings.Contains(wrong.body, "&lt;b&gt;") || !strings.Contains(wrong.body, `role="alert"`) {
			t.Errorf("the form does not come back with what was wrong:\n%s", wrong.body)
		}
		got := a.submit(admin, "/m", form(admin, ratio))
		same(t, "defined", []any{got.status, got.header.Get("Location")}, []any{http.StatusSeeOther, "./m/wins"})
		seen := a.visit(admin, "/m/wins")
		checkPage(t, "seen", seen)
		if !strings.Contains(seen.body, "denominator") || !strings.Contains(seen.body, `action="../m/wins/delete"`) {
			t.Errorf("seen:\n%s", seen.body)
		}
		if others := a.visit(reader, "/m/wins").body; strings.Contains(others, "/delete") {
			t.Errorf("a reader is offered what is refused:\n%s", others)
		}
		same(t, "deleted without CSRF", a.submit(admin, "/m/wins/delete", nil).status, http.StatusForbidden)
		same(t, "deleted", a.submit(admin, "/m/wins/delete", form(admin, "")).header.Get("Location"), "../../m")
		same(t, "then", a.visit(admin, "/m/wins").status, http.StatusNotFound)
		same(t, "too long", a.submit(admin, "/m", form(admin, strings.Repeat("x", maxForm))).status, http.StatusRequestEntityTooLarge)
	})
}

func TestAVerificationIsOnDemand(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn)
		community(t, db)
		a := serve(t, db)
		got := a.submit(a.admin(), "/house", url.Values{"csrf": {csrfOf(a.admin())}})
		checkPage(t, "verified", got)
		if got.status != http.StatusOK || !strings.Contains(got.body, "0 differences") {
			t.Errorf("%d:\n%s", got.status, got.body)
		}
		write := a.token(engagement.ScopeWrite)
		same(t, "by who may only write", a.submit(write, "/house", url.Values{"csrf": {csrfOf(write)}}).status, http.StatusForbidden)
	})
}

func TestAnEmptyDatabaseHasPagesThatSayWhatToDo(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		a := serve(t, openDB(t, dsn))
		for path, says := range map[string]string{
			"/": "Nothing has been recorded yet", "/boards": "Nobody is on this board yet", "/boards?ranking=win_rate": "Nobody has 10 wins and losses",
			"/boards?ranking=current_streak": "No streak is alive", "/s": "No signal was fired", "/people": "Nobody", "/forecasts": "No trade could be forecast", "/m": "No metric is defined yet", "/house": "Verify",
		} {
			got := a.visit(a.admin(), path)
			checkPage(t, path, got)
			if got.status != http.StatusOK || !strings.Contains(got.body, says) {
				t.Errorf("%s: %d, without %q\n%s", path, got.status, says, got.body)
			}
		}
	})
}

func TestThePublicSeesNoFactsOneByOne(t *testing.T) {
	t.Parallel()
	db := fileDB(t)
	community(t, db)
	must(db.RecordTrade(t.Context(), engagement.Trade{UserID: 3, TradeID: "secret-trade", PnL: 1}))(t)
	a := serve(t, db, WithPublic())
	for path, hidden := range map[string][]string{
		"/u/3":                          {"secret-trade", "/explain/", "/export", "Last trades", "Show it", "Hide it"},
		"/":                             {"Fires a day", "Who is new", "/u/1", `href="./people"`},
		"/s/" + url.PathEscape(aSignal): {"Who fired last", "Fires a day", "/explain/", "/u/"},
	} {
		shown, all := a.visit("", path), a.visit(a.admin(), path)
		for _, text := range hidden {
			if strings.Contains(shown.body, text) {
				t.Errorf("%s shows everybody %q", path, text)
			}
			if !strings.Contains(all.body, text) && text != "Hide it" && text != "/u/1" && text != "Show it" {
				t.Errorf("%s shows nobody %q", path, text)
			}
		}
	}
	if !strings.Contains(a.visit("", "/boards").body, `href="./u/3"`) || strings.Contains(a.visit("", "/boards").body, `href="./u/1"`) {
		t.Error("of a board, those and only those are links who have agreed to be seen")
	}
}

func TestWhatTakesLongerIsLeftForLaterAndSaysSo(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn)
		community(t, db)
		a := serve(t, db)
		whole := a.visit(a.admin(), "/people")
		a.server.firstPaint = 0
		got := a.visit(a.admin(), "/people?window=90d")
		checkPage(t, "/people", got)
		for _, part := range []string{"activity", "lifecycle", "ending", "cohorts", "hours"} {
			here := `data-part="` + part + `"`
			if !strings.Contains(whole.body, here) || strings.Contains(got.body, here) {
				t.Errorf("%s is not where there is time, or is where there is none", part)
			}
			if !strings.Contains(got.body, `data-later="?part=`+part+`&amp;window=90d"`) {
				t.Errorf("%s is not left for later:\n%s", part, got.body)
			}
			alone := a.visit(a.admin(), "/people?part="+part)
			checkPage(t, part, alone)
			if strings.Count(alone.body, "data-part=") != 1 || !strings.Contains(alone.body, here) || strings.Contains(alone.body, "data-later") {
				t.Errorf("%s alone:\n%s", part, alone.body)
			}
		}
		same(t, "no such part", a.visit(a.admin(), "/people?part=x").status, http.StatusNotFound)
	})
}

func TestWhatIsNotThereIsAPageThatSaysSo(t *testing.T) {
	t.Parallel()
	a := serve(t, fileDB(t))
	got := a.send("", http.MethodGet, "/nothing/here", "", "Accept", "text/html,*/*;q=0.8")
	same(t, "of nothing", got.status, http.StatusNotFound)
	checkPage(t, "of nothing", got)
	same(t, "of nothing, to a program", a.send("", http.MethodGet, "/nothing/here", "").header.Get("Content-Type"), problemType)
	for path, status := range map[string]int{
		"/u/99": 404, "/u/x": 400, "/boards?ranking=x": 400, "/boards?window=x": 400, "/boards?after=x": 400, "/u/99/explain/pnl": 404, "/u/1/explain/x": 400,
		"/s/x": 404, "/s/x/explain/total_fires": 404, "/m/x": 404, "/people?window=all": 400, "/people?window=x": 400, "/s?after=x": 400, "/forecasts?of=x": 400, "/forecasts?part=x": 404,
	} {
		got := a.visit(a.admin(), path)
		same(t, path, got.status, status)
		checkPage(t, path, got)
	}
}

func TestNoQueryBreaksAPage(t *testing.T) {
	t.Parallel()
	db := fileDB(t, atNoon())
	community(t, db)
	a := serve(t, db)
	strange := append([]string{"", "0", "-1", "99999999999999999999", "\x00", "\xff", "0001-01-01..9999-12-31", "10000d"}, hostile...)
	for _, path := range []string{"/", "/boards", "/boards?ranking=pnl", "/u/1", "/u/1/versus", "/u/1/explain/pnl", "/s", "/people", "/forecasts", "/m", "/m/fires", "/house", "/login"} {
		for _, name := range []string{"window", "ranking", "after", "user", "other", "id", "csv", "next", "of", "part"} {
			for _, value := range strange {
				u := must(url.Parse(path))(t)
				q := u.Query()
				q.Set(name, value)
				u.RawQuery = q.Encode()
				if got := a.visit(a.admin(), u.String()); got.status >= 500 {
					t.Errorf("%s: %d", u, got.status)
				} else if strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
					checkPage(t, u.String(), got)
				}
			}
		}
	}
}

// hostile are ids that are markup, or worse, if taken for what they look like.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'onmouseover='alert(1)`, `javascript:alert(1)`, `</title><b class="x">`, `{{.}}`, `a/../b?c#d%2F`,
}

func TestWhatUsersSupplyIsNeverMarkup(t *testing.T) {
	t.Parallel()
	db := fileDB(t)
	for _, id := range hostile {
		must(db.RecordFire(t.Context(), engagement.Fire{UserID: 7, SignalID: id, Executed: true}))(t)
		must(db.RecordTrade(t.Context(), engagement.Trade{UserID: 7, TradeID: id, SignalID: id, PnL: 5}))(t)
	}
	a := serve(t, db)
	token := must(db.CreateToken(t.Context(), engagement.NewToken{Name: hostile[0], Scopes: []engagement.Scope{engagement.ScopeAdmin}}))(t).Secret
	for _, id := range hostile {
		noError(t, db.DefineMetric(t.Context(), engagement.MetricDefinition{Name: id, What: engagement.WhatCount, Of: engagement.OfFires, Per: engagement.PerSignal}))
	}
	paths := []string{"/", "/boards", "/u/7", "/u/7/explain/pnl", "/u/7/explain/executed", "/s", "/m", "/house", "/people", "/login?next=" + url.QueryEscape(hostile[1])}
	for _, id := range hostile {
		paths = append(paths, "/s/"+url.PathEscape(id), "/s/"+url.PathEscape(id)+"/explain/executed", "/m/"+url.PathEscape(id))
	}
	for _, path := range paths {
		got := a.visit(token, path)
		same(t, path, got.status, http.StatusOK)
		checkPage(t, path, got)
		for _, id := range hostile[:3] {
			if strings.Contains(got.body, id) {
				t.Errorf("%s has %s as it is", path, id)
			}
		}
	}
}
