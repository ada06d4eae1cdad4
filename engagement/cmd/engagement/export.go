package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// fileOutput is what commands that write a file print as JSON.
type fileOutput struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

func (a *app) exportCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "export USER",
		Short: "Write everything kept about one user as JSON",
		Long: `Write everything kept about one user as JSON, of one moment and however much it
is, to stdout or to a file. The file appears only when it is complete, replaces
what was there, and only its owner may read it.`,
		Example: `  engagement export 12345
  engagement export 12345 --output user-12345.json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			userID, err := parseUserID(args[0])
			if err != nil {
				return err
			}
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				if output == "" {
					// With no progress bar, which a terminal would show within the JSON.
					return db.WriteUserExport(cmd.Context(), cmd.OutOrStdout(), userID)
				}
				size, err := writeFile(output, func(w io.Writer) error { return db.WriteUserExport(ctx, w, userID) })
				if err != nil {
					return fmt.Errorf("export to %s: %w", output, err)
				}
				return a.print(cmd, fileOutput{output, size}, func() string {
					return fmt.Sprintf("wrote %s (%s bytes)\n", output, cellText(size))
				})
			})
		},
	}
	cmd.Flags().StringVar(&output, "output", "", "the `FILE` to write (default stdout)")
	return cmd
}

// writeFile gives a file its name only when write has succeeded and its content
// is on the disk.
func writeFile(path string, write func(io.Writer) error) (size int64, err error) {
	if old, err := os.Lstat(path); err == nil && !old.Mode().IsRegular() { // /dev/stdout would be gone for everybody
		return 0, invalid("--output", path, "it is not a file that may be replaced")
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".export-*") // mode 0600
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	info, statErr := file.Stat()
	if err := errors.Join(err, statErr, file.Close()); err != nil {
		return 0, err
	}
	return info.Size(), os.Rename(file.Name(), path)
}
