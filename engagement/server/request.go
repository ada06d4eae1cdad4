package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"regexp"
	"runtime/debug"
	"time"
)

// Limits of one request. Those of a connection are the http.Server's.
const (
	maxBody     = 1 << 20
	usualTime   = 30 * time.Second
	longestTime = 15 * time.Minute // of operations that look at everything
)

// exchange is a request and what has become of it so far.
type exchange struct {
	id     string
	r      *http.Request
	w      *recorder
	caller caller
	failed error // what the client is told less of
	cut    bool  // the answer cannot be finished
}

type exchangeKey struct{}

// exchangeOf returns the exchange that a context belongs to.
func exchangeOf(ctx context.Context) *exchange {
	e, _ := ctx.Value(exchangeKey{}).(*exchange)
	return e
}

// noteFailure keeps an error for the log, and returns the request's id.
func (e *exchange) noteFailure(err error) string {
	e.failed = err
	return e.id
}

// recorder notes what is answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets an [http.ResponseController] reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// givenID is an id of a request that is taken over from the client or a proxy.
var givenID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

const requestIDHeader = "X-Request-Id"

// observed is the outermost part of the chain: it gives the request an id, lets no
// panic through, logs and measures.
func (s *Server) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		e := &exchange{id: r.Header.Get(requestIDHeader), w: &recorder{ResponseWriter: w}}
		if !givenID.MatchString(e.id) {
			e.id = rand.Text()
		}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, e))
		e.r = r
		w.Header().Set(requestIDHeader, e.id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		defer func() {
			p := recover()
			if p != nil {
				s.panicked(e, p)
			}
			s.finished(e, time.Since(start))
			if p != nil && e.cut {
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(e.w, r)
	})
}

// panicked answers after a panic. If the answer has begun, the connection is to be
// cut: half of one must not look like a whole.
func (s *Server) panicked(e *exchange, p any) {
	if p != http.ErrAbortHandler { // that is how a handler breaks off on purpose
		s.log.Error("panic", "request", e.id, "route", e.r.Pattern, "panic", p, "stack", string(debug.Stack()))
	}
	if e.cut = e.w.status != 0; e.cut {
		return
	}
	s.fail(e.w, e.r, fmt.Errorf("panic: %v", p))
}

func (s *Server) finished(e *exchange, took time.Duration) {
	if e.w.status == 0 {
		e.w.status = http.StatusOK
	}
	s.metrics.request(e, took)
	level := slog.LevelDebug
	switch {
	case errors.Is(e.failed, context.Canceled):
	case e.w.status >= 500:
		level = slog.LevelError
	case e.w.status >= 400:
		level = slog.LevelInfo
	}
	if !s.log.Enabled(e.r.Context(), level) {
		return
	}
	attrs := []any{"request", e.id, "route", e.route(), "status", e.w.status, "bytes", e.w.bytes, "duration", took}
	if e.caller.token.ID != "" {
		attrs = append(attrs, "token", e.caller.token.ID)
	}
	if e.w.status >= 500 && e.failed != nil {
		attrs = append(attrs, "error", e.failed)
	}
	s.log.Log(e.r.Context(), level, "request", attrs...)
}

// route returns the pattern of the request's route, which holds nothing about
// anybody.
func (e *exchange) route() string {
	if e.r.Pattern == "" || e.r.Pattern == "/" {
		return "none"
	}
	return e.r.Pattern
}

// crossOrigin answers to scripts of the pages whose origins are named.
func (s *Server) crossOrigin(next http.Handler) http.Handler {
	if len(s.origins) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, origin := w.Header(), r.Header.Get("Origin")
		h.Add("Vary", "Origin")
		if !s.origins[origin] {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			h.Set("Access-Control-Expose-Headers", "ETag, Link, Retry-After, "+requestIDHeader)
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match, "+requestIDHeader)
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
	})
}

// route finds the route. A path that is not in its plain form has none: where the
// server is mounted, a redirect would lead elsewhere.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	if escaped := r.URL.EscapedPath(); r.Method == http.MethodConnect || escaped == "" || path.Clean(escaped) != escaped {
		s.fail(w, r, errNoRoute())
		return
	}
	s.mux.ServeHTTP(w, r)
}

func errNoRoute() *Problem { return kindNotFound.problem("there is nothing at this path") }

// noRoute answers where nothing is, or nothing with that method.
func (s *Server) noRoute(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		other := &http.Request{Method: method, Host: r.Host, URL: r.URL}
		if _, pattern := s.mux.Handler(other); pattern != "" && pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		s.nothingHere(w, r)
		return
	}
	for _, method := range allowed {
		w.Header().Add("Allow", method)
	}
	s.fail(w, r, kindMethod.problem(""))
}
