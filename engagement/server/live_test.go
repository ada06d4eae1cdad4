package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// streamOf opens a live stream and returns what reads its next event.
func streamOf(t *testing.T, a *api) (next func() engagement.RealTimeStats, ended func() bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r := must(http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/v1/live", nil))(t)
	r.Header.Set("Authorization", "Bearer "+a.token(engagement.ScopeRead))
	response := must(http.DefaultTransport.RoundTrip(r))(t)
	t.Cleanup(func() { _ = response.Body.Close() })
	same(t, "status and type", response.Status+" "+response.Header.Get("Content-Type"), "200 OK text/event-stream")
	time.AfterFunc(30*time.Second, cancel) // for a test that is wrong
	lines := bufio.NewScanner(response.Body)
	return func() (stats engagement.RealTimeStats) {
			t.Helper()
			for named := false; lines.Scan(); {
				data, isData := strings.CutPrefix(lines.Text(), "data: ")
				switch {
				case lines.Text() == "event: today":
					named = true
				case isData && named:
					noError(t, json.Unmarshal([]byte(data), &stats))
					return stats
				}
			}
			t.Fatalf("the stream has ended: %v", lines.Err())
			return stats
		}, func() bool {
			for lines.Scan() {
			}
			return ctx.Err() == nil
		}
}

func TestAStreamShowsWhatAnyProcessWrites(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db, other := openDB(t, dsn), openDB(t, dsn)
		a := serve(t, db)
		next, _ := streamOf(t, a)
		same(t, "fires at first", next().TotalFiresToday, int64(0))
		must(db.RecordFire(t.Context(), engagement.Fire{UserID: 1, SignalID: "A"}))(t)
		same(t, "after a fire", next().TotalFiresToday, int64(1))
		must(other.RecordFire(t.Context(), engagement.Fire{UserID: 2, SignalID: "A"}))(t)
		stats := next()
		same(t, "after another process's", stats.TotalFiresToday, int64(2))
		same(t, "the signal", *stats.MostFiredSignal.SignalID, "A")
		late, _ := streamOf(t, a)
		same(t, "for one who comes later", late().TotalFiresToday, int64(2))
	})
}

func TestClosingEndsStreams(t *testing.T) {
	t.Parallel()
	a := serve(t, fileDB(t))
	next, ended := streamOf(t, a)
	next()
	noError(t, a.server.Close())
	if !ended() {
		t.Error("the stream did not end by itself")
	}
	waitUntil(t, func() bool { return a.server.live.count() == 0 })
	got := a.send(a.token(engagement.ScopeRead), http.MethodGet, "/v1/live", "")
	if kind, _ := got.problem(); got.status != http.StatusServiceUnavailable || kind != "closed" {
		t.Errorf("another stream: %d %s", got.status, got.body)
	}
	noError(t, a.server.Close())
}

func TestHundredsOfStreamsAskOnceATickAndNobodyAsksForNobody(t *testing.T) {
	t.Parallel()
	var asked, fires atomic.Int64
	ctx, stop := context.WithCancel(context.Background())
	l := newLive(ctx, slog.New(slog.DiscardHandler), func(context.Context) (engagement.RealTimeStats, error) {
		asked.Add(1)
		return engagement.RealTimeStats{TotalFiresToday: fires.Load(), Timestamp: time.Now()}, nil
	})
	defer func() { stop(); l.close() }()
	begin := time.Now()
	var clients []chan []byte
	for range 500 {
		clients = append(clients, l.join())
	}
	fires.Store(1)
	for _, client := range clients {
		<-client // the first figures, whether with the fire or without
	}
	fires.Store(2)
	waitUntil(t, func() bool { return len(clients[0]) == 1 })
	for i := range int64(3) { // nobody reads meanwhile
		before := asked.Load()
		fires.Store(3 + i)
		waitUntil(t, func() bool { return asked.Load() >= before+2 })
	}
	if most := int64(time.Since(begin)/liveTick) + 1; asked.Load() > most {
		t.Errorf("asked %d times, want at most %d", asked.Load(), most)
	}
	for _, client := range clients {
		if event := string(<-client); !strings.Contains(event, `"total_fires_today":5`) || len(client) != 0 {
			t.Fatalf("a slow client gets %s and %d more", event, len(client))
		}
		l.leave(client)
	}
	waitUntil(func() (testing.TB, func() bool) {
		return t, func() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.rest == nil && l.last == nil }
	}())
	l.running.Wait()
	before := asked.Load()
	client := l.join()
	<-client
	same(t, "asked again for the next", asked.Load(), before+1)
	l.leave(client)
}

