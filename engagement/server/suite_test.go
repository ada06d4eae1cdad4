package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/google/go-cmp/cmp"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
	"github.com/hydraxdev/engagementdb/engagement/internal/postgres"
)

// engines are those that the suite runs on, by name: what returns a DSN of a new
// database, which goes away with the test. TestMain adds PostgreSQL.
var engines = map[string]func(t *testing.T) string{
	"sqlite": func(t *testing.T) string { return filepath.Join(t.TempDir(), "engagement.db") },
}

func TestMain(m *testing.M) {
	openapi3filter.RegisterBodyDecoder("image/png", openapi3filter.FileBodyDecoder)
	code, err := runWithPostgres(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func runWithPostgres(m *testing.M) (code int, err error) {
	dsn := os.Getenv("ENGAGEMENT_TEST_POSTGRES")
	if dsn == "" {
		server, err := pgtest.Start(context.Background(), "fsync=off", "full_page_writes=off")
		if errors.Is(err, pgtest.ErrNotInstalled) && os.Getenv("ENGAGEMENT_TEST_POSTGRES_MUST_RUN") != "1" {
			fmt.Fprintf(os.Stderr, "/postgres is skipped: %v\n", err)
			return m.Run(), nil
		}
		if err != nil {
			return 1, err
		}
		defer func() { err = errors.Join(err, server.Stop()) }()
		dsn = server.URL()
	}
	engines["postgres"] = func(t *testing.T) string {
		schema, drop, err := pgtest.NewSchema(context.Background(), dsn)
		noError(t, err)
		t.Cleanup(func() { noError(t, drop()) })
		if os.Getenv("ENGAGEMENT_TEST_CITUS") == "1" { // by the engine: Open would store a time zone
			eng := must(postgres.New(schema, postgres.Options{Spread: true}))(t)
			must(eng.Migrate(context.Background()))(t)
			noError(t, eng.Close())
		}
		return schema
	}
	return m.Run(), nil
}

func forEachEngine(t *testing.T, fn func(t *testing.T, dsn string)) {
	t.Helper()
	t.Parallel()
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fn(t, fresh(t))
		})
	}
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		noError(t, err)
		return v
	}
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func waitUntil(t testing.TB, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

// noon is when most tests happen: a Wednesday.
var noon = time.Date(2026, time.January, 14, 12, 0, 0, 0, time.UTC)

func atNoon() engagement.Option { return engagement.WithClock(func() time.Time { return noon }) }

func openDB(t *testing.T, dsn string, opts ...engagement.Option) *engagement.DB {
	t.Helper()
	db := must(engagement.Open(t.Context(), dsn, append([]engagement.Option{engagement.WithSynchronous(engagement.SyncOff)}, opts...)...))(t)
	t.Cleanup(func() { noError(t, db.Close()) })
	return db
}

// fileDB opens a new file.
func fileDB(t *testing.T, opts ...engagement.Option) *engagement.DB {
	t.Helper()
	return openDB(t, engines["sqlite"](t), opts...)
}

// community records something of everything: users 1 to 4, of whom 3 is public.
func community(t *testing.T, db *engagement.DB) {
	t.Helper()
	ctx := context.Background()
	for day := range 12 {
		for user := int64(1); user <= 4; user++ {
			at := noon.AddDate(0, 0, -day)
			if (day*int(user))%3 == 1 {
				continue
			}
			must(db.RecordFire(ctx, engagement.Fire{UserID: user, SignalID: fmt.Sprintf("EURUSD/<b>_%03d", day), At: at, Executed: user != 2}))(t)
			must(db.RecordTrade(ctx, engagement.Trade{
				UserID: user, TradeID: fmt.Sprintf("t%d", day), SignalID: fmt.Sprintf("EURUSD/<b>_%03d", day),
				PnL: float64(day*7%5-2) * 1.25, ClosedAt: at.Add(time.Minute),
			}))(t)
		}
	}
	must(db.GrantFreeze(ctx, engagement.Freeze{UserID: 1, GrantID: "g1"}))(t)
	noError(t, db.SetPublic(ctx, 3, true))
	noError(t, db.DefineMetric(ctx, must(engagement.ParseMetricDefinition([]byte(definition)))(t)))
}

const (
	definition = `{"name": "fires", "what": "count", "of": "fires", "per": "user"}`
	ratio      = `{"name": "wins", "what": "ratio", "per": "day", "window": "30d",
		"numerator": {"what": "count", "of": "trades", "filter": {"outcome": ["win"]}},
		"denominator": {"what": "count", "of": "trades"}}`
)

// api is a server that a test talks to over HTTP.
type api struct {
	t       *testing.T
	db      *engagement.DB
	server  *Server
	url     string
	secrets map[string]string // by scope
	tokenID string            // of the last that was made
}

// serve serves db until the test ends.
func serve(t *testing.T, db *engagement.DB, opts ...Option) *api {
	t.Helper()
	s := must(New(db, opts...))(t)
	s.firstPaint = time.Minute // however busy the machine is
	listening := httptest.NewServer(s)
	t.Cleanup(func() {
		noError(t, s.Close())
		listening.Close()
	})
	return &api{t: t, db: db, server: s, url: listening.URL, secrets: map[string]string{}}
}

// token returns the secret of a token with these scopes.
func (a *api) token(scopes ...engagement.Scope) string {
	a.t.Helper()
	key := fmt.Sprint(scopes)
	if a.secrets[key] == "" {
		created := must(a.db.CreateToken(context.Background(), engagement.NewToken{Name: "test", Scopes: scopes}))(a.t)
		a.secrets[key], a.tokenID = created.Secret, created.ID
	}
	return a.secrets[key]
}

func (a *api) admin() string { return a.token(engagement.ScopeAdmin) }

// answer is a response that was read.
type answer struct {
	status int
	header http.Header
	body   string
}

// problem returns the type and the field of a problem.
func (a answer) problem() (kind, field string) {
	var p Problem
	_ = json.Unmarshal([]byte(a.body), &p) // otherwise it is none
	return strings.TrimPrefix(p.Type, problemPrefix), p.Field
}

// send sends a request with a bearer token, unless that is "", and headers given as
// names and values. The response is checked against the OpenAPI document.
func (a *api) send(token, method, path, body string, headers ...string) answer {
	a.t.Helper()
	r := must(http.NewRequest(method, a.url+path, strings.NewReader(body)))(a.t)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	response := must(http.DefaultTransport.RoundTrip(r))(a.t)
	defer response.Body.Close()
	text := must(io.ReadAll(response.Body))(a.t)
	got := answer{response.StatusCode, response.Header, string(text)}
	a.check(r, response, text)
	return got
}

func (a *api) get(path string, headers ...string) answer {
	a.t.Helper()
	return a.send(a.admin(), http.MethodGet, path, "", headers...)
}

// committed is the OpenAPI document of the repository, and what finds its operations.
type committed struct {
	*openapi3.T
	paths *http.ServeMux
}

var documented = sync.OnceValues(func() (committed, error) {
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.json")
	if err != nil {
		return committed{}, err
	}
	paths := http.NewServeMux()
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			paths.Handle(method+" "+path, http.NotFoundHandler())
		}
	}
	return committed{doc, paths}, doc.Validate(context.Background(), openapi3.IsOpenAPI31OrLater())
})

