package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

//go:embed page
var pageFiles embed.FS

// pages are the templates by their files' names, each with the layout.
var pages = parsePages()

func parsePages() map[string]*template.Template {
	layout := template.Must(template.ParseFS(pageFiles, "page/layout.html", "page/parts.html"))
	byName := map[string]*template.Template{}
	names, err := fs.Glob(pageFiles, "page/*.html")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for _, name := range names {
		page := template.Must(template.Must(layout.Clone()).ParseFS(pageFiles, name))
		byName[strings.TrimSuffix(path.Base(name), ".html")] = page
	}
	return byName
}

// visit is somebody looking at a page.
type visit struct {
	s      *Server
	r      *http.Request
	caller caller
	secret string // of the cookie; "": there is none that is good
	root   string // the way from this page to where the server is mounted
	tables map[string]*table
	reader *engagement.Reader // of the page's snapshot
}

// shown is a page to be shown or, with next set, where to go instead.
type shown struct {
	template, title string
	data            any
	status          int    // 0: 200
	next            string // from where the server is mounted
}

// layout is what every page's template is given.
type layout struct {
	*shown
	Root, Title, CSRF string
	Community         string
	Nav               []navItem
	Who               string // "": nobody that is known
	CSS, JS, Icon     string
	Data              any
}

type navItem struct {
	Text, Href string
	Here       bool
}

// sections are the pages that the navigation leads to.
var sections = []struct {
	text, path string
	access     access
}{
	{"Today", "", seenByAll}, {"Boards", "boards", seenByAll}, {"Signals", "s", seenByAll},
	{"People", "people", readers}, {"Forecasts", "forecasts", readers}, {"Metrics", "m", readers}, {"House", "house", admins},
}

// may reports whether the visitor may use what has this access.
func (v *visit) may(a access, user int64) (bool, error) {
	return v.s.allows(v.r.Context(), a, v.caller, user)
}

// page adds a page: who may see it, and what it shows.
func (s *Server) page(pattern string, a access, show func(*visit) (*shown, error)) {
	s.mux.Handle("GET "+pattern, compressed(s.visited(usualTime, func(v *visit) (*shown, error) {
		if err := v.admit(a); err != nil {
			return nil, err
		}
		return show(v)
	})))
}

// form adds what a form of a page is sent to.
func (s *Server) form(pattern string, a access, limit time.Duration, change func(*visit) (*shown, error)) {
	s.mux.Handle("POST "+pattern, s.visited(limit, func(v *visit) (*shown, error) {
		if err := v.readForm(); err != nil {
			return nil, err
		}
		if err := v.checkCSRF(); err != nil {
			return nil, err
		}
		if err := v.admit(a); err != nil {
			return nil, err
		}
		return change(v)
	}))
}

// admit returns an error unless the visitor may use a page.
func (v *visit) admit(a access) error {
	user, _ := strconv.ParseInt(v.r.PathValue("user"), 10, 64) // 0: nobody's own
	allowed, err := v.may(a, user)
	switch {
	case err != nil || allowed:
		return err
	case v.caller.known():
		return kindForbidden.problem("Your token does not allow this: it needs the scope " + string(a) + ".")
	}
	return unauthorized("Log in to see this.")
}

// visited finds out who visits, and shows what comes of it.
func (s *Server) visited(limit time.Duration, answer func(*visit) (*shown, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		r = r.WithContext(ctx)
		if limit > usualTime {
			extend(w, limit)
		}
		v := &visit{s: s, r: r, root: rootOf(r.URL), tables: map[string]*table{}}
		err := v.recognize(w)
		var p *shown
		if err == nil {
			p, err = answer(v)
		}
		if err != nil {
			p, err = v.failed(w, err)
		}
		if err == nil {
			err = v.send(w, p)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	})
}

// rootOf returns the way from a path to where the server is mounted, wherever that is.
func rootOf(u *url.URL) string {
	if depth := strings.Count(u.EscapedPath(), "/") - 1; depth > 0 {
		return strings.Repeat("../", depth)
	}
	return "./"
}

// address returns where this page is, as seen from anywhere: other sites' programs know
// no way from here.
func (v *visit) address() string {
	scheme := "http://"
	if v.isSecure() {
		scheme = "https://"
	}
	path, _, _ := strings.Cut(v.r.RequestURI, "?") // of the whole way, wherever this is mounted
	return scheme + v.r.Host + path
}

// failed returns the page that tells of an error. Who is not known is led to the
// login, and back afterwards.
func (v *visit) failed(w http.ResponseWriter, err error) (*shown, error) {
	p := problemOf(err)
	id := exchangeOf(v.r.Context()).noteFailure(err)
	if p.Status == http.StatusUnauthorized && v.r.Method == http.MethodGet {
		return &shown{next: "login?next=" + url.QueryEscape(strings.TrimPrefix(v.r.URL.RequestURI(), "/"))}, nil
	}
	if after := p.header.Get("Retry-After"); after != "" {
		w.Header().Set("Retry-After", after)
	}
	detail := p.Detail
	if p.Status >= 500 {
		detail = "The server's log tells more of request " + id + "."
	}
	return &shown{template: "problem", title: p.Title, status: p.Status, data: detail}, nil
}

