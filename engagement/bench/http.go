package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/server"
)

func (b *bench) overHTTP() *section {
	s := &section{table: table{
		title: "HTTP",
		note: "A server in this process, asked by a client in another, which writes requests and reads answers with as " +
			"little work as it can. Fires are one a request and durable when it is answered (synchronous = FULL), 20,000 " +
			"users and 30 live signals; the library has as many callers as the client connections. Waits are of single " +
			"requests. CPU is that of the server's process.",
		columns: []string{"request", "requests/s", "÷ library", "wait p50, ms", "wait p99, ms", "CPU µs a request", "target"},
	}}
	for _, n := range b.sizes.connections {
		s.groups = append(s.groups, group{
			name: "http: fires, " + plural(n, "connection"),
			run:  func(ctx context.Context) ([]row, error) { return b.firesOverHTTP(ctx, n) },
		})
	}
	s.groups = append(s.groups, group{name: "http: board", run: b.boardOverHTTP})
	return s
}

// firesTarget is how many fires a second so many connections are to reach.
var firesTarget = map[int]float64{1: 2_500, 16: 4_150}

func (b *bench) firesOverHTTP(ctx context.Context, n int) ([]row, error) {
	warm, err := b.libraryFile(ctx)
	if err != nil {
		return nil, err
	}
	r := &rivals{bench: b}
	var lib *library
	library := r.add("library", warm, func(path string) (measuring, func() error, error) {
		var run measuring
		lib, run, err = b.openMeasured(ctx, path, n)
		return run, func() error { return lib.close() }, err
	}, b.verifyWarm)
	var waits []waiting // of each measurement, the one that does not count first
	over := r.add("POST /v1/fires", warm, func(path string) (measuring, func() error, error) {
		served, err := b.serveFile(ctx, path, clientTask{Connections: n, Users: b.sizes.users})
		return func(ctx context.Context, d time.Duration) (sample, error) {
			s, w, err := served.measure(ctx, d)
			waits = append(waits, w)
			return s, err
		}, func() error { return served.close() }, err
	}, b.verifyWarm)
	if n == 1 {
		b.addDisk(r)
	}
	if err := r.measure(ctx, turnsOf(n)); err != nil {
		return nil, err
	}
	rate := over.figures(sample.rate)
	ratio := rate.over(library.figures(sample.rate))
	target := blank
	if least, ok := firesTarget[n]; ok {
		target = atLeast(least, rate)
	} else if n == slices.Max(b.sizes.connections) {
		target = atLeast(0.5, ratio)
	}
	name := plural(n, "connection") + ": "
	rows := []row{
		{name + over.name, []cell{figure(rate), figure(ratio), figure(p50s(waits[1:])), figure(p99s(waits[1:])),
			figure(over.figures(sample.cpuPerOp)), target}},
		{name + library.name, []cell{figure(library.figures(sample.rate)), blank, blank, blank,
			figure(library.figures(sample.cpuPerOp)), blank}},
	}
	if n == 1 {
		most := r.all[2]
		rate := most.figures(sample.rate)
		rows = append(rows, row{name + most.name, []cell{figure(rate), figure(rate.over(library.figures(sample.rate)))}})
	}
	return rows, nil
}

func (b *bench) boardOverHTTP(ctx context.Context) (rows []row, err error) {
	path, err := b.communityFile(ctx, b.sizes.large)
	if err != nil {
		return nil, err
	}
	n := b.sizes.boardConnections
	served, err := b.serveFile(ctx, path, clientTask{Connections: n, Path: "/v1/boards/total_fires?limit=" + strconv.Itoa(topRows)},
		engagement.WithClock(communityClock))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, served.close()) }()
	var waits []waiting
	c := &contender{name: "GET of a board's top 10", run: func(ctx context.Context, d time.Duration) (sample, error) {
		s, w, err := served.measure(ctx, d)
		waits = append(waits, w)
		return s, err
	}}
	if err := b.inTurn(ctx, 1, []*contender{c}); err != nil {
		return nil, err
	}
	p99 := p99s(waits[1:])
	return []row{{plural(n, "connection") + ": " + c.name + ", " + b.sizes.large.name, []cell{
		figure(c.figures(sample.rate)), blank, figure(p50s(waits[1:])), figure(p99), figure(c.figures(sample.cpuPerOp)),
		verdict(p99.median() < 5, "p99 < 5 ms"),
	}}}, nil
}

