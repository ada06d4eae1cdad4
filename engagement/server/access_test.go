package server

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// Who may use each route, a letter each: N nobody that is known, P the same on a
// public server, R read, W write, A admin, S the user's own token, T the same user in
// a Mini App, O another user's token. The path is about user 1, who is not public, or
// with {user3} about user 3, who is.
var whoMay = map[string]string{
	"GET /livez":  "NPRWASTO",
	"GET /readyz": "NPRWASTO",

	"GET /v1/openapi.json": "PRWASTO",

	"GET /v1/today":                                "PRASTO",
	"GET /v1/live":                                 "PRASTO",
	"GET /v1/signals":                              "PRASTO",
	"GET /v1/popular":                              "PRASTO",
	"GET /v1/signals/{signal}":                     "PRASTO",
	"GET /v1/signals/{signal}/totals":              "PRASTO",
	"GET /v1/signals/{signal}/quality":             "PRASTO",
	"GET /v1/signals/{signal}/forecast":            "PRASTO",
	"GET /v1/boards/{ranking}":                     "PRASTO",
	"GET /v1/boards/current_streak":                "PRASTO",
	"GET /v1/boards/{ranking}/users/{user}":        "PRASTO",
	"GET /v1/boards/{ranking}/users/{user}/around": "PRASTO",

	"GET /v1/users/{user}":                 "RAST",
	"GET /v1/users/{user}/ranks":           "RAST",
	"GET /v1/users/{user}/streak":          "RAST",
	"GET /v1/users/{user}/streak/days":     "RAST",
	"GET /v1/users/{user}/awards":          "RAST",
	"GET /v1/users/{user}/freezes":         "RAST",
	"GET /v1/users/{user}/quality":         "RAST",
	"GET /v1/users/{user}/forecast":        "RAST",
	"GET /v1/users/{user}/versus/{other}":  "RAST",
	"GET /v1/users/{user3}":                "PRA",
	"GET /v1/users/{user3}/ranks":          "PRA",
	"GET /v1/users/{user3}/streak":         "PRA",
	"GET /v1/users/{user3}/quality":        "PRA",
	"GET /v1/users/{user3}/versus/{other}": "PRA",

	"GET /v1/users/{user}/fires":             "RAST",
	"GET /v1/users/{user}/fires/{signal}":    "RAST",
	"GET /v1/users/{user}/trades":            "RAST",
	"GET /v1/users/{user}/trades/{trade}":    "RAST",
	"GET /v1/users/{user}/explain/{figure}":  "RAST",
	"GET /v1/users/{user}/export":            "RAST",
	"GET /v1/users/{user}/public":            "RAST",
	"GET /v1/users/{user3}/fires":            "RA",
	"GET /v1/users/{user3}/trades":           "RA",
	"GET /v1/users/{user3}/export":           "RA",
	"GET /v1/users/{user3}/explain/{figure}": "RA",

	"GET /v1/days":                              "RA",
	"GET /v1/activity":                          "RA",
	"GET /v1/hours":                             "RA",
	"GET /v1/lifecycle":                         "RA",
	"GET /v1/cohorts":                           "RA",
	"GET /v1/calendar":                          "RA",
	"GET /v1/calibration":                       "RA",
	"GET /v1/fires":                             "RA",
	"GET /v1/trades":                            "RA",
	"GET /v1/users/count":                       "RA",
	"GET /v1/days/{day}/new":                    "RA",
	"GET /u/{user}/card.png":                    "PRWASTO", // of a user who has agreed: to whoever else may ask there is none
	"GET /v1/users":                             "RA",
	"GET /v1/streaks/ending":                    "RA",
	"GET /v1/signals/{signal}/explain/{figure}": "RA",
	"GET /v1/metrics":                           "RA",
	"GET /v1/metrics/{name}":                    "RA",
	"GET /v1/metrics/{name}/values":             "RA",
	"POST /v1/evaluate":                         "RA",
	"GET /v1/streak-rules":                      "RA",
	"GET /metrics":                              "RA",

	"POST /v1/fires":              "WA",
	"POST /v1/trades":             "WA",
	"POST /v1/freezes":            "WA",
	"PUT /v1/users/{user}/public": "WAST",

	"GET /v1/commits":           "A",
	"GET /v1/upkeep":            "A",
	"GET /v1/tokens":            "A",
	"GET /v1/aside":             "A",
	"GET /v1/cleanup":           "A",
	"POST /v1/cleanup":          "A",
	"POST /v1/verify":           "A",
	"POST /v1/metrics":          "A",
	"POST /v1/import":           "A",
	"DELETE /v1/metrics/{name}": "A",
	"PUT /v1/streak-rules":      "A",
	"DELETE /v1/users/{user}":   "A",
}