// contentPolicy lets a page have nothing but what this server gives.
const contentPolicy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// send writes a page, or the one of its tables that is asked for.
func (v *visit) send(w http.ResponseWriter, p *shown) error {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "private, no-cache")
	if p.next != "" {
		h.Set("Location", v.root+p.next)
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	if name := v.r.URL.Query().Get("csv"); name != "" && p.status == 0 {
		t := v.tables[name]
		if t == nil {
			return kindNotFound.problem("this page has no such table")
		}
		return t.writeCSV(w)
	}
	var text bytes.Buffer
	if err := pages[p.template].ExecuteTemplate(&text, "layout", v.layout(p)); err != nil {
		return fmt.Errorf("show page %s: %w", p.template, err)
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	if p.status != 0 {
		w.WriteHeader(p.status)
	}
	_, _ = w.Write(text.Bytes()) // who does not listen any more is told nothing
	return nil
}

func (v *visit) layout(p *shown) layout {
	l := layout{
		shown: p, Community: v.s.name, Root: v.root, Title: p.title, Data: p.data,
		CSS: v.root + assets["page.css"].href, JS: v.root + assets["page.js"].href, Icon: v.root + assets["icon.svg"].href,
	}
	if v.secret != "" {
		l.CSRF = csrfOf(v.secret)
	}
	if v.caller.known() {
		l.Who = v.caller.token.Name
	}
	here := strings.TrimPrefix(v.r.URL.Path, "/")
	add := func(text, to string) {
		l.Nav = append(l.Nav, navItem{text, v.root + to, here == to || (to != "" && strings.HasPrefix(here, to+"/"))})
	}
	for _, section := range sections {
		if allowed, err := v.may(section.access, 0); err == nil && allowed {
			add(section.text, section.path)
		}
	}
	for _, scope := range v.caller.token.Scopes {
		if user, isSelf := scope.User(); isSelf {
			add("My figures", "u/"+strconv.FormatInt(user, 10))
		}
	}
	return l
}

// window returns the window that a page is asked for, with the links to others.
func (v *visit) window(r *engagement.Reader, usual string, names ...string) (engagement.Window, []navItem, error) {
	given := v.r.URL.Query().Get("window")
	if given == "" {
		given = usual
	}
	w, err := r.ParseWindow(given)
	if err != nil {
		return w, nil, err
	}
	var links []navItem
	for _, name := range names {
		links = append(links, navItem{windowNames[name], v.with("window", name, "after"), name == given})
	}
	return w, links, nil
}

var windowNames = map[string]string{
	"today": "Today", "week": "This week", "7d": "7 days", "30d": "30 days", "90d": "90 days", "month": "This month", "365d": "A year", "all": "All time",
}

// with returns a link to this page with another value in its query, and without others.
func (v *visit) with(name, value string, without ...string) string {
	q := v.r.URL.Query()
	q.Del("csv")
	for _, other := range without {
		q.Del(other)
	}
	q.Set(name, value)
	return "?" + q.Encode()
}

// next returns a link to the page of a list after this one, or "".
func (v *visit) next(c engagement.Cursor) string {
	if c == "" {
		return ""
	}
	return v.with("after", string(c))
}

func (v *visit) after(limit int) engagement.PageQuery {
	return engagement.PageQuery{Limit: limit, After: engagement.Cursor(v.r.URL.Query().Get("after"))}
}

// view runs fn with a reader of one snapshot: the figures of a page belong together.
func (v *visit) view(fn func(ctx context.Context, r *engagement.Reader) error) error {
	ctx := v.r.Context()
	return v.s.db.View(ctx, func(r *engagement.Reader) error {
		v.reader = r
		return fn(ctx, r)
	})
}

// asset is a file that pages load. Its address changes with it.
type asset struct {
	href, media string
	content     []byte
}

var assets = readAssets()

func readAssets() map[string]asset {
	byName := map[string]asset{}
	for name, media := range map[string]string{
		"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		content, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			panic(err) // it is embedded
		}
		sum := sha256.Sum256(content)
		byName[name] = asset{"assets/" + name + "?v=" + base64.RawURLEncoding.EncodeToString(sum[:6]), media, content}
	}
	return byName
}

func (s *Server) addPages() {
	s.mux.Handle("GET /assets/{file}", compressed(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := assets[r.PathValue("file")]
		if !ok {
			s.fail(w, r, errNoRoute())
			return
		}
		w.Header().Set("Content-Type", a.media)
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		_, _ = w.Write(a.content) // who does not listen any more is told nothing
	})))
	s.addLogin()
	s.addTodayPage()
	s.addBoardPages()
	s.addUserPages()
	s.addSignalPages()
	s.addPeoplePage()
	s.addForecastsPage()
	s.addMetricPages()
	s.addHousePage()
}

// nothingHere answers at a path of nothing: people with a page, programs with a problem.
func (s *Server) nothingHere(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/v1/") || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		s.fail(w, r, errNoRoute())
		return
	}
	s.visited(usualTime, func(*visit) (*shown, error) { return nil, errNoRoute() }).ServeHTTP(w, r)
}