func TestAStreamLastsWhileTheDatabaseFails(t *testing.T) {
	t.Parallel()
	var failing atomic.Bool
	var fires atomic.Int64
	ctx, stop := context.WithCancel(context.Background())
	l := newLive(ctx, slog.New(slog.DiscardHandler), func(context.Context) (engagement.RealTimeStats, error) {
		if failing.Load() {
			return engagement.RealTimeStats{}, errors.New("gone")
		}
		return engagement.RealTimeStats{TotalFiresToday: fires.Load()}, nil
	})
	defer func() { stop(); l.close() }()
	fires.Store(1)
	client := l.join()
	<-client
	failing.Store(true)
	time.AfterFunc(liveTick, func() { fires.Store(2); failing.Store(false) })
	if event := string(<-client); !strings.Contains(event, `"total_fires_today":2`) {
		t.Errorf("after a failure: %s", event)
	}
}

func TestAChangeIsWhatSomebodySees(t *testing.T) {
	t.Parallel()
	id := func(s string) *string { return &s }
	base := engagement.RealTimeStats{TotalFiresToday: 1, MostFiredSignal: engagement.SignalCount{SignalID: id("A"), FireCount: 1}}
	with := func(change func(*engagement.RealTimeStats)) engagement.RealTimeStats { s := base; change(&s); return s }
	for _, tt := range []struct {
		name string
		now  engagement.RealTimeStats
		want bool
	}{
		{"nothing", base, false},
		{"the time", with(func(s *engagement.RealTimeStats) { s.Timestamp = noon }), false},
		{"the same signal, read again", with(func(s *engagement.RealTimeStats) { s.MostFiredSignal.SignalID = id("A") }), false},
		{"another signal", with(func(s *engagement.RealTimeStats) { s.MostFiredSignal.SignalID = id("B") }), true},
		{"no signal any more", with(func(s *engagement.RealTimeStats) { s.MostFiredSignal.SignalID = nil }), true},
		{"an execution", with(func(s *engagement.RealTimeStats) { s.ExecutedFiresToday = 1 }), true},
		{"the day", with(func(s *engagement.RealTimeStats) { s.Day++ }), true},
	} {
		same(t, tt.name, changed(base, tt.now), tt.want)
	}
}

func TestWhatPrometheusReads(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		metrics := NewMetrics()
		db := openDB(t, dsn, engagement.WithObserver(metrics.Observe))
		a := serve(t, db, WithMetrics(metrics))
		for range 2 {
			a.send(a.admin(), http.MethodPost, "/v1/fires", `{"user_id": 987654321, "signal_id": "A"}`)
		}
		a.send(a.admin(), http.MethodPost, "/v1/trades", `{"user_id": 987654321, "trade_id": "t", "pnl": 1}`)
		a.get("/v1/users/987654321")
		a.get("/v1/users/987654322")
		a.send("", "BREW", "/made/up", "")
		got := a.get("/metrics")
		for _, want := range []string{
			`http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="201",http_route="/v1/fires"} 1`,
			`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="404",http_route="/v1/users/{user}"} 1`,
			`http_server_request_duration_seconds_count{http_request_method="_OTHER",http_response_status_code="404",http_route="none"} 1`,
			`engagement_facts_total{fact="fire",status="recorded"} 1`, `engagement_facts_total{fact="fire",status="duplicate"} 1`,
			`engagement_facts_total{fact="trade",status="recorded"} 1`,
			`engagement_operation_duration_seconds_count{operation="summarize a user"} 2`,
			`engagement_operation_failures_total{operation="summarize a user"} 1`,
			"engagement_commits_total 3", "engagement_commit_writes_total 3", "engagement_commit_wait_seconds_total ", "engagement_database_bytes ",
			"engagement_live_streams 0", "go_goroutines ",
		} {
			if !strings.Contains(got.body, want) {
				t.Errorf("there is no %s", want)
			}
		}
		if strings.Contains(got.body, "98765432") || strings.Contains(got.body, "engagement_database_bytes -1") {
			t.Errorf("it names a user or has no size:\n%s", got.body)
		}
	})
}