// route returns the operation of a request, or nil if there is none.
func (c committed) route(r *http.Request) *routers.Route {
	_, pattern := c.paths.Handler(r)
	_, path, found := strings.Cut(pattern, " ")
	if !found {
		return nil
	}
	item := c.Paths.Value(path)
	return &routers.Route{Spec: c.T, Path: path, PathItem: item, Method: r.Method, Operation: item.GetOperation(r.Method)}
}

// check fails the test unless a response is as the OpenAPI document says.
func (a *api) check(r *http.Request, response *http.Response, text []byte) {
	a.t.Helper()
	if kind, _ := (answer{body: string(text)}).problem(); kind != "" && response.Header.Get("Content-Type") != problemType {
		a.t.Errorf("a problem has the type %q", response.Header.Get("Content-Type"))
	}
	route := must(documented())(a.t).route(r)
	if route == nil || r.Method == http.MethodHead || response.Header.Get("Content-Encoding") != "" {
		return
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, Route: route},
		Status:                 response.StatusCode, Header: response.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	if err := openapi3filter.ValidateResponse(context.Background(), input.SetBodyBytes(text)); err != nil {
		a.t.Errorf("%s %s: the answer is not as documented: %v\n%s", r.Method, r.URL.Path, err, text)
	}
}

// asJSON returns what the command would print of a value, in a line.
func asJSON(t testing.TB, v any) string {
	t.Helper()
	return string(must(encode(v))(t))
}