func (b *bench) streams() *section {
	return &section{table: table{
		title:   "Live streams",
		note:    "Clients in another process hold GET /v1/live open while nothing changes. CPU is that of the server's process.",
		columns: []string{"what", "clients", "CPU, % of one core", "target"},
	}, groups: []group{{name: "http: live streams", run: b.idleStreams}}}
}

func (b *bench) idleStreams(ctx context.Context) (rows []row, err error) {
	path, err := b.copyOf(must(b.libraryFile(ctx)))
	if err != nil {
		return nil, err
	}
	served, err := b.serveFile(ctx, path, clientTask{Connections: b.sizes.streams, Path: "/v1/live"})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, served.close(), remove(path)) }()
	if _, _, err := served.measure(ctx, 0); err != nil { // opens the streams
		return nil, err
	}
	var share series
	for range b.rounds {
		// Long enough for some looks at the database.
		s, err := timed(func() (int64, error) { return 1, wait(ctx, max(5*b.duration, 1100*time.Millisecond)) })
		if err != nil {
			return nil, err
		}
		share = append(share, 100*s.cpu.Seconds()/s.took.Seconds())
	}
	return []row{{"streams that say nothing", []cell{figure(series{float64(b.sizes.streams)}), figure(share),
		verdict(share.median() < 5, "< 5 %")}}}, nil
}

// must returns a path that is made on the way, "" if it could not be: then what is
// done with it fails.
func must(path string, err error) string {
	if err != nil {
		return ""
	}
	return path
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// served is a server and the process that asks it.
type served struct {
	db      *engagement.DB
	handler *server.Server
	http    *http.Server
	client  *process
}

// serveFile serves a database and starts a client with a task.
func (b *bench) serveFile(ctx context.Context, path string, task clientTask, opts ...engagement.Option) (s *served, err error) {
	s = &served{}
	if s.db, err = engagement.Open(ctx, path, opts...); err != nil {
		return nil, err
	}
	token, err := s.db.CreateToken(ctx, engagement.NewToken{Name: "bench", Scopes: []engagement.Scope{engagement.ScopeRead, engagement.ScopeWrite}})
	if err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	if s.handler, err = server.New(s.db); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, s.handler.Close(), s.db.Close())
	}
	s.http = &http.Server{Handler: s.handler}
	go func() { _ = s.http.Serve(listener) }() // ends with close
	task.Addr, task.Token = listener.Addr().String(), token.Secret
	if err := s.startClient(task); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *served) startClient(task clientTask) error {
	text, err := json.Marshal(task)
	if err != nil {
		return err
	}
	s.client, err = startSelf(askServer, string(text))
	return err
}

// measure lets the client ask for about d.
func (s *served) measure(ctx context.Context, d time.Duration) (sample, waiting, error) {
	var asked clientAnswer
	done, err := timed(func() (int64, error) {
		if err := s.client.ask(d, &asked); err != nil {
			return 0, err
		}
		if asked.Failure != "" {
			return 0, errors.New(asked.Failure)
		}
		return asked.Requests, ctx.Err()
	})
	done.took = max(asked.Took, 1)
	return done, asked.Waits, err
}

func (s *served) close() error {
	var errs []error
	if s.client != nil {
		errs = append(errs, s.client.close())
	}
	return errors.Join(append(errs, s.handler.Close(), s.http.Close(), s.db.Close())...)
}

// waiting is how long requests took, in milliseconds.
type waiting struct{ P50, P99 float64 }

func p50s(of []waiting) (s series) {
	for _, w := range of {
		s = append(s, w.P50)
	}
	return s
}

func p99s(of []waiting) (s series) {
	for _, w := range of {
		s = append(s, w.P99)
	}
	return s
}

func waitingOf(waits []time.Duration) (w waiting) {
	if len(waits) == 0 {
		return w
	}
	slices.Sort(waits)
	at := func(percent int) float64 { return waits[min(len(waits)*percent/100, len(waits)-1)].Seconds() * 1e3 }
	return waiting{at(50), at(99)}
}

// errAnswer says that a server answered otherwise than it should.
func errAnswer(line string) error {
	return fmt.Errorf("the server answers %q", line[:min(len(line), 80)])
}
