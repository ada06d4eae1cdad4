package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestEverySentinelHasItsAnswer(t *testing.T) {
	t.Parallel()
	inner := errors.New("SQL logic error near secret")
	for _, tt := range []struct {
		err        error
		status     int
		kind       string
		retryAfter bool
	}{
		{engagement.ErrInvalid, 400, "invalid", false},
		{engagement.ErrNotFound, 404, "not-found", false},
		{engagement.ErrConflict, 409, "conflict", false},
		{engagement.ErrBusy, 503, "busy", true},
		{engagement.ErrUnavailable, 503, "unavailable", true},
		{engagement.ErrDenied, 503, "denied", false},
		{engagement.ErrStorage, 507, "storage", false},
		{engagement.ErrSchema, 503, "schema", false},
		{engagement.ErrCorrupt, 500, "corrupt", false},
		{engagement.ErrReadOnly, 403, "read-only", false},
		{engagement.ErrClosed, 503, "closed", true},
		{context.DeadlineExceeded, 503, "timeout", true},
		{inner, 500, "internal", false},
	} {
		p := problemOf(fmt.Errorf("read: %w: %w", tt.err, inner))
		if p.Status != tt.status || p.Type != problemPrefix+tt.kind || (p.header.Get("Retry-After") != "") != tt.retryAfter || p.Title == "" {
			t.Errorf("%v: %+v", tt.err, p)
		}
		shows := tt.err == engagement.ErrNotFound || tt.err == engagement.ErrConflict // the library's own words
		if strings.Contains(p.Detail, "secret") && !shows {
			t.Errorf("%v: it shows %q", tt.err, p.Detail)
		}
	}
	types := map[string]bool{}
	for _, known := range kindOf {
		types[known.kind.name] = true
	}
	if len(types) != len(kindOf)-1 { // one for both ends of a context
		t.Errorf("two sentinels share a type: %v", types)
	}
	p := problemOf(&engagement.InvalidError{Field: "limit", Value: strings.Repeat("é", 99), Reason: "it is long"})
	same(t, "field and reason", p.Field+", "+p.Reason, "limit, it is long")
	same(t, "value", p.Value, strings.Repeat("é", 32)+"…")
}

func TestWhatTheDatabaseCannotDoNow(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		writable := openDB(t, dsn)
		a := serve(t, writable)
		admin := a.admin()
		readOnly := serve(t, openDB(t, dsn, engagement.WithReadOnly()))
		got := readOnly.send(admin, http.MethodPost, "/v1/fires", `{"user_id": 1, "signal_id": "A"}`)
		if kind, _ := got.problem(); got.status != http.StatusForbidden || kind != "read-only" {
			t.Errorf("read only: %d %s", got.status, got.body)
		}
		same(t, "reading", readOnly.send(admin, http.MethodGet, "/v1/users", "").status, http.StatusOK)
		same(t, "ready to be read", readOnly.send("", http.MethodGet, "/readyz", "").status, http.StatusOK)
		same(t, "status", a.send(admin, http.MethodGet, "/v1/today", "").status, http.StatusOK)
		noError(t, writable.Close())
		for path, want := range map[string]string{"/v1/today": "closed", "/readyz": "closed"} {
			got := a.send(admin, http.MethodGet, path, "")
			if kind, _ := got.problem(); got.status != http.StatusServiceUnavailable || kind != want {
				t.Errorf("%s of a closed database: %d %s", path, got.status, got.body)
			}
		}
		same(t, "alive", a.send("", http.MethodGet, "/livez", "").status, http.StatusOK)
	})
}

// logged collects what is logged.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) option() Option {
	return WithLogger(slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})))
}

