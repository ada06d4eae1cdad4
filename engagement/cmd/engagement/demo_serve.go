package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/server"
)

// furnish adds what a community comes to have besides facts: metrics of its own, users
// who have agreed to be seen, and freezes.
func furnish(ctx context.Context, db *engagement.DB, userID int64) error {
	for _, text := range []string{
		`{"name": "daily_wins", "what": "ratio", "per": "day", "window": "30d",
		  "numerator": {"what": "count", "of": "trades", "filter": {"outcome": ["win"]}},
		  "denominator": {"what": "count", "of": "trades", "filter": {"outcome": ["win", "loss"]}}}`,
		`{"name": "gold_pnl", "what": "pnl", "of": "trades", "per": "user", "window": "30d", "filter": {"signal_prefix": "XAUUSD"}}`,
		`{"name": "signal_pnl", "what": "pnl", "of": "trades", "per": "signal"}`,
	} {
		metric, err := engagement.ParseMetricDefinition([]byte(text))
		if err == nil {
			err = db.DefineMetric(ctx, metric)
		}
		if err != nil {
			return err
		}
	}
	best, err := db.StreakLeaderboard(ctx, engagement.PageQuery{Limit: demoTop})
	if err != nil {
		return err
	}
	users := []int64{userID}
	for _, row := range best.Items {
		users = append(users, row.UserID)
	}
	for _, user := range users {
		if err := db.SetPublic(ctx, user, true); err != nil {
			return err
		}
		if _, err := db.GrantFreeze(ctx, engagement.Freeze{UserID: user, GrantID: "welcome"}); err != nil {
			return err
		}
	}
	return nil
}

// servedDemo is what demo --serve prints as JSON once it listens.
type servedDemo struct {
	URL   string `json:"url"`
	Login string `json:"login"` // a link that logs in on the page, once
	Token string `json:"token"`
}

// sayDemo makes a token for the demo, and says how to look at it and how to ask it.
func (a *app) sayDemo(cmd *cobra.Command, url string, db *engagement.DB, handler *server.Server, userID int64) error {
	if err := furnish(cmd.Context(), db, userID); err != nil {
		return err
	}
	token, err := db.CreateToken(cmd.Context(), engagement.NewToken{
		Name: "demo", Scopes: []engagement.Scope{engagement.ScopeAdmin},
	})
	if err != nil {
		return err
	}
	login := url + "/" + handler.LoginLink(token.Secret)
	return a.print(cmd, servedDemo{url, login, token.Secret}, func() string {
		return fmt.Sprintf(`It is served at %[1]s until you interrupt it. Look at it with this link, which logs in once:

  %[4]s

Or ask it, for instance:

  TOKEN=%[2]s
  curl -H "Authorization: Bearer $TOKEN" %[1]s/v1/today
  curl -H "Authorization: Bearer $TOKEN" %[1]s/v1/users/%[3]d
  curl -H "Authorization: Bearer $TOKEN" "%[1]s/v1/boards/win_rate?window=7d&limit=5"
  curl -H "Authorization: Bearer $TOKEN" --no-buffer %[1]s/v1/live
`, url, token.Secret, userID, login)
	})
}
