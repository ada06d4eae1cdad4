package server

import (
	"context"
	"net/http"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/server/internal/params"
)

func (s *Server) addKeep() {
	of := func(method, path, id string, a access, summary string) operation {
		return operation{method: method, path: "/v1/" + path, id: id, access: a, tag: "upkeep", summary: summary}
	}
	registry := s.api.OpenAPI().Components.Schemas
	read(s, of("", "streak-rules", "get-streak-rules", readers, "The rules that streaks go by"),
		func(ctx context.Context, _ *struct{}) (engagement.StreakRules, error) { return s.db.StreakRules(ctx) })
	rules := of(http.MethodPut, "streak-rules", "set-streak-rules", admins,
		"Set the rules that streaks go by; what is absent is the default. All streaks are counted again.")
	rules.long = true
	write(s, rules, func(ctx context.Context, in *params.Body) (engagement.StreakRules, error) {
		var wanted engagement.StreakRules
		if err := decode(in.RawBody, &wanted); err != nil {
			return wanted, err
		}
		if err := s.db.SetStreakRules(ctx, wanted); err != nil {
			return wanted, err
		}
		return s.db.StreakRules(ctx)
	})
	s.takes(rules.method, rules.path, schemaOf[engagement.StreakRules](registry))

	verify := of(http.MethodPost, "verify", "verify", admins, "Recompute every figure and compare; it changes nothing")
	verify.long = true
	write(s, verify, func(ctx context.Context, _ *struct{}) (engagement.Report, error) { return s.db.Verify(ctx) })

	read(s, of("", "cleanup", "plan-cleanup", admins, "What a cleanup would delete"),
		func(ctx context.Context, in *params.Kept) (engagement.CleanupReport, error) {
			return s.db.PlanCleanup(ctx, in.KeepDays)
		})
	clean := of(http.MethodPost, "cleanup", "clean-up", admins, "Delete old fires; no figure changes")
	clean.long = true
	write(s, clean, func(ctx context.Context, in *params.Kept) (engagement.CleanupReport, error) {
		return s.db.Cleanup(ctx, in.KeepDays)
	})

	read(s, of("", "upkeep", "get-upkeep", admins, "When the database was last verified and backed up, as far as that was noted"),
		func(ctx context.Context, _ *struct{}) (engagement.Upkeep, error) { return s.db.Upkeep(ctx) })
	read(s, of("", "commits", "get-commits", admins, "How writes have shared commits since the server began"),
		func(context.Context, *struct{}) (engagement.CommitStats, error) { return s.db.CommitStats(), nil })
	list(s, of("", "aside", "list-aside", admins, "Rows of fires and trades that cannot be facts, and are not counted"),
		func(ctx context.Context, in *struct{ params.Page }) (engagement.Page[engagement.AsideRow], error) {
			return s.db.Aside(ctx, in.Query())
		})
	list(s, of("", "tokens", "list-tokens", admins, "All tokens, without their secrets"),
		func(ctx context.Context, in *struct{ params.Page }) (engagement.Page[engagement.Token], error) {
			return s.db.Tokens(ctx, in.Query())
		})
}
