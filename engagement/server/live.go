package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

const (
	liveTick     = 500 * time.Millisecond
	liveComment  = 15 * time.Second // keeps proxies from closing a quiet stream
	livePatience = 15 * time.Second // with a client that does not read
	mostLive     = 2_000
)

// live tells clients of today's figures as they change. While there are any it asks
// the database twice a second, which also shows what other processes write.
type live struct {
	stopping context.Context
	log      *slog.Logger
	ask      func(context.Context) (engagement.RealTimeStats, error)
	running  sync.WaitGroup

	mu      sync.Mutex
	clients map[chan []byte]bool
	last    []byte // the last event; nil: none was sent yet
	closed  bool
	rest    context.CancelFunc // ends the asking; nil: nobody is there
}

func newLive(stopping context.Context, log *slog.Logger, ask func(context.Context) (engagement.RealTimeStats, error)) *live {
	return &live{stopping: stopping, log: log, ask: ask, clients: map[chan []byte]bool{}}
}

// close takes no more clients, and returns when nothing runs any more. The context
// given to newLive ends the streams.
func (l *live) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.running.Wait()
}

func (l *live) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.clients)
}

// join returns where events come, of which only the latest is kept for a client that
// is slow, or nil if there are too many clients or the server stops.
func (l *live) join() chan []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.clients) >= mostLive || l.closed {
		return nil
	}
	client := make(chan []byte, 1)
	l.clients[client] = true
	if l.last != nil {
		client <- l.last
	}
	if l.rest == nil {
		ctx, rest := context.WithCancel(l.stopping)
		l.rest = rest
		l.running.Go(func() { l.run(ctx) })
	}
	return client
}

func (l *live) leave(client chan []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.clients, client)
	if len(l.clients) == 0 {
		l.rest()
		l.rest, l.last = nil, nil
	}
}

// run asks until ctx ends.
func (l *live) run(ctx context.Context) {
	ticker := time.NewTicker(liveTick)
	defer ticker.Stop()
	failing := false
	var last engagement.RealTimeStats
	for {
		stats, err := l.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			l.log.Warn("live figures", "error", err)
		case err == nil && changed(last, stats):
			last = stats
			l.send(ctx, stats)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// changed reports whether figures are others, whenever they were read.
func changed(before, now engagement.RealTimeStats) bool {
	same := func(a, b *string) bool { return a == b || (a != nil && b != nil && *a == *b) }
	if !same(before.MostFiredSignal.SignalID, now.MostFiredSignal.SignalID) {
		return true
	}
	before.Timestamp, before.MostFiredSignal.SignalID = now.Timestamp, now.MostFiredSignal.SignalID
	return before != now
}

func (l *live) send(ctx context.Context, stats engagement.RealTimeStats) {
	text, err := encode(stats)
	if err != nil {
		l.log.Error("live figures", "error", err)
		return
	}
	event := fmt.Appendf(nil, "event: today\ndata: %s\n", text) // text ends with a line feed
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	l.last = event
	for client := range l.clients {
		select {
		case <-client: // what it has not read yet is out of date
		default:
		}
		client <- event
	}
}

func (s *Server) addLive() {
	s.plain(operation{
		path: "/v1/live", id: "watch-today", access: seenByAll, tag: "community", long: true, stream: true,
		summary: "What /v1/today answers whenever it changes, at most twice a second: server-sent events named today",
	}, "text/event-stream", text(), s.stream)
}

// stream sends events for as long as the longest operation may take. Then its client
// comes back, with a token that must still be good.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	events := s.live.join()
	if events == nil {
		kind := kindBusy
		if s.stopping.Err() != nil {
			kind = kindClosed
		}
		s.fail(w, r, kind.problem("there are no more live streams"))
		return
	}
	defer s.live.leave(events)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	c := http.NewResponseController(w)
	send := func(text []byte) bool {
		_ = c.SetWriteDeadline(time.Now().Add(livePatience)) // a connection without deadlines waits by itself
		_, err := w.Write(text)
		return err == nil && c.Flush() == nil
	}
	if r.Method == http.MethodHead || !send([]byte("retry: 2000\n\n")) {
		return
	}
	quiet := time.NewTimer(liveComment)
	defer quiet.Stop()
	for {
		text := []byte(":\n\n")
		select {
		case <-s.stopping.Done():
			return
		case <-r.Context().Done():
			return
		case text = <-events:
		case <-quiet.C:
		}
		if !send(text) {
			return
		}
		quiet.Reset(liveComment)
	}
}