func TestNoPanicReachesAClient(t *testing.T) {
	t.Parallel()
	var log logged
	a := serve(t, fileDB(t), log.option())
	a.server.handle("GET /panic/before", everybody, usualTime, false, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic("secret of ours")
	}))
	a.server.handle("GET /panic/within", everybody, usualTime, false, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), 100_000))
		panic("secret of ours")
	}))
	for _, encoding := range []string{"gzip", "identity"} {
		got := a.send("", http.MethodGet, "/panic/before", "", "Accept-Encoding", encoding)
		if kind, _ := got.problem(); got.status != 500 || kind != "internal" || strings.Contains(got.body, "secret") {
			t.Errorf("%s: %d %s", encoding, got.status, got.body)
		}
		r := must(http.NewRequest(http.MethodGet, a.url+"/panic/within", nil))(t)
		r.Header.Set("Accept-Encoding", encoding)
		response, err := http.DefaultTransport.RoundTrip(r)
		if err == nil {
			_, err = io.ReadAll(response.Body)
			_ = response.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: half an answer looks like a whole", encoding)
		}
	}
	if !strings.Contains(log.String(), "secret of ours") || !strings.Contains(log.String(), "request_test.go") {
		t.Errorf("the log does not say where: %s", log.String())
	}
}

func TestARequestHasAnIDAndALineInTheLog(t *testing.T) {
	t.Parallel()
	var log logged
	a := serve(t, fileDB(t), log.option())
	secret := a.token(engagement.ScopeRead)
	got := a.send(secret, http.MethodGet, "/v1/users/987654321", "", "X-Request-Id", "from-the-proxy.1")
	same(t, "id", got.header.Get("X-Request-Id"), "from-the-proxy.1")
	if !strings.Contains(got.body, `"request_id":"from-the-proxy.1"`) {
		t.Errorf("the problem does not say which request: %s", got.body)
	}
	for _, strange := range []string{"", "a b", strings.Repeat("x", 65)} {
		if id := a.send("", http.MethodGet, "/livez", "", "X-Request-Id", strange).header.Get("X-Request-Id"); id == strange || len(id) < 16 {
			t.Errorf("the id is %q", id)
		}
	}
	a.send("engagement_abcdefgh_wrong", http.MethodGet, "/v1/today?window=x", "")
	waitUntil(t, func() bool { return strings.Contains(log.String(), "status=401") })
	for _, want := range []string{"request=from-the-proxy.1", `route="GET /v1/users/{user}"`, "status=404", "token=" + a.tokenID, "level=INFO", "level=DEBUG"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %s: %s", want, log.String())
		}
	}
	for _, never := range []string{secret, "987654321", "abcdefgh_wrong", "window="} {
		if strings.Contains(log.String(), never) {
			t.Errorf("the log has %s: %s", never, log.String())
		}
	}
}

func TestWhereNothingIs(t *testing.T) {
	t.Parallel()
	a := serve(t, fileDB(t))
	for _, tt := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/x", 404, ""}, {"GET", "/v2/today", 404, ""}, {"GET", "/v1//today", 404, ""}, {"GET", "/v1/today/", 404, ""},
		{"GET", "/v1/x/../today", 404, ""}, {"POST", "/v1/today", 405, "GET"}, {"OPTIONS", "/v1/fires", 405, "GET, POST"},
		{"PATCH", "/v1/users/1", 405, "GET, DELETE"}, {"BREW", "/v1/users/1/public", 405, "GET, PUT"}, {"DELETE", "/", 405, "GET"},
	} {
		got := a.send(a.admin(), tt.method, tt.path, "")
		if got.status != tt.status || strings.Join(got.header.Values("Allow"), ", ") != tt.allow || got.header.Get("Content-Type") != problemType {
			t.Errorf("%s %s: %d, allowed %v: %s", tt.method, tt.path, got.status, got.header.Values("Allow"), got.body)
		}
	}
	for _, query := range []string{"window=%zz", "window=7d;limit=1"} {
		got := a.send(a.admin(), http.MethodGet, "/v1/popular?"+query, "")
		if kind, field := got.problem(); got.status != http.StatusBadRequest || kind != "invalid" || field != "query" {
			t.Errorf("a query that cannot be read, %s: %d %s", query, got.status, got.body)
		}
	}
	if got := a.send(a.admin(), http.MethodHead, "/v1/today", ""); got.status != 200 || got.body != "" || got.header.Get("ETag") == "" {
		t.Errorf("HEAD: %d %q", got.status, got.body)
	}
}

