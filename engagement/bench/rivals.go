package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// measuring is how a contender works for about d.
type measuring = func(ctx context.Context, d time.Duration) (sample, error)

// contender is one row of the table and what it measured, a sample a round.
type contender struct {
	name    string
	run     measuring
	samples []sample
}

// figures returns one figure of each of the contender's rounds.
func (c *contender) figures(of func(sample) float64) series {
	s := make(series, len(c.samples))
	for i, sample := range c.samples {
		s[i] = of(sample)
	}
	return s
}

// inTurn measures the contenders A B C A B C …, after a short round that does
// not count. Each measurement of a round is made in so many turns, so that all
// contenders meet the same moods of a machine that does other things too.
func (b *bench) inTurn(ctx context.Context, turns int, contenders []*contender) error {
	if err := oneRound(ctx, 1, b.duration/5, contenders, make([]sample, len(contenders))); err != nil {
		return err
	}
	for range b.rounds {
		samples := make([]sample, len(contenders))
		if err := oneRound(ctx, turns, b.duration, contenders, samples); err != nil {
			return err
		}
		for i, c := range contenders {
			c.samples = append(c.samples, samples[i])
		}
	}
	return nil
}

// briefly is for what takes microseconds: a quarter of the time is many calls.
func (b *bench) briefly() *bench {
	brief := *b
	brief.duration /= 4
	return &brief
}

// oneRound adds each contender's turns to its sample.
func oneRound(ctx context.Context, turns int, d time.Duration, contenders []*contender, samples []sample) error {
	for range turns {
		for i, c := range contenders {
			s, err := c.run(ctx, d/time.Duration(turns))
			if err == nil && s.ops == 0 {
				err = errors.New("nothing was done")
			}
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			samples[i].add(s)
		}
	}
	return nil
}

// turnsOf says in how many turns n callers are measured. Many callers need a
// while to get going and to come to an end, so they get one.
func turnsOf(n int) int {
	if n <= 16 {
		return 10
	}
	return 1
}

// rival is a contender that writes to a database of its own.
type rival struct {
	contender
	close func() error
	check func(ctx context.Context) error // of the closed database
}

// rivals opens rivals until one cannot be opened.
type rivals struct {
	bench *bench
	all   []*rival
	err   error
}

// add opens a rival on a copy of original. open returns how it works and how it
// is closed; check is told how many operations it did. The rival is nil if it
// or one before it could not be opened, which measure reports.
func (r *rivals) add(name, original string, open func(path string) (measuring, func() error, error),
	check func(ctx context.Context, path string, ops int64) error) *rival {
	if r.err != nil {
		return nil
	}
	path, err := r.bench.copyOf(original)
	if err != nil {
		r.err = err
		return nil
	}
	return r.addAt(name, path, open, func(ctx context.Context, path string, ops int64) error {
		return errors.Join(check(ctx, path, ops), remove(path))
	})
}

// addAt opens a rival on the database at path, which check removes.
func (r *rivals) addAt(name, path string, open func(path string) (measuring, func() error, error),
	check func(ctx context.Context, path string, ops int64) error) *rival {
	run, closeIt, err := open(path)
	if err != nil {
		r.err = fmt.Errorf("open %s: %w", name, err)
		return nil
	}
	var ops int64 // also of the round that does not count
	added := &rival{contender: contender{name: name}, close: closeIt}
	added.run = func(ctx context.Context, d time.Duration) (sample, error) {
		s, err := run(ctx, d)
		ops += s.ops
		return s, err
	}
	added.check = func(ctx context.Context) error { return check(ctx, path, ops) }
	r.all = append(r.all, added)
	return added
}

// measure measures the rivals, in so many turns a round, then closes and checks
// their databases.
func (r *rivals) measure(ctx context.Context, turns int) error {
	contenders := make([]*contender, len(r.all))
	for i, rival := range r.all {
		contenders[i] = &rival.contender
	}
	err := r.err
	if err == nil {
		err = r.bench.inTurn(ctx, turns, contenders)
	}
	for _, rival := range r.all {
		err = errors.Join(err, rival.close())
	}
	if err != nil {
		return err
	}
	for _, rival := range r.all {
		if err := rival.check(ctx); err != nil {
			return fmt.Errorf("%s left a wrong database: %w", rival.name, err)
		}
	}
	return nil
}
