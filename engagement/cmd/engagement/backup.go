package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the database to a new file while it is in use",
		Long: `Copy the database to a new file while it is in use. The copy is verified before
it gets its name, so a file that is there is a good one. It must not exist yet.`,
		Example: `  engagement backup /backups/engagement-2026-01-31.db`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				path := args[0]
				if err := db.Backup(ctx, path); err != nil {
					return err
				}
				now := a.now()
				a.note(cmd, engagement.Upkeep{LastBackup: &now})
				info, err := os.Stat(path)
				if err != nil {
					return fmt.Errorf("look at the backup: %w", err)
				}
				return a.print(cmd, fileOutput{path, info.Size()}, func() string {
					return fmt.Sprintf("backed up to %s and verified (%s bytes)\n", path, cellText(info.Size()))
				})
			})
		},
	}
}