func TestWhoMayDoWhat(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn)
		community(t, db)
		const botToken = "123:abc"
		closed, public := serve(t, db, WithTelegramBot(botToken)), serve(t, db, WithPublic(), WithTelegramBot(botToken))
		inits := "tma " + initData(botToken, time.Now(), `{"id": 1, "first_name": "A"}`)
		bearer := func(scopes ...engagement.Scope) string { return "Bearer " + closed.token(scopes...) }
		who := []struct {
			letter        byte
			api           *api
			authorization string
		}{
			{'N', closed, ""}, {'P', public, ""},
			{'R', closed, bearer(engagement.ScopeRead)}, {'W', closed, bearer(engagement.ScopeWrite)}, {'A', closed, bearer(engagement.ScopeAdmin)},
			{'S', closed, bearer(engagement.SelfScope(1))}, {'T', closed, inits}, {'O', closed, bearer(engagement.SelfScope(2))},
		}
		for _, path := range must(documented())(t).Paths.InMatchingOrder() {
			for method := range must(documented())(t).Paths.Value(path).Operations() {
				if whoMay[method+" "+path] == "" {
					t.Errorf("the table has no %s %s", method, path)
				}
			}
		}
		// Those that change least come first.
		routes := slices.SortedFunc(mapsKeys(whoMay), func(a, b string) int { return -strings.Compare(a, b) })
		for _, route := range routes {
			method, path, _ := strings.Cut(route, " ")
			path = strings.NewReplacer("{user}", "1", "{user3}", "3", "{other}", "4", "{signal}", url.PathEscape(aSignal),
				"{ranking}", "pnl", "{trade}", "t2", "{figure}", "total_fires", "{name}", "fires", "{day}", "2026-01-14").Replace(path)
			for _, w := range who {
				// Refused for its body, where it has one, whoever may send it.
				body := ""
				if method != "GET" {
					body = "?"
				}
				status := askOnly(t, w.api, method, path, body, w.authorization)
				may := status != http.StatusUnauthorized && status != http.StatusForbidden
				if want := strings.IndexByte(whoMay[route], w.letter) >= 0; may != want || status >= 500 {
					t.Errorf("%c: %s: %d, want allowed %v", w.letter, route, status, want)
				}
				erased := method == http.MethodDelete // with the user go the user's tokens
				if !may && !erased && (status == http.StatusUnauthorized) != (w.authorization == "") {
					t.Errorf("%c: %s: %d", w.letter, route, status)
				}
			}
		}
	})
}

func mapsKeys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

// askOnly returns the status of an answer without reading it.
func askOnly(t *testing.T, a *api, method, path, body, authorization string) int {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := must(http.NewRequestWithContext(ctx, method, a.url+path, strings.NewReader(body)))(t)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	response := must(http.DefaultTransport.RoundTrip(r))(t)
	_ = response.Body.Close()
	return response.StatusCode
}

// initData returns init data of a Mini App as Telegram signs it.
func initData(botToken string, at time.Time, user string) string {
	fields := url.Values{
		"query_id": {"AAH"}, "user": {user}, "auth_date": {fmt.Sprint(at.Unix())}, "signature": {"s+/="},
	}
	var lines []string
	for name, values := range fields {
		lines = append(lines, name+"="+values[0])
	}
	slices.Sort(lines)
	fields.Set("hash", hex.EncodeToString(signature(telegramKey(botToken), strings.Join(lines, "\n"))))
	return fields.Encode()
}