func TestItIsMountedUnderAnyPath(t *testing.T) {
	t.Parallel()
	db := fileDB(t)
	community(t, db)
	s := must(New(db, WithPublic()))(t)
	mounted := httptest.NewServer(http.StripPrefix("/some/where", s))
	t.Cleanup(func() { noError(t, s.Close()); mounted.Close() })
	next := must(url.Parse(mounted.URL + "/some/where/v1/boards/pnl?limit=2"))(t)
	response := must(http.Get(next.String()))(t)
	_ = response.Body.Close()
	link, _, _ := strings.Cut(strings.TrimPrefix(response.Header.Get("Link"), "<"), ">")
	next = next.ResolveReference(must(url.Parse(link))(t))
	response = must(http.Get(next.String()))(t)
	defer response.Body.Close()
	text := string(must(io.ReadAll(response.Body))(t))
	if response.StatusCode != http.StatusOK || strings.Count(text, `"rank"`) != 2 || next.Path != "/some/where/v1/boards/pnl" {
		t.Errorf("the second page, at %s: %d %s", next, response.StatusCode, text)
	}
}

func TestALongAnswerIsCompressedForWhoeverLikesThat(t *testing.T) {
	t.Parallel()
	db := fileDB(t)
	community(t, db)
	a := serve(t, db)
	for _, path := range []string{"/v1/fires", "/v1/users/1/export"} {
		plain := a.get(path, "Accept-Encoding", "identity")
		got := a.get(path, "Accept-Encoding", "gzip")
		if got.header.Get("Content-Encoding") != "gzip" || plain.header.Get("Content-Encoding") != "" || got.header.Get("ETag") != plain.header.Get("ETag") {
			t.Errorf("%s: %v", path, got.header)
		}
		if !strings.Contains(strings.Join(plain.header.Values("Vary"), ","), "Accept-Encoding") {
			t.Errorf("%s: Vary is %v", path, plain.header.Values("Vary"))
		}
		reader := must(gzip.NewReader(strings.NewReader(got.body)))(t)
		text := must(io.ReadAll(reader))(t)
		if !bytes.HasPrefix(text, []byte("{")) || len(text) < 1024 {
			t.Errorf("%s: %s", path, text)
		}
	}
}

