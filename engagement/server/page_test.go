package server

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/hydraxdev/engagementdb/engagement"
)

// Who sees which page, with the letters of whoMay.
var whoSees = map[string]string{
	"/":      "PRASTO",
	"/login": "NPRWASTO",

	"/boards": "PRASTO",
	"/boards?ranking=win_rate&window=7d&user=1": "PRASTO",
	"/boards?ranking=pnl&user=99":               "PRASTO",
	"/boards?ranking=longest_streak&user=x":     "PRASTO",
	"/boards?ranking=current_streak&user=1":     "PRASTO",

	"/s":                              "PRASTO",
	"/s?window=all":                   "PRASTO",
	"/s/{signal}":                     "PRASTO",
	"/s/{signal}/explain/total_fires": "RA",
	"/s/{signal}/explain/executed":    "RA",
	"/people":                         "RA",
	"/people?window=90d":              "RA",
	"/m":                              "RA",
	"/m/fires":                        "RA",
	"/house":                          "A",

	"/u/1":                        "RAST",
	"/u/3?window=7d":              "PRA",
	"/u/1/versus":                 "RAST",
	"/u/1/versus?other=2":         "RAST",
	"/u/3/versus?other=99":        "PRA",
	"/u/1/explain/pnl":            "RAST",
	"/u/1/explain/total_fires":    "RAST",
	"/u/1/explain/win_rate":       "RAST",
	"/u/1/explain/current_streak": "RAST",
	"/u/3/explain/pnl":            "RA",
}

func TestWhoSeesWhichPage(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn)
		community(t, db)
		closed, public := serve(t, db), serve(t, db, WithPublic())
		for page, letters := range whoSees {
			for _, w := range []struct {
				letter byte
				api    *api
				token  string
			}{
				{'N', closed, ""}, {'P', public, ""},
				{'R', closed, closed.token(engagement.ScopeRead)}, {'W', closed, closed.token(engagement.ScopeWrite)}, {'A', closed, closed.admin()},
				{'S', closed, closed.token(engagement.SelfScope(1))}, {'O', closed, closed.token(engagement.SelfScope(2))},
			} {
				path := strings.NewReplacer("{signal}", url.PathEscape(aSignal)).Replace(page)
				got := w.api.visit(w.token, path)
				switch may := strings.IndexByte(letters, w.letter) >= 0; {
				case may:
					if got.status != http.StatusOK {
						t.Errorf("%c: %s: %d\n%s", w.letter, page, got.status, got.body)
					}
					checkPage(t, page, got)
				case w.token == "":
					to := got.header.Get("Location")
					if got.status != http.StatusSeeOther || !strings.Contains(to, "login?next=") {
						t.Errorf("%c: %s: %d to %s", w.letter, page, got.status, to)
					}
				default:
					same(t, fmt.Sprintf("%c: %s", w.letter, page), got.status, http.StatusForbidden)
					checkPage(t, page, got)
				}
			}
		}
	})
}

// visit asks for a page as a browser does that has logged in with this token.
func (a *api) visit(token, path string) answer {
	a.t.Helper()
	if token == "" {
		return a.send("", http.MethodGet, path, "")
	}
	return a.send("", http.MethodGet, path, "", "Cookie", sessionCookie+"="+token)
}

// submit sends a form of a page.
func (a *api) submit(token, path string, form url.Values, headers ...string) answer {
	a.t.Helper()
	headers = append(headers, "Content-Type", "application/x-www-form-urlencoded")
	if token != "" {
		headers = append(headers, "Cookie", sessionCookie+"="+token)
	}
	return a.send("", http.MethodPost, path, form.Encode(), headers...)
}

// checkPage fails the test unless an answer is a page as all of them should be: well
// formed, with its headers, without script or style of its own or what the community's
// ids would be as markup.
func checkPage(t *testing.T, name string, got answer) {
	t.Helper()
	for header, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": contentPolicy, "Cache-Control": "private, no-cache",
		"Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff",
	} {
		same(t, name+": "+header, got.header.Get(header), want)
	}
	var open []string
	tokens := html.NewTokenizer(strings.NewReader(got.body))
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			break
		}
		token := tokens.Token()
		switch kind {
		case html.StartTagToken:
			if !slices.Contains([]string{"meta", "link", "input", "br"}, token.Data) {
				open = append(open, token.Data)
			}
			checkTag(t, name, token)
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Fatalf("%s: </%s> within %v", name, token.Data, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) != 0 || !strings.HasPrefix(got.body, "<!doctype html>") {
		t.Errorf("%s: not closed: %v", name, open)
	}
	if strings.Contains(got.body, "ZgotmplZ") || strings.Contains(got.body, "%!") || strings.Contains(got.body, "NaN") {
		t.Errorf("%s: a value was not fit for its place\n%s", name, got.body)
	}
}

