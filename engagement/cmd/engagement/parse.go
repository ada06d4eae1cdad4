package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/hydraxdev/engagementdb/engagement"
)

func invalid(field, value, why string) error {
	return &engagement.InvalidError{Field: field, Value: value, Reason: why}
}

func parseUserID(s string) (int64, error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, invalid("user id", s, "want a whole number")
	}
	return id, nil
}

func parsePnL(s string) (float64, error) {
	pnl, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, invalid("P&L", s, "want a number such as 150.75 or -12.5")
	}
	return pnl, nil
}

// timeFlag adds a flag for a time, which is zero unless it is given.
func timeFlag(flags *pflag.FlagSet, into *time.Time, name, usage string) {
	flags.Func(name, usage+": a `TIME` such as 2026-01-31T12:00:00Z (default now)", func(s string) (err error) {
		if *into, err = time.Parse(time.RFC3339, s); err != nil {
			return fmt.Errorf("want the form 2026-01-31T12:00:00Z or 2026-01-31T12:00:00+02:00")
		}
		return nil
	})
}
