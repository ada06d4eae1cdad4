package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/server"
)

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestThePlatformsNamesAreTurnedIntoTheAPIs(t *testing.T) {
	db, err := engagement.Open(t.Context(), filepath.Join(t.TempDir(), "engagement.db"))
	noError(t, err)
	defer func() { noError(t, db.Close()) }()
	api, err := server.New(db)
	noError(t, err)
	defer func() { noError(t, api.Close()) }()
	serve := httptest.NewServer(api)
	defer serve.Close()
	address, err := url.Parse(serve.URL)
	noError(t, err)
	hook := newHook(address)
	token, err := db.CreateToken(t.Context(), engagement.NewToken{Name: "platform", Scopes: []engagement.Scope{engagement.ScopeWrite}})
	noError(t, err)

	const opened = `{"user_id": 12345, "signal_id": "EURUSD_LONG_001", "opened_at": "2026-01-31T09:00:00Z"}`
	const closed = `{"user_id": 12345, "ticket": "mt5-881", "signal_id": "EURUSD_LONG_001", "profit": 150.75, "closed_at": "2026-01-31T12:00:00Z"}`
	for _, tt := range []struct {
		name, path, secret, body string
		status                   int
		want                     string // in the answer
	}{
		{"an order that opens", "/orders/opened", token.Secret, opened, 201, `"recorded"`},
		{"a position that closes", "/positions/closed", token.Secret, closed, 201, `"recorded"`},
		{"the platform tries again", "/positions/closed", token.Secret, closed, 200, `"duplicate"`},
		{"with another profit", "/positions/closed", token.Secret, strings.Replace(closed, "150.75", "-1", 1), 409, "P&L is stored as 150.75"},
		{"a wrong secret", "/positions/closed", "s3cret", closed, 401, "unauthorized"},
		{"no secret", "/positions/closed", "", closed, 401, "unauthorized"},
		{"a misspelt name", "/positions/closed", token.Secret, strings.Replace(closed, "profit", "Profit", 1), 400, "Profit"},
		{"no profit", "/positions/closed", token.Secret, `{"user_id": 12345, "ticket": "mt5-882"}`, 400, "pnl"},
		{"no ticket", "/positions/closed", token.Secret, `{"user_id": 12345, "profit": 1}`, 400, "trade id"},
		{"a position where an order is wanted", "/orders/opened", token.Secret, closed, 400, "closed_at"},
		{"no JSON", "/orders/opened", token.Secret, `profit=1`, 400, "body"},
		{"more than is read", "/orders/opened", token.Secret, `{"signal_id": "` + strings.Repeat("x", 70_000) + `"}`, 400, "body"},
		{"another path", "/v1/users/12345", token.Secret, opened, 404, ""},
	} {
		r := httptest.NewRequest(http.MethodPost, tt.path, strings.NewReader(tt.body))
		r.Header.Set("X-Webhook-Secret", tt.secret)
		w := httptest.NewRecorder()
		hook.ServeHTTP(w, r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s: %d %s, want %d with %s", tt.name, w.Code, w.Body, tt.status, tt.want)
		}
	}

	stats, err := db.UserStats(t.Context(), 12345)
	noError(t, err)
	if stats.TotalFires != 1 || stats.Executed != 1 || stats.Wins != 1 || stats.Losses != 0 || stats.PnL != 150.75 {
		t.Errorf("stored: %+v", stats)
	}
	fire, err := db.Fire(t.Context(), 12345, "EURUSD_LONG_001")
	noError(t, err)
	trade, err := db.Trade(t.Context(), 12345, "mt5-881")
	noError(t, err)
	if fire.Timestamp.Hour() != 9 || trade.ClosedAt.Hour() != 12 {
		t.Errorf("opened at %s, closed at %s", fire.Timestamp, trade.ClosedAt)
	}
}
