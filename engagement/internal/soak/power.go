package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// powerCuts lets a child record and do upkeep, and checks what may be on the disk if
// the power fails at random moments.
func powerCuts(ctx context.Context, a *attack) error {
	upkeep := []string{opNone, opNone, opCleanup, opErase, opRebuild, opRules, opAdopt, opNew}
	s, err := a.newScene(upkeep[a.IntN(len(upkeep))], true)
	if err != nil {
		return err
	}
	if s.op == opRebuild {
		if err := s.spoil(ctx); err != nil {
			return err
		}
	}
	disk, l := newDisk(), newLedger()
	if s.op != opNew {
		before, err := os.ReadFile(s.dsn)
		if err != nil {
			return err
		}
		disk.holds(s.dsn, before)
	}
	run := childRun{orders: s.orders("cut"), ledger: s.ledger, log: a.path("log"), fault: &fault{dir: a.dir, log: true}}
	run.Units, run.Cycles = 5+a.IntN(25), 1+a.IntN(3) // closing moves the WAL into the file
	if _, err := a.runChild(ctx, run); err != nil {
		return err
	}
	log, err := readLog(run.log)
	if err != nil {
		return err
	}
	cuts := make([]int, a.cuts)
	for i := range cuts {
		cuts[i] = a.IntN(len(log) + 1)
	}
	slices.Sort(cuts)
	at := 0
	for i, cut := range cuts {
		for ; at < cut; at++ {
			disk.play(log[at])
			what := said{}
			if err := what.hear(log[at], l); err != nil {
				return err
			}
			if len(what.complaints) > 0 {
				return fmt.Errorf("the child complains: %s", what.complaints[0])
			}
		}
		if err := s.afterCut(ctx, disk.cut(a.Rand), l); err != nil {
			return fmt.Errorf("%s, cut at record %d of %d (the %d. of this log): %w", s, cut, len(log), i+1, err)
		}
		a.count++
	}
	return nil
}

func readLog(path string) (log []record, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	err = readRecords(file, func(r record) error {
		log = append(log, r)
		return nil
	})
	return log, errors.Join(err, file.Close())
}

// afterCut opens what a power cut has left.
func (s *scene) afterCut(ctx context.Context, left map[string][]byte, l *ledger) error {
	dir, err := os.MkdirTemp(s.dir, "left-*")
	if err != nil {
		return err
	}
	dsn := strings.Replace(s.dsn, s.dir, dir, 1)
	for path, data := range left {
		if strings.HasSuffix(path, "-shm") || !strings.HasPrefix(path, s.dsn) {
			continue // made anew, and a copy
		}
		if err := os.WriteFile(strings.Replace(path, s.dir, dir, 1), data, 0o600); err != nil {
			return err
		}
	}
	if err := s.inspect(ctx, dsn, l); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}
