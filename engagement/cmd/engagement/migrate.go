package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// migrateOutput is what the migrate command prints as JSON.
type migrateOutput struct {
	Database string   `json:"database"`
	Made     bool     `json:"made"` // it was not there before
	Timezone string   `json:"timezone"`
	Backups  []string `json:"backups"` // copies made before the first change
}

func (a *app) migrateCommand() *cobra.Command {
	var citus bool
	command := &cobra.Command{
		Use:   "migrate",
		Short: "Make the database, or bring an old one up to date",
		Long: `Make the database if there is none, or bring it to the current schema. A database
of the Python module that this program succeeds is taken over where it is. A file
with data is first copied to a backup beside it. It may be run at any time.

With --citus the tables that grow with the community are spread over the nodes of the
Citus cluster whose coordinator is named, unless they are already.`,
		Example: `  engagement migrate
  engagement migrate --db data/engagement.db --timezone Europe/Berlin
  engagement migrate --db postgres://user@coordinator/community --citus`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := a.path(cmd)
			before := backupsOf(path)
			out := migrateOutput{Database: engagement.RedactDSN(path), Made: checkExists(path) != nil, Backups: []string{}}
			var more []engagement.Option
			if citus {
				more = append(more, engagement.WithCitus())
			}
			return a.withDBAt(cmd, path, making, func(_ context.Context, db *engagement.DB) error {
				out.Timezone = db.Location().String()
				for backup := range backupsOf(path) {
					if !before[backup] {
						out.Backups = append(out.Backups, backup)
					}
				}
				return a.print(cmd, out, func() string { return migrateText(out) })
			}, more...)
		},
	}
	command.Flags().BoolVar(&citus, "citus", false, "spread the tables over the nodes of a Citus cluster")
	return command
}

func migrateText(m migrateOutput) string {
	verb := "up to date"
	if m.Made {
		verb = "made"
	}
	text := fmt.Sprintf("%s: %s (days begin and end in %s)\n", verb, m.Database, m.Timezone)
	for _, backup := range m.Backups {
		text += fmt.Sprintf("backup of what it was before: %s\n", backup)
	}
	return text
}

// backupsOf finds the copies that migrations have left beside a database. Their
// names are FILE.v3-TIME.bak.
func backupsOf(path string) map[string]bool {
	found := map[string]bool{}
	entries, _ := os.ReadDir(filepath.Dir(path)) // a folder that cannot be read has none to show
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, filepath.Base(path)+".v") && strings.HasSuffix(name, ".bak") {
			found[filepath.Join(filepath.Dir(path), name)] = true
		}
	}
	return found
}
