package server

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hydraxdev/engagementdb/engagement"
)

// Metrics are what Prometheus reads at /metrics. They name routes, operations and
// statuses, never a user.
type Metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.HistogramVec
	operations *prometheus.HistogramVec
	failures   *prometheus.CounterVec
	facts      *prometheus.CounterVec
}

// NewMetrics returns metrics for one server. So that they know what the database
// does too, it is opened with them:
//
//	metrics := server.NewMetrics()
//	db, err := engagement.Open(ctx, dsn, engagement.WithObserver(metrics.Observe))
//	…
//	handler, err := server.New(db, server.WithMetrics(metrics))
func NewMetrics() *Metrics {
	seconds := []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_server_request_duration_seconds", Help: "How long requests took.", Buckets: seconds,
		}, []string{"http_request_method", "http_route", "http_response_status_code"}),
		operations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "engagement_operation_duration_seconds", Help: "How long operations of the database took, by all callers.", Buckets: seconds,
		}, []string{"operation"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "engagement_operation_failures_total", Help: "Operations of the database that failed, refused arguments included.",
		}, []string{"operation"}),
		facts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "engagement_facts_total", Help: "Fires and trades that came in, by what became of them.",
		}, []string{"fact", "status"}),
	}
	m.registry.MustRegister(m.requests, m.operations, m.failures, m.facts,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Observe is for [engagement.WithObserver].
func (m *Metrics) Observe(o engagement.Observation) {
	m.operations.WithLabelValues(o.Operation).Observe(o.Duration.Seconds())
	if o.Err != nil {
		m.failures.WithLabelValues(o.Operation).Inc()
	}
	for _, status := range o.Fires {
		m.facts.WithLabelValues("fire", status.String()).Inc()
	}
	for _, status := range o.Trades {
		m.facts.WithLabelValues("trade", status.String()).Inc()
	}
}

// watch adds what is read when somebody asks.
func (m *Metrics) watch(db *engagement.DB, l *live) error {
	counter := func(name, help string, value func(engagement.CommitStats) float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
			func() float64 { return value(db.CommitStats()) })
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	for _, c := range []prometheus.Collector{
		counter("engagement_commits_total", "Commits of shared batches.",
			func(s engagement.CommitStats) float64 { return float64(s.Batches) }),
		counter("engagement_commit_writes_total", "Facts in these commits: divided by the commits, the size of a batch.",
			func(s engagement.CommitStats) float64 { return float64(s.Writes) }),
		counter("engagement_commit_wait_seconds_total", "How long facts waited for their batch to begin, added up.",
			func(s engagement.CommitStats) float64 { return s.WaitTotal.Seconds() }),
		counter("engagement_commit_seconds_total", "How long batches took from their beginning until on disk, added up.",
			func(s engagement.CommitStats) float64 { return s.CommitTotal.Seconds() }),
		gauge("engagement_commit_waiting", "Facts that wait for a commit.",
			func() float64 { return float64(db.CommitStats().Waiting) }),
		gauge("engagement_database_bytes", "What the database takes on disk; -1 if that cannot be read.",
			func() float64 { return sizeOf(db) }),
		gauge("engagement_live_streams", "Clients that see today's figures change.",
			func() float64 { return float64(l.count()) }),
	} {
		if m.registry.Register(c) != nil {
			return invalid("metrics", nil, "another server has them")
		}
	}
	return nil
}

func sizeOf(db *engagement.DB) float64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	size, err := db.Size(ctx)
	if err != nil {
		return -1
	}
	return float64(size)
}

var methods = map[string]bool{
	http.MethodGet: true, http.MethodHead: true, http.MethodPost: true, http.MethodPut: true, http.MethodDelete: true, http.MethodOptions: true,
}

// request counts a request. Whatever a client makes up is one method and one route.
func (m *Metrics) request(e *exchange, took time.Duration) {
	method := e.r.Method
	if !methods[method] {
		method = "_OTHER"
	}
	route := e.route()
	if _, path, ok := strings.Cut(route, " "); ok {
		route = path
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(e.w.status)).Observe(took.Seconds())
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
