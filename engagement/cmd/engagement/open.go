package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// mode is what a command does to the database.
type mode int

const (
	reading mode = iota // changes nothing, not even an old schema
	writing             // changes a database that exists
	making              // makes the database if there is none
)

// withDB opens the database, runs fn and closes the database. Only making makes
// a file, so that a mistyped name is an error and not an empty database.
func (a *app) withDB(cmd *cobra.Command, m mode, fn func(context.Context, *engagement.DB) error) error {
	return a.withDBAt(cmd, a.path(cmd), m, fn)
}

// withDBAt is withDB for the database at path, with more options.
func (a *app) withDBAt(
	cmd *cobra.Command, path string, m mode, fn func(context.Context, *engagement.DB) error, more ...engagement.Option,
) (err error) {
	if m != making {
		if err := checkExists(path); err != nil {
			return err
		}
	}
	opts, err := a.options(cmd)
	if err != nil {
		return err
	}
	opts = append(opts, more...)
	if m == reading {
		opts = append(opts, engagement.WithReadOnly())
	}
	report, finish := a.progress(cmd)
	defer finish()
	ctx := engagement.ContextWithProgress(cmd.Context(), report)

	db, err := engagement.Open(ctx, path, opts...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return fn(ctx, db)
}

// noteWait is how long a command waits to note what it has done.
const noteWait = 2 * time.Second

// note notes upkeep that was done with the database opened for reading, where it can be
// written to. What was done is done without it.
func (a *app) note(cmd *cobra.Command, u engagement.Upkeep) {
	ctx, cancel := context.WithTimeout(cmd.Context(), noteWait)
	defer cancel()
	opts, err := a.options(cmd)
	if err != nil {
		return
	}
	db, err := engagement.Open(ctx, a.path(cmd), append(opts, engagement.WithoutMigrate())...)
	if err != nil {
		return
	}
	_ = errors.Join(db.NoteUpkeep(ctx, u), db.Close())
}

// checkExists refuses a file that does not exist. A name that is not the path of a
// file is left to the library.
func checkExists(path string) error {
	if path == "" || !isPath(path) {
		return nil
	}
	_, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no database at %q; make one with: %s", path, migrateCommandFor(path))
	}
	if err != nil {
		return fmt.Errorf("look for the database: %w", err)
	}
	return nil
}

// isPath reports whether a database is named by the path of its file, which contains
// no password.
func isPath(dsn string) bool {
	return !strings.Contains(dsn, "://") && engagement.RedactDSN(dsn) == dsn
}

// migrateCommandFor returns the command to type. It leaves out a URL, which may
// contain a password.
func migrateCommandFor(path string) string {
	if !isPath(path) {
		return "engagement migrate"
	}
	return fmt.Sprintf("engagement migrate --db %q", path)
}

// options are the ways of opening that the persistent flags choose.
func (a *app) options(cmd *cobra.Command) ([]engagement.Option, error) {
	opts := []engagement.Option{engagement.WithClock(a.now)}
	if a.timezone != "" {
		loc, err := time.LoadLocation(a.timezone)
		if err != nil {
			return nil, invalid("--timezone", a.timezone, "want a name of the time zone database, such as Europe/Berlin")
		}
		opts = append(opts, engagement.WithLocation(loc))
	}
	if a.verbose {
		handler := slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelDebug})
		opts = append(opts, engagement.WithLogger(slog.New(handler)))
	}
	return opts, nil
}
