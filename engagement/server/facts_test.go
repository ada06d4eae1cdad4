package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestAFactIsRecordedOnce(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn, atNoon())
		a := serve(t, db)
		writer := a.token(engagement.ScopeWrite)
		for _, tt := range []struct {
			name, path, body string
			status           int
			want             string
		}{
			{"a new fire", "/v1/fires", `{"user_id": 7, "signal_id": "A"}`, 201, `{"status":"recorded"}`},
			{"the same fire", "/v1/fires", `{"user_id": 7, "signal_id": "A"}`, 200, `{"status":"duplicate"}`},
			{"its execution", "/v1/fires", `{"user_id": 7, "signal_id": "A", "executed": true}`, 200, `{"status":"marked_executed"}`},
			{"a fire of yesterday", "/v1/fires", `{"user_id": 7, "signal_id": "B", "timestamp": "2026-01-13T10:00:00+02:00"}`, 201, `{"status":"recorded"}`},
			{"the fire that reaches a milestone", "/v1/fires", `{"user_id": 7, "signal_id": "C", "timestamp": "2026-01-12T10:00:00Z"}`, 201, `{"status":"recorded","milestones":[3]}`},
			{"a new trade", "/v1/trades", `{"user_id": 7, "trade_id": "t", "pnl": 1.5, "signal_id": "A"}`, 201, `{"status":"recorded"}`},
			{"the same trade", "/v1/trades", `{"user_id": 7, "trade_id": "t", "pnl": 1.5, "signal_id": "A"}`, 200, `{"status":"duplicate"}`},
			{"a new grant", "/v1/freezes", `{"user_id": 7, "grant_id": "g"}`, 201, `{"status":"recorded"}`},
			{"the same grant", "/v1/freezes", ` {"user_id": 7, "grant_id": "g"}`, 200, `{"status":"duplicate"}`},
		} {
			got := a.send(writer, http.MethodPost, tt.path, tt.body)
			if got.status != tt.status || strings.TrimSpace(got.body) != tt.want {
				t.Errorf("%s: %d %s, want %d %s", tt.name, got.status, got.body, tt.status, tt.want)
			}
		}
		same(t, "user", must(db.UserStats(t.Context(), 7))(t).TotalFires, int64(3))
	})
}

func TestEachFactOfAnArrayIsAnsweredByItself(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn, atNoon())
		a := serve(t, db)
		writer := a.token(engagement.ScopeWrite)
		for _, tt := range []struct {
			name, path, body string
			want             string // statuses, or the types and fields of problems
		}{
			{"fires that are all fine", "/v1/fires", `[{"user_id": 1, "signal_id": "A"}, {"user_id": 1, "signal_id": "A", "executed": true}]`,
				"recorded, marked_executed"},
			{"fires of which some are not", "/v1/fires",
				`[{"user_id": 1, "signal_id": "A"}, {"user_id": 0, "signal_id": "A"}, {"user_id": 2, "signal_id": "A"}, 7, {"user": 1}, {"user_id": 2, "signal_id": "A"}]`,
				"duplicate, invalid user id, recorded, invalid fire, invalid fire, duplicate"},
			{"nothing that can be read", "/v1/fires", `[1]`, "invalid fire"},
			{"trades", "/v1/trades",
				`[{"user_id": 1, "trade_id": "t", "pnl": 1}, {"user_id": 1, "trade_id": "t", "pnl": 2}, {"user_id": 1, "trade_id": "u", "pnl": 2, "outcome": "won"}, {"user_id": 1, "trade_id": "t", "pnl": 1}, {"user_id": 1, "trade_id": "v"}]`,
				"recorded, conflict , invalid outcome, duplicate, invalid pnl"},
			{"grants", "/v1/freezes", `[{"user_id": 1, "grant_id": "g"}, {"user_id": 9, "grant_id": "g"}, {"user_id": 1, "grant_id": "h"}, {"user_id": 1, "grant_id": "i"}]`,
				"recorded, not-found , recorded, conflict "},
		} {
			got := a.send(writer, http.MethodPost, tt.path, tt.body)
			var answers []FactAnswer
			noError(t, json.Unmarshal([]byte(got.body), &answers))
			var texts []string
			for _, one := range answers {
				if one.Problem == nil {
					texts = append(texts, one.Status.String())
					continue
				}
				texts = append(texts, strings.TrimPrefix(one.Problem.Type, problemPrefix)+" "+one.Problem.Field)
			}
			if got.status != http.StatusOK {
				t.Errorf("%s: %d %s", tt.name, got.status, got.body)
			}
			same(t, tt.name, strings.Join(texts, ", "), tt.want)
		}
		same(t, "fires", must(db.UserStats(t.Context(), 2))(t).TotalFires, int64(1))
		same(t, "trades", must(db.UserStats(t.Context(), 1))(t).Wins, int64(1))
	})
}

