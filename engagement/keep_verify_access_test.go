package engagement_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestVerifyFindsTokensAndPublicUsersThatMakeNoSense(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, statement, field string }{
		{"an id that is too short", "UPDATE api_tokens SET id = 'short' WHERE name = 'own'", "id"},
		{"a hash that is too short", "UPDATE api_tokens SET hash = '00ff' WHERE name = 'own'", "hash"},
		{"a hash that is none", "UPDATE api_tokens SET hash = 'x' || substr(hash, 2) WHERE name = 'own'", "hash"},
		{"no name", "UPDATE api_tokens SET name = '' WHERE name = 'own'", "name"},
		{"no scopes", "UPDATE api_tokens SET scopes = '' WHERE name = 'bot'", "scopes"},
		{"an unknown scope", "UPDATE api_tokens SET scopes = 'read root' WHERE name = 'bot'", "scopes"},
		{"scopes in another order", "UPDATE api_tokens SET scopes = 'write read' WHERE name = 'bot'", "scopes"},
		{"a scope of user 0", "UPDATE api_tokens SET scopes = 'self:0' WHERE name = 'own'", "scopes"},
		{"a user's scope and another", "UPDATE api_tokens SET scopes = 'read self:7' WHERE name = 'own'", "scopes"},
		{"another user's scope", "UPDATE api_tokens SET scopes = 'self:8' WHERE name = 'own'", "user_id"},
		{"a user of a token that is nobody's", "UPDATE api_tokens SET user_id = 7 WHERE name = 'bot'", "user_id"},
		{"no creation", "UPDATE api_tokens SET created_at = '1970-01-01 00:00:00+00:00' WHERE name = 'own'", "created_at"},
		{"an expiry before the creation", "UPDATE api_tokens SET expires_at = '2020-01-01 00:00:00+00:00' WHERE name = 'own'", "expires_at"},
		{"a use before the creation", "UPDATE api_tokens SET last_used = '2020-01-01 00:00:00+00:00' WHERE name = 'own'", "last_used"},
		{"a public user who is not known", toUser("public_users", "since", 9, "user_id <> 9"), "user_id"},
		{"an agreement at no time", "UPDATE public_users SET since = '1970-01-01 00:00:00+00:00'", "since"},
	}
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			for _, tt := range cases {
				t.Run(tt.name, func(t *testing.T) {
					ctx, dsn := context.Background(), e.migrated(t)
					db := openAt(t, dsn, newClock(noon).option())
					fire(t, db, engagement.Fire{UserID: 7, SignalID: "S"})
					noError(t, db.SetPublic(ctx, 7, true))
					own := must(db.CreateToken(ctx, engagement.NewToken{
						Name: "own", Scopes: []engagement.Scope{engagement.SelfScope(7)}, ExpiresAt: noon.Add(time.Second),
					}))(t)
					noError(t, db.UseToken(ctx, own.ID))
					must(db.CreateToken(ctx, engagement.NewToken{
						Name: "bot", Scopes: []engagement.Scope{engagement.ScopeWrite, engagement.ScopeRead},
					}))(t)
					proven(t, db)
					execSQL(t, dsn, tt.statement)
					for _, report := range []engagement.Report{must(db.Verify(ctx))(t), must(db.Rebuild(ctx))(t)} {
						if len(report.Findings) != 1 || report.Findings[0].Invariant != "V7" || report.Findings[0].Field != tt.field {
							t.Errorf("got %v, want one V7 of %s", report.Findings, tt.field)
						}
						for _, f := range report.Findings {
							if hash := "00ff"; strings.Contains(f.String(), hash) {
								t.Errorf("the finding shows the hash: %s", f)
							}
						}
					}
				})
			}
		})
	}
}

func TestAcceptedLossTakesTheAgreementsOfUnknownUsersAway(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			ctx, dsn := context.Background(), e.migrated(t)
			db := openAt(t, dsn, newClock(noon).option())
			fire(t, db, engagement.Fire{UserID: 7, SignalID: "S"})
			noError(t, db.SetPublic(ctx, 7, true))
			execSQL(t, dsn, "INSERT INTO public_users (user_id, since) VALUES (9, '2026-01-01 00:00:00+00:00')")
			must(db.Rebuild(ctx, engagement.AcceptLoss()))(t)
			same(t, "an unknown user", must(db.IsPublic(ctx, 9))(t), false)
			same(t, "a known user", must(db.IsPublic(ctx, 7))(t), true)
			proven(t, db)
		})
	}
}
