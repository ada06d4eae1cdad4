package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// pageFlags are the flags of commands that list page by page.
type pageFlags struct {
	limit int
	after string
}

// add adds the flags to cmd; usage says what the limit counts.
func (f *pageFlags) add(cmd *cobra.Command, limit int, usage string) {
	limitFlag(cmd, &f.limit, limit, usage)
	cmd.Flags().StringVar(&f.after, "after", "", "go on behind the page that printed this `CURSOR`")
	mustComplete(cmd, "after")
}

// limitFlag adds the flag of commands that list rows.
func limitFlag(cmd *cobra.Command, into *int, limit int, usage string) {
	cmd.Flags().IntVar(into, "limit", limit, fmt.Sprintf("%s, at most %d", usage, engagement.MaxLimit))
	mustComplete(cmd, "limit")
}

func (f *pageFlags) query() engagement.PageQuery {
	return engagement.PageQuery{Limit: f.limit, After: engagement.Cursor(f.after)}
}

// nextText says how to see the next page, if there is one.
func nextText(next engagement.Cursor) string {
	if next == "" {
		return ""
	}
	return fmt.Sprintf("\nThere is more: repeat the command with --after %s\n", next)
}
