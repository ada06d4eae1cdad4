package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

func (b *bench) million() *section {
	sizes := b.sizes
	s := &section{table: table{
		title: "A million users",
		note: fmt.Sprintf("Fires of random users on a file that holds %s fires of %s, beside the usual %s: "+
			"%s, one fire a call, each durable when its call returns. Then the first fires of the many by RecordFires, %s "+
			"a call, each call one durable commit, measured in %d parts. CPU is that of the process.",
			thousands(int64(sizes.manyLoaded)), plural(int(sizes.many), "user"), thousands(int64(sizes.users)),
			plural(slices.Max(sizes.callersRemote), "caller"), thousands(batchOf), loadParts),
		columns: []string{"writer", "fires/s", "÷ few users", "÷ other commit", "fires a commit", "CPU µs a fire", "target"},
	}}
	s.groups = []group{
		{"million users: callers", b.manyUsers},
		{"million users: RecordFires", b.firstFires},
	}
	return s
}

func (b *bench) pagesWritten() *section {
	return &section{table: table{
		title: "Pages written",
		note: "WAL frames (pages of 4 KiB) that some hundred fires write, with no move into the file among them, divided " +
			"by the fires: what a fire costs the disk. Counted in one pass, not timed.",
		columns: []string{"file", "callers", "WAL frames a fire", "fires a commit"},
	}, groups: []group{{"million users: pages written", b.framesOf}}}
}

// fileOf is a subject with a file of few users or many, which ends with close.
func (b *bench) fileOf(ctx context.Context, p program, many bool) (s *subject, err error) {
	path, drop, err := b.emptyFile(ctx)
	if err != nil {
		return nil, err
	}
	if s, err = p.start(path); err != nil {
		return nil, err
	}
	s.drop = drop
	prepare := order{Do: "warm", Users: b.sizes.users}
	if many {
		b.logf("%s: storing the first fires of many users", p.name)
		prepare = order{Do: "load", Users: b.sizes.many, Random: true, N: b.sizes.manyLoaded}
	}
	if _, err = s.obey(prepare); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// closeAll closes the subjects and returns what failed, err first.
func closeAll(subjects []*subject, err error) error {
	for _, s := range subjects {
		err = errors.Join(err, s.close())
	}
	return err
}

// manyUsers measures many users beside few, of each program.
func (b *bench) manyUsers(ctx context.Context) (rows []row, err error) {
	programs, err := b.programs(ctx)
	if err != nil {
		return nil, err
	}
	n := slices.Max(b.sizes.callersRemote)
	var subjects []*subject
	var contenders []*contender // the few and the many of each program
	defer func() { err = closeAll(subjects, err) }()
	for _, p := range programs {
		for _, many := range []bool{false, true} {
			s, err := b.fileOf(ctx, p, many)
			if err != nil {
				return nil, err
			}
			subjects = append(subjects, s)
			users := b.sizes.users
			if many {
				users = b.sizes.many
			}
			contenders = append(contenders, &contender{
				name: fmt.Sprintf("%s, %s: %s", plural(n, "caller"), plural(int(users), "user"), p.name),
				run:  s.fires(users, many, n),
			})
		}
	}
	if err := b.inTurn(ctx, 1, contenders); err != nil {
		return nil, err
	}
	for i, c := range contenders {
		rate := c.figures(sample.rate)
		few, other, target := blank, blank, blank
		if i%2 == 1 {
			ratio := rate.over(contenders[i-1].figures(sample.rate))
			few = figure(ratio)
			if i == 1 {
				target = atLeast(0.45, ratio)
			}
		}
		if i < 2 && len(contenders) > 2 {
			ratio := rate.over(contenders[i+2].figures(sample.rate))
			other = figure(ratio)
			if i == 1 {
				target = target.and(atLeast(1.6, ratio))
			}
		}
		rows = append(rows, row{c.name, []cell{figure(rate), few, other, figure(c.figures(sample.batch)), figure(c.figures(sample.cpuPerOp)), target}})
	}
	return rows, nil
}

// loadParts is in how many parts the first fires are measured.
const loadParts = 20

// firstFires measures how RecordFires fills a file.
func (b *bench) firstFires(ctx context.Context) (rows []row, err error) {
	programs, err := b.programs(ctx)
	if err != nil {
		return nil, err
	}
	var subjects []*subject
	defer func() { err = closeAll(subjects, err) }()
	contenders := make([]*contender, len(programs))
	for i, p := range programs {
		path, drop, err := b.emptyFile(ctx)
		if err != nil {
			return nil, err
		}
		s, err := p.start(path)
		if err != nil {
			return nil, err
		}
		s.drop = drop
		subjects, contenders[i] = append(subjects, s), &contender{name: p.name}
	}
	for range loadParts {
		for i, s := range subjects {
			a, err := s.obey(order{Do: "load", Users: b.sizes.many, Random: true, N: b.sizes.manyFirst / loadParts})
			if err = errors.Join(err, ctx.Err()); err != nil {
				return nil, err
			}
			contenders[i].samples = append(contenders[i].samples, a.sample())
		}
	}
	const tenth = loadParts / 10
	for i, c := range contenders {
		rate := c.figures(sample.rate)
		var sum sample
		for _, part := range c.samples {
			sum.add(part)
		}
		total := thousands(int64(b.sizes.manyFirst))
		lines := []row{
			{"RecordFires, the first " + total + ": " + c.name, []cell{figure(series{sum.rate()}), blank, blank,
				figure(series{sum.batch()}), figure(series{sum.cpuPerOp()}), blank}},
			{"of these the first tenth: " + c.name, []cell{figure(rate[:tenth])}},
			{"of these the last tenth: " + c.name, []cell{figure(rate[loadParts-tenth:])}},
		}
		if i == 0 {
			lines[0].cells[5] = atLeast(20_000, series{sum.rate()})
		}
		if i == 0 && len(contenders) > 1 {
			theirs := contenders[1].figures(sample.rate)
			lines[0].cells[2] = figure(rate.over(theirs))
			lines[1].cells = append(lines[1].cells, blank, figure(rate[:tenth].over(theirs[:tenth])))
			lines[2].cells = append(lines[2].cells, blank, figure(rate[loadParts-tenth:].over(theirs[loadParts-tenth:])))
		}
		rows = append(rows, lines...)
	}
	return rows, nil
}

// framesOf counts the pages that fires write, of each program.
func (b *bench) framesOf(ctx context.Context) (rows []row, err error) {
	programs, err := b.programs(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range programs {
		for _, many := range []bool{false, true} {
			of, err := b.framesOfFile(ctx, p, many)
			if err != nil {
				return nil, err
			}
			rows = append(rows, of...)
		}
	}
	return rows, nil
}

func (b *bench) framesOfFile(ctx context.Context, p program, many bool) (rows []row, err error) {
	s, err := b.fileOf(ctx, p, many)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	users := b.sizes.users
	if many {
		users = b.sizes.many
	}
	for _, n := range b.sizes.callersRemote {
		a, err := s.obey(order{Do: "frames", Users: users, Random: many, N: n})
		if err = errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		rows = append(rows, row{plural(int(users), "user") + ": " + p.name, []cell{
			text(thousands(int64(n))), figure(series{float64(a.Frames) / float64(a.Ops)}), figure(series{a.sample().batch()}),
		}})
	}
	return rows, nil
}
