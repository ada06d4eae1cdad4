package main

import (
	"context"

	"github.com/hydraxdev/engagementdb/engagement"
)

// citusVariable names a cluster as --citus does.
const citusVariable = "ENGAGEMENT_BENCH_CITUS"

// citusTargets are what a cluster is to reach of one server, by the number of callers.
var citusTargets = map[int]float64{64: 0.15, 256: 0.25}

func (b *bench) onCitus() *section {
	s := &section{table: table{
		title: "Citus",
		note: "The library on a Citus cluster and on one PostgreSQL server, both on this machine: one fire a call, durable " +
			"when the call returns, 20,000 users and 30 live signals.",
		columns: []string{"writer", "fires/s", "÷ one server", "fires a commit", "target"},
	}}
	if b.citus == "" {
		return s
	}
	for _, n := range b.sizes.callersCitus {
		s.groups = append(s.groups, group{
			name: "Citus: " + plural(n, "caller"),
			run:  func(ctx context.Context) ([]row, error) { return b.citusOf(ctx, n) },
		})
	}
	return s
}

func (b *bench) citusOf(ctx context.Context, n int) ([]row, error) {
	server, err := b.server(ctx)
	if err != nil {
		return nil, err
	}
	r := &rivals{bench: b}
	open := func(dsn string) (measuring, func() error, error) {
		lib, run, err := b.openMeasured(ctx, dsn, n)
		return run, func() error { return lib.close() }, err
	}
	r.addRemote(ctx, "the cluster", b.citus, nil, b.fillCitus, open, b.verifyWarm)
	r.addRemote(ctx, "one server", server.URL(), nil, b.fillRemote, open, b.verifyWarm)
	if err := r.measure(ctx, 1); err != nil {
		return nil, err
	}
	rows := make([]row, len(r.all))
	one := r.all[1].figures(sample.rate)
	for i, c := range r.all {
		rate := c.figures(sample.rate)
		target := blank
		if least, ok := citusTargets[n]; ok && i == 0 {
			target = atLeast(least, rate.over(one))
		}
		rows[i] = row{plural(n, "caller") + ": " + c.name, []cell{
			figure(rate), figure(rate.over(one)), figure(c.figures(sample.batch)), target,
		}}
	}
	return rows, nil
}

// fillCitus makes what libraryFile is, spread over the nodes.
func (b *bench) fillCitus(ctx context.Context, dsn string) error {
	if err := engagement.Migrate(ctx, dsn, engagement.WithCitus()); err != nil {
		return err
	}
	return b.fillRemote(ctx, dsn)
}
