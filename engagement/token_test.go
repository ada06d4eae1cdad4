package engagement_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestATokenIsKnownByItsSecretUntilItExpiresOrIsRevoked(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		db := open(clock.option())
		forever := must(db.CreateToken(ctx, engagement.NewToken{
			Name: "bot", Scopes: []engagement.Scope{engagement.ScopeWrite, engagement.ScopeRead, engagement.ScopeRead},
		}))(t)
		same(t, "token", must(db.TokenOf(ctx, forever.Secret))(t), engagement.Token{
			ID: forever.ID, Name: "bot", Scopes: []engagement.Scope{engagement.ScopeRead, engagement.ScopeWrite}, CreatedAt: noon,
		})
		brief := must(db.CreateToken(ctx, engagement.NewToken{
			Name: "user", Scopes: []engagement.Scope{engagement.SelfScope(-7)}, ExpiresAt: noon.Add(time.Hour),
		}))(t)
		same(t, "scopes", must(db.TokenOf(ctx, brief.Secret))(t).Scopes, []engagement.Scope{"self:-7"})
		if !strings.HasPrefix(brief.Secret, "engagement_"+brief.ID+"_") || len(brief.Secret) < 60 {
			t.Errorf("the secret is %q", brief.Secret)
		}

		clock.Advance(time.Minute)
		noError(t, db.UseToken(ctx, forever.ID))
		noError(t, db.UseToken(ctx, "nothing"))
		same(t, "last use", must(db.TokenOf(ctx, forever.Secret))(t).LastUsed, new(noon.Add(time.Minute)))

		clock.Set(noon.Add(time.Hour))
		_, err := db.TokenOf(ctx, brief.Secret)
		wantError(t, err, engagement.ErrNotFound)
		same(t, "tokens listed", len(must(db.Tokens(ctx, engagement.PageQuery{}))(t).Items), 2)
		first := must(db.Tokens(ctx, engagement.PageQuery{Limit: 1}))(t)
		second := must(db.Tokens(ctx, engagement.PageQuery{Limit: 1, After: first.Next}))(t)
		if first.Items[0].ID >= second.Items[0].ID || second.Next != "" {
			t.Errorf("pages: %+v, %+v", first, second)
		}

		noError(t, db.RevokeToken(ctx, forever.ID))
		_, err = db.TokenOf(ctx, forever.Secret)
		wantError(t, err, engagement.ErrNotFound)
		wantError(t, db.RevokeToken(ctx, forever.ID), engagement.ErrNotFound)
		wantError(t, db.RevokeToken(ctx, ""), engagement.ErrInvalid)
	})
}

func TestWhatIsNotAWholeSecretIsNoToken(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open()
		secret := must(db.CreateToken(ctx, engagement.NewToken{Name: "bot", Scopes: []engagement.Scope{engagement.ScopeAdmin}}))(t).Secret
		for _, wrong := range []string{
			"", "engagement_", secret[:len(secret)-1], secret + "x", strings.ToUpper(secret), secret[len("engagement_"):],
			secret[:len("engagement_12345678_")], "engagement_\x00\x00\x00\x00\x00\x00\x00\x00_x", "engagement_\xff2345678_x",
			strings.Replace(secret, secret[len(secret)-8:], "AAAAAAAA", 1),
		} {
			_, err := db.TokenOf(ctx, wrong)
			wantError(t, err, engagement.ErrNotFound)
			if strings.Contains(err.Error(), secret[20:30]) {
				t.Errorf("the error shows the secret: %v", err)
			}
		}
	})
}

func TestATokenThatMakesNoSenseIsNotCreated(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		read := []engagement.Scope{engagement.ScopeRead}
		for name, token := range map[string]engagement.NewToken{
			"without a name":             {Scopes: read},
			"without scopes":             {Name: "x"},
			"of an unknown scope":        {Name: "x", Scopes: []engagement.Scope{"root"}},
			"of no user":                 {Name: "x", Scopes: []engagement.Scope{"self:0"}},
			"of a user that is a word":   {Name: "x", Scopes: []engagement.Scope{"self:me"}},
			"of a user and more":         {Name: "x", Scopes: []engagement.Scope{"self:1", engagement.ScopeRead}},
			"that has expired":           {Name: "x", Scopes: read, ExpiresAt: noon},
			"that expires in year 10000": {Name: "x", Scopes: read, ExpiresAt: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		} {
			_, err := db.CreateToken(ctx, token)
			if wantError(t, err, engagement.ErrInvalid); t.Failed() {
				t.Fatal(name)
			}
		}
		same(t, "tokens", len(must(db.Tokens(ctx, engagement.PageQuery{}))(t).Items), 0)
	})
}

