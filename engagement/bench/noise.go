package main

import "context"

// noise is what a ratio of the tables beneath is worth: what comes out where it should
// be one.
func (b *bench) noise() *section {
	s := &section{table: table{
		title: "Noise",
		note: "The library beside itself, each with a copy of the same SQLite file: with no noise, each ratio would be 1. " +
			"A difference that is smaller than the spread here shows nothing.",
		columns: []string{"writer", "fires/s", "÷ itself", "CPU µs a fire", "CPU ÷ itself"},
	}}
	for _, n := range b.sizes.callersRemote {
		s.groups = append(s.groups, group{
			name: "noise: " + plural(n, "caller"),
			run:  func(ctx context.Context) ([]row, error) { return b.noiseOf(ctx, n) },
		})
	}
	return s
}

func (b *bench) noiseOf(ctx context.Context, n int) ([]row, error) {
	warm, err := b.libraryFile(ctx)
	if err != nil {
		return nil, err
	}
	r := &rivals{bench: b}
	for _, name := range []string{"library", "the same again"} {
		r.add(name, warm, func(path string) (measuring, func() error, error) {
			lib, run, err := b.openMeasured(ctx, path, n)
			return run, func() error { return lib.close() }, err
		}, b.verifyWarm)
	}
	if err := r.measure(ctx, turnsOf(n)); err != nil {
		return nil, err
	}
	one, again := r.all[0], r.all[1]
	rate, cpu := one.figures(sample.rate), one.figures(sample.cpuPerOp)
	return []row{{plural(n, "caller"), []cell{
		figure(rate), figure(rate.over(again.figures(sample.rate))),
		figure(cpu), figure(cpu.over(again.figures(sample.cpuPerOp))),
	}}}, nil
}
