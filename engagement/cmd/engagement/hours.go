package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) hoursCommand() *cobra.Command {
	var days windowFlag
	cmd := &cobra.Command{
		Use:   "hours",
		Short: "Show at which hours of the week users fire",
		Long: `Show how many fires there were at each hour of each weekday, by the clock in the
database's time zone; dark is the busiest. It knows the fires that are still kept
one by one, so not those of before a cleanup.`,
		Example: `  engagement hours
  engagement hours --window month
  engagement hours --window 2026-01-01..2026-01-31 --json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				w, err := days.window(db.Reader)
				if err != nil {
					return err
				}
				hours, err := db.Hours(ctx, w)
				if err != nil {
					return err
				}
				return a.print(cmd, hours, func() string {
					return fmt.Sprintf("%s of %s, kept from %s on\n\n%s", counted(hours.Total, "fire"),
						windowText(w), hours.Horizon, hoursTable(hours))
				})
			})
		},
	}
	days.add(cmd, "all")
	return cmd
}

// hoursTable has a row for each hour, so that it fits on a screen with numbers
// of any size, and beside the numbers a map of them.
func hoursTable(hours engagement.Hours) *table {
	t := &table{header: []any{"hour", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "MTWTFSS"}}
	most := int64(1)
	for _, weekday := range hours.Fires {
		most = max(most, slices.Max(weekday[:]))
	}
	for hour := range 24 {
		row, shades := []any{fmt.Sprintf("%02d", hour)}, ""
		for _, weekday := range hours.Fires {
			row = append(row, weekday[hour])
			shades += shade(weekday[hour], most)
		}
		t.add(append(row, shades)...)
	}
	return t
}

// shade returns a character that is the darker, the nearer n is to most; an
// hour with fires is never blank.
func shade(n, most int64) string {
	shades := []string{" ", "░", "▒", "▓", "█"}
	return shades[(4*n+most-1)/most]
}
