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

	"/s":                               "PRASTO",
	"/s?window=all":                    "PRASTO",
	"/s/{signal}":                      "PRASTO",
	"/s/{signal}/explain/total_fires":  "RA",
	"/s/{signal}/explain/executed":     "RA",
	"/people":                          "RA",
	"/people?window=90d":               "RA",
	"/m":                               "RA",
	"/m/fires":                         "RA",
	"/forecasts":                       "RA",
	"/forecasts?of=signals&window=30d": "RA",
	"/people?part=ending":              "RA",
	"/house":                           "A",

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