func TestATokenAllowsItsScopesAndAdminAll(t *testing.T) {
	t.Parallel()
	token := func(scopes ...engagement.Scope) engagement.Token { return engagement.Token{Scopes: scopes} }
	for _, tt := range []struct {
		token engagement.Token
		scope engagement.Scope
		want  bool
	}{
		{token(engagement.ScopeRead), engagement.ScopeRead, true},
		{token(engagement.ScopeRead), engagement.ScopeWrite, false},
		{token(engagement.ScopeWrite), engagement.ScopeRead, false},
		{token(engagement.ScopeRead, engagement.ScopeWrite), engagement.ScopeWrite, true},
		{token(engagement.ScopeAdmin), engagement.ScopeWrite, true},
		{token(engagement.SelfScope(7)), engagement.ScopeRead, false},
		{token(engagement.SelfScope(7)), engagement.SelfScope(8), false},
		{engagement.Token{}, engagement.ScopeRead, false},
	} {
		same(t, string(tt.scope), tt.token.Allows(tt.scope), tt.want)
	}
}

func TestErasingAUserTakesTheUsersTokensAndAgreementAway(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open()
		_, err := db.IsPublic(ctx, 0)
		wantError(t, err, engagement.ErrInvalid)
		wantError(t, db.SetPublic(ctx, 0, true), engagement.ErrInvalid)
		wantError(t, db.SetPublic(ctx, 7, true), engagement.ErrNotFound)
		same(t, "public at first", must(db.IsPublic(ctx, 7))(t), false)
		for _, user := range []int64{7, 8} {
			fire(t, db, engagement.Fire{UserID: user, SignalID: "S"})
			noError(t, db.SetPublic(ctx, user, true))
			noError(t, db.SetPublic(ctx, user, true))
		}
		own := must(db.CreateToken(ctx, engagement.NewToken{Name: "x", Scopes: []engagement.Scope{engagement.SelfScope(7)}}))(t)
		other := must(db.CreateToken(ctx, engagement.NewToken{Name: "x", Scopes: []engagement.Scope{engagement.ScopeRead}}))(t)
		same(t, "public", must(db.IsPublic(ctx, 7))(t), true)

		must(db.EraseUser(ctx, 7))(t)
		same(t, "public after erasure", must(db.IsPublic(ctx, 7))(t), false)
		same(t, "another's", must(db.IsPublic(ctx, 8))(t), true)
		_, err = db.TokenOf(ctx, own.Secret)
		wantError(t, err, engagement.ErrNotFound)
		must(db.TokenOf(ctx, other.Secret))(t)

		noError(t, db.SetPublic(ctx, 8, false))
		same(t, "public after taking it back", must(db.IsPublic(ctx, 8))(t), false)
		proven(t, db)
	})
}

func TestAUserOfWhomOnlyATokenOrAnAgreementIsKeptIsErasedToo(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			ctx, dsn := context.Background(), e.migrated(t)
			db := openAt(t, dsn, newClock(noon).option())
			fire(t, db, engagement.Fire{UserID: 8, SignalID: "S"})
			before := read(t, db)
			token := func(user int64) engagement.CreatedToken {
				return must(db.CreateToken(ctx, engagement.NewToken{Name: "x", Scopes: []engagement.Scope{engagement.SelfScope(user)}}))(t)
			}
			own, other := token(7), token(8)
			execSQL(t, dsn, "INSERT INTO public_users (user_id, since) VALUES (6, '2026-01-01 00:00:00+00:00')")

			for _, user := range []int64{7, 6} {
				same(t, "EraseUser", must(db.EraseUser(ctx, user))(t), engagement.EraseReceipt{UserID: user, ErasedAt: noon})
				_, err := db.EraseUser(ctx, user)
				wantError(t, err, engagement.ErrNotFound)
			}
			_, err := db.TokenOf(ctx, own.Secret)
			wantError(t, err, engagement.ErrNotFound)
			must(db.TokenOf(ctx, other.Secret))(t)
			same(t, "public", must(db.IsPublic(ctx, 6))(t), false)
			noError(t, db.RevokeToken(ctx, other.ID))
			same(t, "contents", read(t, db), before)
			proven(t, db)
		})
	}
}

func TestAUseByAClockThatIsBehindIsNotNoted(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		db := open(clock.option())
		token := must(db.CreateToken(ctx, engagement.NewToken{Name: "bot", Scopes: []engagement.Scope{engagement.ScopeRead}}))(t)
		clock.Set(noon.Add(-time.Minute))
		noError(t, db.UseToken(ctx, token.ID))
		same(t, "last use", must(db.TokenOf(ctx, token.Secret))(t).LastUsed, (*time.Time)(nil))
		clock.Set(noon)
		noError(t, db.UseToken(ctx, token.ID))
		same(t, "last use", must(db.TokenOf(ctx, token.Secret))(t).LastUsed, new(noon))
		proven(t, db)
	})
}
