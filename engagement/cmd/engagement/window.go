package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// windows are the names of windows, first the default.
var windows = []string{"all", "today", "week", "month"}

// windowFlags are the flags of commands whose figures are about a window.
type windowFlags struct {
	name     string
	from, to engagement.Day
}

// add adds the flags to cmd.
func (f *windowFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.name, "window", windows[0], "which days: "+strings.Join(windows, ", ")+" (weeks begin on Monday)")
	dayFlag(flags, &f.from, "from", "first")
	dayFlag(flags, &f.to, "to", "last")
	cmd.MarkFlagsRequiredTogether("from", "to")
	cmd.MarkFlagsMutuallyExclusive("window", "from")
	cmd.MarkFlagsMutuallyExclusive("window", "to")
	mustComplete(cmd, "window", windows...)
	mustComplete(cmd, "from")
	mustComplete(cmd, "to")
}

// window returns the window that the flags name.
func (f *windowFlags) window(cmd *cobra.Command, r *engagement.Reader) (engagement.Window, error) {
	if cmd.Flags().Changed("from") {
		w := engagement.Window{From: f.from, To: f.to}
		if w.IsAllTime() { // the day 1970-01-01 looks like it
			return w, invalid("--from", f.from.String(), "want a later day")
		}
		return w, nil
	}
	switch f.name {
	case "all":
		return engagement.AllTime(), nil
	case "today":
		return r.TodayWindow(), nil
	case "week":
		return r.ThisWeek(), nil
	case "month":
		return r.ThisMonth(), nil
	}
	return engagement.Window{}, invalid("--window", f.name, "want one of "+strings.Join(windows, ", "))
}

// windowText says which days a window has.
func windowText(w engagement.Window) string {
	switch {
	case w.IsAllTime():
		return "all time"
	case w.From == w.To:
		return w.From.String()
	}
	return fmt.Sprintf("%s to %s", w.From, w.To)
}