func checkTag(t *testing.T, name string, token html.Token) {
	t.Helper()
	attributes := map[string]string{}
	for _, a := range token.Attr {
		if _, twice := attributes[a.Key]; twice || a.Key == "style" || strings.HasPrefix(a.Key, "on") {
			t.Errorf("%s: %s", name, token)
		}
		attributes[a.Key] = a.Val
		if (a.Key == "href" || a.Key == "src" || a.Key == "action") && !regexp.MustCompile(`^(\.\.?/|\?|#)`).MatchString(a.Val) {
			t.Errorf("%s: it leads elsewhere: %s", name, token)
		}
	}
	if token.Data == "style" || token.Data == "b" && attributes["class"] != "" || token.Data == "script" && attributes["src"] == "" {
		t.Errorf("%s: %s", name, token)
	}
}

func TestLoggingInAndOut(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn)
		a := serve(t, db)
		token := a.token(engagement.ScopeRead)
		first := a.visit("", "/")
		same(t, "first", first.header.Get("Location"), "./login?next=")
		got := a.submit("", "/login", url.Values{"token": {" " + token + "\n"}, "next": {"u/1?window=7d"}})
		checkPage(t, "logged in", got)
		cookie := must(http.ParseSetCookie(got.header.Get("Set-Cookie")))(t)
		if cookie.Value != token || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Secure || cookie.Path != "" || cookie.MaxAge <= 0 {
			t.Errorf("the cookie: %s", cookie.Raw)
		}
		if !strings.Contains(got.body, `content="0; url=./u/1?window=7d"`) {
			t.Errorf("it leads elsewhere:\n%s", got.body)
		}
		same(t, "with the cookie", a.visit(token, "/").status, http.StatusOK)
		same(t, "the stream's and downloads' way", a.visit(token, "/v1/today").status, http.StatusOK)
		same(t, "a write by cookie alone", a.send("", http.MethodPost, "/v1/fires", "{}", "Cookie", sessionCookie+"="+a.admin()).status, http.StatusUnauthorized)

		same(t, "out without CSRF", a.submit(token, "/logout", nil).status, http.StatusForbidden)
		out := a.submit(token, "/logout", url.Values{"csrf": {csrfOf(token)}})
		same(t, "out", out.header.Get("Location"), "./login")
		if gone := must(http.ParseSetCookie(out.header.Get("Set-Cookie")))(t); gone.MaxAge >= 0 || gone.Value != "" {
			t.Errorf("the cookie stays: %s", gone.Raw)
		}

		wrong := a.submit("", "/login", url.Values{"token": {"engagement_abcdefgh_x"}})
		same(t, "wrong", wrong.status, http.StatusUnauthorized)
		same(t, "wrong: cookie", wrong.header.Get("Set-Cookie"), "")
		checkPage(t, "wrong", wrong)
		same(t, "from another site", a.submit("", "/login", url.Values{"token": {token}}, "Sec-Fetch-Site", "cross-site").status, http.StatusForbidden)

		stale := a.visit("engagement_abcdefgh_x", "/")
		if stale.status != http.StatusSeeOther || !strings.Contains(stale.header.Get("Set-Cookie"), "Max-Age=0") {
			t.Errorf("a cookie that is good no more: %d %v", stale.status, stale.header)
		}
	})
}

func TestALoginLinkLogsInOnce(t *testing.T) {
	t.Parallel()
	a := serve(t, fileDB(t))
	token := a.token(engagement.ScopeRead)
	link := "/" + a.server.LoginLink(token)
	first := a.visit("", link)
	same(t, "cookie", must(http.ParseSetCookie(first.header.Get("Set-Cookie")))(t).Value, token)
	second := a.visit("", link)
	same(t, "again", []any{second.status, second.header.Get("Set-Cookie")}, []any{http.StatusUnauthorized, ""})
	same(t, "made up", a.visit("", "/login?once=x").status, http.StatusUnauthorized)
}

