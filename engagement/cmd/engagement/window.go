package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// windowFlag is the flag of commands whose figures are about a window.
type windowFlag struct{ text string }

// add adds the flag to cmd; standard is the window if the flag is not given.
func (f *windowFlag) add(cmd *cobra.Command, standard string) {
	cmd.Flags().StringVar(&f.text, "window", standard,
		"which `DAYS`: all, today, week (from Monday), month, such as 30d, or such as 2026-01-01..2026-01-31")
	mustComplete(cmd, "window", "all", "today", "week", "month", "7d", "30d")
}

// window returns the window that the flag names, as of today.
func (f *windowFlag) window(r *engagement.Reader) (engagement.Window, error) {
	return r.ParseWindow(f.text)
}

// windowText returns the days of a window for titles and tables.
func windowText(w engagement.Window) string {
	switch {
	case w.IsAllTime():
		return "all time"
	case w.From() == w.To():
		return w.From().String()
	}
	return fmt.Sprintf("%s to %s", w.From(), w.To())
}
