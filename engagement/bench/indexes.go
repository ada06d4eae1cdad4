package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/hydraxdev/engagementdb/engagement"
)

// index is an index of a SQLite file that a migration has made.
type index struct{ name, text string }

// indexesOf lists the indexes that can be dropped.
func indexesOf(ctx context.Context, db *sql.DB) ([]index, error) {
	list, err := db.PrepareContext(ctx, "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name")
	if err != nil {
		return nil, err
	}
	indexes, err := scanAll(ctx, list, func(i *index) []any { return []any{&i.name, &i.text} })
	return indexes, errors.Join(err, list.Close())
}

func (b *bench) indexes() *section {
	s := &section{table: table{
		title: "What each index costs",
		note: fmt.Sprintf("Fires of random users on a file that holds %s fires of %s, %s, one fire a call: without one "+
			"index after the other, beside all of them in the same round.", thousands(int64(b.sizes.manyLoaded)),
			plural(int(b.sizes.many), "user"), plural(slices.Max(b.sizes.callersRemote), "caller")),
		columns: []string{"without", "fires/s", "÷ with all", "CPU µs a fire", "CPU ÷ with all"},
	}}
	if b.withIndexes {
		s.groups = []group{{"indexes", b.withoutEach}}
	}
	return s
}

func (b *bench) manyFile(ctx context.Context) (string, error) {
	return b.file("many", func(path string) error {
		return fillLibrary(ctx, path, communityClock, b.manyFires())
	})
}

// manyFires are the first of the many users.
func (b *bench) manyFires() iter.Seq[engagement.Fire] {
	return func(yield func(engagement.Fire) bool) {
		for i := range b.sizes.manyLoaded {
			f := b.sizes.many.randomAt(i + 1).facade()
			f.At = communityNow
			if !yield(f) {
				return
			}
		}
	}
}

func (b *bench) withoutEach(ctx context.Context) (rows []row, err error) {
	path, err := b.manyFile(ctx)
	if err != nil {
		return nil, err
	}
	file, err := openPool("sqlite3", path)
	if err != nil {
		return nil, err
	}
	lib, err := openLibrary(ctx, path)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	indexes, err := indexesOf(ctx, file)
	var contenders []*contender
	if err == nil {
		contenders, err = b.measureWithoutEach(ctx, lib, file, append([]index{{name: "(nothing: all are there)"}}, indexes...))
	}
	stored := int64(b.sizes.manyLoaded)
	for _, c := range contenders {
		for _, s := range c.samples {
			stored += s.ops
		}
	}
	if err = errors.Join(err, file.Close(), lib.close()); err != nil {
		return nil, err
	}
	if err := verify(ctx, path, stored); err != nil {
		return nil, err
	}
	all := contenders[0]
	for _, c := range contenders {
		rate, cpu := c.figures(sample.rate), c.figures(sample.cpuPerOp)
		rows = append(rows, row{c.name, []cell{
			figure(rate), figure(rate.over(all.figures(sample.rate))), figure(cpu), figure(cpu.over(all.figures(sample.cpuPerOp))),
		}})
	}
	return rows, nil
}

// measureWithoutEach measures fires while one index is dropped, one after the other,
// round by round.
func (b *bench) measureWithoutEach(ctx context.Context, lib *library, file *sql.DB, indexes []index) ([]*contender, error) {
	n := slices.Max(b.sizes.callersRemote)
	var next atomic.Int64
	next.Store(int64(b.sizes.manyLoaded))
	contenders := make([]*contender, len(indexes))
	for range b.rounds {
		for i, index := range indexes {
			if contenders[i] == nil {
				contenders[i] = &contender{name: index.name}
			}
			if index.text != "" {
				if _, err := file.ExecContext(ctx, "DROP INDEX "+index.name); err != nil {
					return nil, err
				}
			}
			s, err := lib.measure(func() (sample, error) {
				return load(ctx, n, b.duration, &next, func(i int) error { return lib.record(ctx, b.sizes.many.randomAt(i)) })
			})
			if err != nil {
				return nil, fmt.Errorf("without %s: %w", index.name, err)
			}
			contenders[i].samples = append(contenders[i].samples, s)
			if index.text != "" {
				if _, err := file.ExecContext(ctx, index.text); err != nil {
					return nil, err
				}
			}
		}
	}
	return contenders, nil
}