func TestABodyThatIsNotWhatIsWantedIsRefused(t *testing.T) {
	t.Parallel()
	db := fileDB(t, atNoon())
	a := serve(t, db)
	fire := `{"user_id": 1, "signal_id": "A"}`
	many := func(n int) string { return "[" + strings.Repeat(fire+",", n-1) + fire + "]" }
	for _, tt := range []struct {
		name, path, body string
		headers          []string
		status           int
		kind, field      string
	}{
		{"nothing", "/v1/fires", "", nil, 400, "invalid", ""},
		{"no JSON", "/v1/fires", "{", nil, 400, "invalid", "body"},
		{"two values", "/v1/fires", fire + fire, nil, 400, "invalid", "body"},
		{"an unknown field", "/v1/fires", `{"user_id": 1, "signal_id": "A", "at": 5}`, nil, 400, "invalid", "fire"},
		{"another type", "/v1/fires", `{"user_id": "1", "signal_id": "A"}`, nil, 400, "invalid", "fire"},
		{"a number that is too large", "/v1/fires", `{"user_id": 1e30, "signal_id": "A"}`, nil, 400, "invalid", "fire"},
		{"no user", "/v1/fires", `{"signal_id": "A"}`, nil, 400, "invalid", "user id"},
		{"a control character", "/v1/fires", `{"user_id": 1, "signal_id": "a\u0000"}`, nil, 400, "invalid", "signal id"},
		{"bytes that are no text", "/v1/fires", "{\"user_id\": 1, \"signal_id\": \"\xff\"}", nil, 400, "invalid", "fire"},
		{"half of a character", "/v1/fires", `{"user_id": 1, "signal_id": "\udcff"}`, nil, 400, "invalid", "fire"},
		{"a trade without a P&L", "/v1/trades", `{"user_id": 1, "trade_id": "t"}`, nil, 400, "invalid", "pnl"},
		{"a trade whose P&L is null", "/v1/trades", `{"user_id": 1, "trade_id": "t", "pnl": null}`, nil, 400, "invalid", "pnl"},
		{"an array of nothing", "/v1/fires", "[]", nil, 400, "invalid", "number of facts"},
		{"an array that is too long", "/v1/fires", many(mostFacts + 1), nil, 400, "invalid", "number of facts"},
		{"too many bytes", "/v1/fires", many(40_000), nil, 413, "too-large", ""},
		{"a form", "/v1/fires", "user_id=1", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "media-type", ""},
		{"no content type that there is", "/v1/fires", fire, []string{"Content-Type", ";;"}, 415, "media-type", ""},
		{"another content type of rules", "/v1/streak-rules", "{}", []string{"Content-Type", "text/plain"}, 405, "method-not-allowed", ""},
		{"a metric that is none", "/v1/metrics", `{"name": "x"}`, nil, 400, "invalid", "what"},
		{"a metric of two", "/v1/metrics", definition + definition, nil, 400, "invalid", "metric definition"},
	} {
		got := a.send(a.admin(), http.MethodPost, tt.path, tt.body, tt.headers...)
		kind, field := got.problem()
		if got.status != tt.status || kind != tt.kind || field != tt.field {
			t.Errorf("%s: %d %q %q, want %d %q %q: %s", tt.name, got.status, kind, field, tt.status, tt.kind, tt.field, got.body)
		}
	}
	if got := a.send(a.admin(), http.MethodPost, "/v1/fires", many(mostFacts), "Content-Type", "application/json; charset=utf-8"); got.status != http.StatusOK {
		t.Errorf("as many as may be: %d", got.status)
	}
}

func TestWhatAnAdministratorChanges(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn, atNoon())
		community(t, db)
		a := serve(t, db)
		for _, tt := range []struct {
			name, method, path, body string
			status                   int
			want                     string // in the answer
		}{
			{"rules are set", "PUT", "/v1/streak-rules", `{"rest_days": ["sunday"], "freeze_cap": 3}`, 200, `"rest_days":["sunday"],"milestones":[3,7,`},
			{"rules that make no sense", "PUT", "/v1/streak-rules", `{"milestones": [3, 3]}`, 400, `"field":"milestones"`},
			{"rules with a field that there is not", "PUT", "/v1/streak-rules", `{"milestone": [3]}`, 400, `unknown field`},
			{"a metric is defined", "POST", "/v1/metrics", ratio, 200, `"name":"wins"`},
			{"a definition is tried", "POST", "/v1/evaluate?limit=2", ratio, 200, `"items":[`},
			{"a metric is deleted", "DELETE", "/v1/metrics/wins", "", 200, `{"deleted":"wins"}`},
			{"a metric that there is not is deleted", "DELETE", "/v1/metrics/wins", "", 404, `:not-found"`},
			{"a user becomes public", "PUT", "/v1/users/1/public", `{"public": true}`, 200, `{"public":true}`},
			{"a user is asked for nothing", "PUT", "/v1/users/1/public", `{}`, 400, `"field":"public"`},
			{"a user whom nobody knows", "PUT", "/v1/users/99/public", `{"public": true}`, 404, `not found`},
			{"everything is verified", "POST", "/v1/verify", "", 200, `"findings":[]`},
			{"old fires are deleted", "POST", "/v1/cleanup?keep_days=3", "", 200, `"fires_deleted":`},
			{"old fires without saying how old", "POST", "/v1/cleanup", "", 400, `"field":"keep_days"`},
			{"old fires of no days", "POST", "/v1/cleanup?keep_days=0", "", 400, `days to keep`},
			{"a user is erased", "DELETE", "/v1/users/2", "", 200, `"user_id":2`},
			{"a user is erased again", "DELETE", "/v1/users/2", "", 404, `:not-found"`},
		} {
			got := a.send(a.admin(), tt.method, tt.path, tt.body)
			if got.status != tt.status || !strings.Contains(got.body, tt.want) {
				t.Errorf("%s: %d %s, want %d with %s", tt.name, got.status, got.body, tt.status, tt.want)
			}
		}
		report := must(db.Verify(t.Context()))(t)
		same(t, "findings", fmt.Sprint(report.Findings), "[]")
		same(t, "rules", must(db.StreakRules(t.Context()))(t).FreezeCap, 3)
	})
}