func TestTheCookieIsSecureOverTLS(t *testing.T) {
	t.Parallel()
	a := serve(t, fileDB(t))
	for name, change := range map[string]func(*http.Request){
		"TLS":           func(r *http.Request) { r.TLS = &tls.ConnectionState{} },
		"a proxy's TLS": func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") },
	} {
		r := httptest.NewRequest(http.MethodGet, "/"+a.server.LoginLink(a.admin()), nil)
		change(r)
		w := httptest.NewRecorder()
		a.server.ServeHTTP(w, r)
		if cookie := must(http.ParseSetCookie(w.Header().Get("Set-Cookie")))(t); !cookie.Secure {
			t.Errorf("%s: %s", name, cookie.Raw)
		}
	}
}

func TestALoginLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"": "./", "boards?ranking=pnl": "./boards?ranking=pnl", "u/5": "./u/5", "//evil.example": "./", "https://evil.example": "./",
		"/x": "./", "../x": "./", "javascript:alert(1)": "./", `\\evil.example`: "./", "login": "./", "?window=7d": "./",
	} {
		same(t, given, localPath(given), want)
	}
}

func TestPagesWorkUnderAnyPath(t *testing.T) {
	t.Parallel()
	db := fileDB(t)
	community(t, db)
	s := must(New(db))(t)
	mux := http.NewServeMux()
	mux.Handle("/some/where/", http.StripPrefix("/some/where", s))
	listening := httptest.NewServer(mux)
	t.Cleanup(func() { noError(t, s.Close()); listening.Close() })
	a := &api{t: t, db: db, server: s, url: listening.URL, secrets: map[string]string{}}
	seen, queue := map[string]bool{}, []string{"/some/where/"}
	for len(queue) > 0 && len(seen) < 150 {
		path := queue[0]
		queue = queue[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		got := a.visit(a.admin(), path)
		if got.status != http.StatusOK && got.status != http.StatusSeeOther {
			t.Errorf("a dead link: %s: %d", path, got.status)
		}
		if !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
			continue
		}
		checkPage(t, path, got)
		for _, link := range regexp.MustCompile(`(?:href|src)="([^"#]+)`).FindAllStringSubmatch(got.body, -1) {
			to := must(must(url.Parse(path))(t).Parse(html.UnescapeString(link[1])))(t)
			if !strings.HasPrefix(to.Path, "/some/where/") {
				t.Errorf("%s leads out: %s", path, link[1])
			}
			queue = append(queue, to.RequestURI())
		}
	}
}

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
			"/boards?ranking=current_streak": "No streak is alive", "/s": "No signal was fired", "/people": "Nobody", "/m": "No metric is defined yet", "/house": "Verify",
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
		for _, part := range peopleParts {
			here := `data-part="` + part.name + `"`
			if !strings.Contains(whole.body, here) || strings.Contains(got.body, here) {
				t.Errorf("%s is not where there is time, or is where there is none", part.name)
			}
			if !strings.Contains(got.body, `data-later="?part=`+part.name+`&amp;window=90d"`) {
				t.Errorf("%s is not left for later:\n%s", part.name, got.body)
			}
			alone := a.visit(a.admin(), "/people?part="+part.name)
			checkPage(t, part.name, alone)
			if strings.Count(alone.body, "data-part=") != 1 || !strings.Contains(alone.body, here) || strings.Contains(alone.body, "data-later") {
				t.Errorf("%s alone:\n%s", part.name, alone.body)
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
		"/s/x": 404, "/s/x/explain/total_fires": 404, "/m/x": 404, "/people?window=all": 400, "/people?window=x": 400, "/s?after=x": 400,
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
	for _, path := range []string{"/", "/boards", "/boards?ranking=pnl", "/u/1", "/u/1/versus", "/u/1/explain/pnl", "/s", "/people", "/m", "/m/fires", "/house", "/login"} {
		for _, name := range []string{"window", "ranking", "after", "user", "other", "id", "csv", "next"} {
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