func TestInitDataOfAMiniAppIsTakenAsTelegramSignsIt(t *testing.T) {
	t.Parallel()
	const botToken, user = "123:abc", `{"id": 42}`
	good := initData(botToken, noon, user)
	for _, tt := range []struct {
		name, data string
		user       int64
		says       string
	}{
		{"as it is", good, 42, ""},
		{"an hour old", initData(botToken, noon.Add(-time.Hour), user), 42, ""},
		{"more than an hour old", initData(botToken, noon.Add(-time.Hour-time.Second), user), 0, "too old"},
		{"of a clock that is far ahead", initData(botToken, noon.Add(2*time.Minute), user), 0, "too old"},
		{"of another bot", initData("124:abc", noon, user), 0, "signature"},
		{"of another user", strings.Replace(good, "42", "43", 1), 0, "signature"},
		{"with a field more", good + "&x=1", 0, "signature"},
		{"with a user twice", good + "&user=%7B%22id%22%3A43%7D", 0, "twice"},
		{"with a hash twice", good + "&hash=00", 0, "twice"},
		{"without a user", initData(botToken, noon, ""), 0, "no user"},
		{"of user 0", initData(botToken, noon, `{"id": 0}`), 0, "no user"},
		{"nothing", "", 0, "signature"},
		{"no query", "%zz", 0, "query"},
		{"without a hash", "user=x", 0, "signature"},
	} {
		got, err := telegramUser(telegramKey(botToken), tt.data, noon)
		if got != tt.user || (err == nil) != (tt.says == "") || (err != nil && !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s: user %d, %v", tt.name, got, err)
		}
	}
	// From the signature's definition, not from the code above.
	if key := hex.EncodeToString(telegramKey("5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8")); len(key) != 64 {
		t.Errorf("the key is %s", key)
	}
}

func TestATokenThatWasRevokedIsRefused(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		a := serve(t, openDB(t, dsn))
		secret := a.token(engagement.ScopeRead)
		ask := func() int { return a.send(secret, http.MethodGet, "/v1/today", "").status }
		same(t, "before", ask(), http.StatusOK)
		noError(t, a.db.RevokeToken(t.Context(), a.tokenID))
		// What is known is taken for good for some seconds; they pass here.
		a.server.callers.mu.Lock()
		for key, known := range a.server.callers.tokens {
			known.checked = time.Now().Add(-tokenFresh)
			a.server.callers.tokens[key] = known
		}
		a.server.callers.mu.Unlock()
		same(t, "after", ask(), http.StatusUnauthorized)
		same(t, "in memory", len(a.server.callers.tokens), 0)
	})
}

func TestTheUseOfATokenIsNotedNowAndThen(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		a := serve(t, openDB(t, dsn))
		secret := a.token(engagement.ScopeRead)
		for range 20 {
			same(t, "status", a.send(secret, http.MethodGet, "/v1/today", "").status, http.StatusOK)
		}
		waitUntil(t, func() bool {
			return must(a.db.TokenOf(t.Context(), secret))(t).LastUsed != nil
		})
	})
}

func TestFailedTriesAreLimitedAndGoodTokensAreNot(t *testing.T) {
	t.Parallel()
	a := serve(t, fileDB(t))
	good := a.token(engagement.ScopeRead)
	ask := func(secret string) answer { return a.send(secret, http.MethodGet, "/v1/today", "") }
	same(t, "a good one", ask(good).status, http.StatusOK)
	for try := range triesAtOnce {
		got := ask(fmt.Sprintf("engagement_abcdefgh_%d", try))
		if got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") == "" {
			t.Fatalf("try %d: %d", try, got.status)
		}
	}
	got := ask("engagement_abcdefgh_x")
	if kind, _ := got.problem(); got.status != http.StatusTooManyRequests || kind != "too-many-requests" || got.header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d %s", got.status, got.body)
	}
	same(t, "one that was good before", ask(good).status, http.StatusOK)
	for _, wrong := range []string{"Basic eDp5", "Bearer", "tma x", "x"} {
		got := a.send("", http.MethodGet, "/v1/today", "", "Authorization", wrong)
		if got.status != http.StatusUnauthorized && got.status != http.StatusTooManyRequests {
			t.Errorf("%s: %d", wrong, got.status)
		}
	}
}

func TestAnAddressIsThatOfOneCustomer(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"192.0.2.7:1234": "192.0.2.7", "[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::", "[::ffff:192.0.2.7]:80": "192.0.2.7", "@": "invalid IP",
		"[fe80::1%eth0]:80": "fe80::",
	} {
		same(t, remote, addressOf(&http.Request{RemoteAddr: remote}).String(), want)
	}
}