func TestPagesFromElsewhereAskOnlyIfTheyAreNamed(t *testing.T) {
	t.Parallel()
	db := fileDB(t)
	const origin = "https://app.example.com"
	a, without := serve(t, db, WithCORS(origin)), serve(t, db)
	preflight := []string{"Access-Control-Request-Method", "GET", "Origin"}
	allowed := func(got answer) string { return got.header.Get("Access-Control-Allow-Origin") }
	got := a.send("", http.MethodOptions, "/v1/today", "", append(preflight, origin)...)
	if got.status != http.StatusNoContent || allowed(got) != origin || !strings.Contains(got.header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("a preflight: %d %v", got.status, got.header)
	}
	same(t, "a request", allowed(a.get("/v1/today", "Origin", origin)), origin)
	same(t, "one that fails", allowed(a.send("", http.MethodGet, "/v1/today", "", "Origin", origin)), origin)
	same(t, "from another", allowed(a.get("/v1/today", "Origin", origin+".evil.com")), "")
	same(t, "a preflight from another", a.send("", http.MethodOptions, "/v1/today", "", append(preflight, "null")...).status, http.StatusMethodNotAllowed)
	same(t, "where none is named", allowed(without.get("/v1/today", "Origin", origin)), "")
	for _, wrong := range []string{"*", "app.example.com", "https://app.example.com/", "ftp://x", ""} {
		if _, err := New(db, WithCORS(wrong)); !errors.Is(err, engagement.ErrInvalid) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestABadOptionIsRefused(t *testing.T) {
	t.Parallel()
	db, metrics := fileDB(t), NewMetrics()
	noError(t, must(New(db, WithMetrics(metrics)))(t).Close())
	for name, opt := range map[string]Option{
		"no logger": WithLogger(nil), "no metrics": WithMetrics(nil), "no bot": WithTelegramBot(""), "another's metrics": WithMetrics(metrics),
	} {
		if _, err := New(db, opt); !errors.Is(err, engagement.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever a client makes up, it is refused and nothing breaks.
func TestAnyRequestIsAnsweredOrRefused(t *testing.T) {
	t.Parallel()
	db := fileDB(t)
	community(t, db)
	s := must(New(db, WithPublic(), WithTelegramBot("1:x")))(t)
	t.Cleanup(func() { noError(t, s.Close()) })
	admin := must(db.CreateToken(t.Context(), engagement.NewToken{Name: "x", Scopes: []engagement.Scope{engagement.ScopeAdmin}}))(t).Secret
	var paths []string
	for path := range must(documented())(t).Paths.Map() {
		if path != "/v1/live" {
			paths = append(paths, path)
		}
	}
	names := []string{"window", "limit", "after", "user", "signal", "outcome", "users", "min_decided", "n", "by", "periods", "of", "strength", "min_decided", "balance", "keep_days", "x"}
	values := []string{"", "0", "-1", "1", "10000", "10001", "99999999999999999999", "1e309", "NaN", "-Inf", "all", "30d", "week", "2026-01-01..2026-01-31",
		"2026-01-31..2026-01-01", "0000-01-01..9999-12-31", "<script>", "\x00", "\xff\xfe", "%", "..", "a/b", "win", "day", "users", "1,2", ",", "total_fires", "pnl", aSignal}
	bodies := []string{"", "{}", "[]", "null", "7", `"x"`, "[{}]", `{"user_id": 1, "signal_id": "Z"}`, `[{"user_id": 1, "trade_id": "z", "pnl": 1e308}]`,
		`{"user_id": -9223372036854775808, "trade_id": "z", "pnl": 9e12}`, `{"user_id": 1, "grant_id": "z"}`, `{"public": "yes"}`, definition, ratio, "{", "\xff", strings.Repeat("[", 20_000)}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(what string, from []string) string {
			if rapid.IntRange(0, 4).Draw(t, "made up") == 0 {
				return rapid.String().Draw(t, what)
			}
			return rapid.SampledFrom(from).Draw(t, what)
		}
		path := rapid.SampledFrom(paths).Draw(t, "path")
		for strings.Contains(path, "{") {
			begin, rest, _ := strings.Cut(path, "{")
			_, end, _ := strings.Cut(rest, "}")
			path = begin + url.PathEscape(draw("part", values)) + end
		}
		query := url.Values{}
		for range rapid.IntRange(0, 3).Draw(t, "parameters") {
			query.Add(draw("name", names), draw("value", values))
		}
		method := rapid.SampledFrom([]string{"GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"}).Draw(t, "method")
		r := &http.Request{
			Method: method, Host: "example.com", RemoteAddr: "192.0.2.1:1", Header: http.Header{},
			Body: io.NopCloser(strings.NewReader(draw("body", bodies))),
		}
		plain, _ := url.PathUnescape(path) // it was escaped above
		r.URL = &url.URL{Path: plain, RawPath: path, RawQuery: query.Encode()}
		if rapid.IntRange(0, 9).Draw(t, "raw query") == 0 {
			r.URL.RawQuery = rapid.String().Draw(t, "query")
		}
		r.Header.Set("Authorization", "Bearer "+admin)
		for _, name := range []string{"Authorization", "Content-Type", "Accept", "If-None-Match", "Accept-Encoding", "Origin", "X-Request-Id", "Range"} {
			if rapid.IntRange(0, 9).Draw(t, name) == 0 {
				r.Header.Set(name, draw("header", append(values, "Bearer engagement_abcdefgh_x", "tma hash=00", "gzip", "text/html;q=0.1, */*;q=0", "application/json")))
			}
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r.WithContext(context.Background()))
		if w.Code >= 500 {
			t.Fatalf("%s %s: %d %s", method, r.URL, w.Code, w.Body)
		}
	})
}
