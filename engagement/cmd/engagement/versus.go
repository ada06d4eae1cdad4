package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) versusCommand() *cobra.Command {
	var window windowFlag
	cmd := &cobra.Command{
		Use:   "versus USER USER",
		Short: "Compare two users",
		Long: `Compare two users' figures, mark who leads in each, and count the signals that
both fired, among the fires that a cleanup has not deleted.`,
		Example: `  engagement versus 12345 777
  engagement versus 12345 777 --window month`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			var users [2]int64
			for i, arg := range args {
				var err error
				if users[i], err = parseUserID(arg); err != nil {
					return err
				}
			}
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				w, err := window.window(db.Reader)
				if err != nil {
					return err
				}
				h, err := db.HeadToHead(ctx, users[0], users[1], w)
				if err != nil {
					return err
				}
				return a.print(cmd, h, func() string { return windowTitle(w) + versusText(h) })
			})
		},
	}
	window.add(cmd, "all")
	return cmd
}

func versusText(h engagement.HeadToHead) string {
	t := &table{left: true, header: []any{"", id(h.A.UserID), id(h.B.UserID), "leads"}}
	for _, ranking := range engagement.Rankings() {
		leads := ""
		if leader := h.Leaders[ranking]; leader != nil {
			leads = cellText(id(*leader))
		}
		t.add(ranking, figureText(ranking, h.A), figureText(ranking, h.B), leads)
	}
	return t.String() + fmt.Sprintf("\nboth fired %s, of the fires kept since %s\n", counted(h.CommonSignals, "signal"), h.Horizon)
}
