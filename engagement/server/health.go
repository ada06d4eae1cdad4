package server

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// readiness is whether the database could be used a moment ago: whoever asks, it is
// asked no more often than that.
type readiness struct {
	mu    sync.Mutex
	asked time.Time
	err   error
}

const (
	readyFresh = time.Second
	readyWait  = 2 * time.Second
)

func (s *Server) isReady(ctx context.Context) error {
	s.ready.mu.Lock()
	defer s.ready.mu.Unlock()
	if s.stopping.Err() != nil {
		return kindClosed.problem("")
	}
	if time.Since(s.ready.asked) >= readyFresh {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyWait)
		defer cancel()
		s.ready.err, s.ready.asked = s.db.Ready(ctx), time.Now()
	}
	return s.ready.err
}

func (s *Server) addHealth() {
	of := func(path, id string, a access, summary string) operation {
		return operation{path: path, id: id, access: a, tag: "health", summary: summary}
	}
	s.plain(of("/livez", "is-alive", everybody, "Whether the server runs"), "text/plain", text(),
		func(w http.ResponseWriter, _ *http.Request) { sayOK(w) })
	s.plain(of("/readyz", "is-ready", everybody, "Whether the database can be used: its schema is current, and it can be written to"), "text/plain", text(),
		func(w http.ResponseWriter, r *http.Request) {
			err := s.isReady(r.Context())
			if err == nil {
				sayOK(w)
				return
			}
			s.log.Warn("not ready", "error", err)
			p := problemOf(err)
			p.Status = http.StatusServiceUnavailable // whatever it is, nothing can be asked now
			s.fail(w, r, p)
		})
	s.plain(of("/metrics", "get-prometheus-metrics", readers, "Metrics for Prometheus"), "text/plain", text(), s.metrics.handler().ServeHTTP)
	s.plain(of("/v1/openapi.json", "get-openapi", anyToken, "This document"), "application/json", &huma.Schema{Type: huma.TypeObject},
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(s.openAPI) // who does not listen any more is told nothing
		})
	s.mux.HandleFunc("/", s.noRoute)
}

func sayOK(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte("ok\n"))
}
