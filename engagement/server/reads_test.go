package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

const aSignal = "EURUSD/<b>_003"

// reads are all operations that answer a question, with what the library answers.
func reads(ctx context.Context, r *engagement.Reader) map[string]func() (any, error) {
	month := engagement.Days(r.Today()-29, r.Today())
	signal := "/v1/signals/" + url.PathEscape(aSignal)
	board := engagement.Board{Ranking: engagement.ByWinRate, MinDecided: 2, Window: month, Users: []int64{1, 2, 3}}
	two := engagement.PageQuery{Limit: 2}
	return map[string]func() (any, error){
		"/v1/today":                func() (any, error) { return r.RealTimeStats(ctx) },
		"/v1/days?window=30d":      func() (any, error) { return r.DailyFigures(ctx, month) },
		"/v1/activity?window=30d":  func() (any, error) { return r.Activity(ctx, month) },
		"/v1/hours":                func() (any, error) { return r.Hours(ctx, engagement.AllTime()) },
		"/v1/lifecycle?window=30d": func() (any, error) { return r.Lifecycle(ctx, month, engagement.Weekly) },
		"/v1/lifecycle?by=day":     func() (any, error) { return r.Lifecycle(ctx, engagement.AllTime(), engagement.Daily) },
		"/v1/cohorts?periods=3":    func() (any, error) { return r.Cohorts(ctx, engagement.AllTime(), engagement.Weekly, 3) },
		"/v1/calendar":             func() (any, error) { day, err := r.Horizon(ctx); return Calendar{"UTC", 20467, day}, err },
		"/v1/fires?user=1&limit=2": func() (any, error) { return r.Fires(ctx, engagement.FireFilter{UserID: 1}, two) },
		"/v1/trades?outcome=loss": func() (any, error) {
			return r.Trades(ctx, engagement.TradeFilter{Outcome: engagement.Loss}, engagement.PageQuery{})
		},
		"/v1/streaks/ending?limit=2":      func() (any, error) { return r.EndingStreaks(ctx, two) },
		"/v1/users/count":                 func() (any, error) { n, err := r.CountUsers(ctx); return Count{n}, err },
		"/v1/days/2026-01-14/new?limit=2": func() (any, error) { return r.NewUsers(ctx, 20467, two) },
		"/v1/upkeep":                      func() (any, error) { return r.Upkeep(ctx) },
		"/v1/users?limit=2":               func() (any, error) { return r.Users(ctx, two) },
		"/v1/users/1":                     func() (any, error) { return r.UserSummary(ctx, 1) },
		"/v1/users/1/streak":              func() (any, error) { return r.Streak(ctx, 1) },
		"/v1/users/1/streak/days":         func() (any, error) { return r.StreakDays(ctx, 1) },
		"/v1/users/1/awards":              func() (any, error) { return r.Awards(ctx, 1) },
		"/v1/users/1/freezes":             func() (any, error) { return r.Freezes(ctx, 1) },
		"/v1/fires?executed=true&signal=" + url.QueryEscape(aSignal): func() (any, error) {
			return r.Fires(ctx, engagement.FireFilter{SignalID: aSignal, Executed: true}, engagement.PageQuery{})
		},
		"/v1/users/1/fires?limit=2":                    func() (any, error) { return r.Fires(ctx, engagement.FireFilter{UserID: 1}, two) },
		"/v1/users/1/fires/" + url.PathEscape(aSignal): func() (any, error) { return r.Fire(ctx, 1, aSignal) },
		"/v1/users/1/trades?signal=" + url.QueryEscape(aSignal): func() (any, error) {
			return r.Trades(ctx, engagement.TradeFilter{UserID: 1, SignalID: aSignal}, engagement.PageQuery{})
		},
		"/v1/users/1/trades/t3":              func() (any, error) { return r.Trade(ctx, 1, "t3") },
		"/v1/users/1/explain/pnl?limit=2":    func() (any, error) { return r.ExplainUser(ctx, 1, engagement.FigurePnL, two) },
		"/v1/users/1/explain/total_fires":    func() (any, error) { return r.ExplainUser(ctx, 1, engagement.FigureFires, engagement.PageQuery{}) },
		"/v1/users/1/export":                 func() (any, error) { return r.ExportUser(ctx, 1) },
		"/v1/users/1/public":                 func() (any, error) { public, err := r.IsPublic(ctx, 1); return Visibility{public}, err },
		"/v1/users/1/versus/2?window=30d":    func() (any, error) { return r.HeadToHead(ctx, 1, 2, month) },
		"/v1/users/1/quality?balance=100":    func() (any, error) { return r.TradeQuality(ctx, engagement.QualityQuery{UserID: 1, Balance: 100}) },
		"/v1/users/1/forecast?min_decided=2": func() (any, error) { return r.Forecast(ctx, engagement.ForecastQuery{UserID: 1, MinDecided: 2}) },
		"/v1/users/1/ranks?window=30d":       func() (any, error) { return ranksOf(ctx, r, 1, month) },
		"/v1/signals?limit=2":                func() (any, error) { return r.Signals(ctx, two) },
		"/v1/popular?window=30d":             func() (any, error) { return r.PopularSignals(ctx, month, engagement.PageQuery{}) },
		signal:                               func() (any, error) { return r.SignalInsight(ctx, aSignal) },
		signal + "/totals":                   func() (any, error) { return r.SignalMetrics(ctx, aSignal) },
		signal + "/quality":                  func() (any, error) { return r.TradeQuality(ctx, engagement.QualityQuery{SignalID: aSignal}) },
		signal + "/forecast":                 func() (any, error) { return r.Forecast(ctx, engagement.ForecastQuery{SignalID: aSignal}) },
		signal + "/explain/executed": func() (any, error) {
			return r.ExplainSignal(ctx, aSignal, engagement.FigureExecuted, engagement.PageQuery{})
		},
		"/v1/boards/total_fires?limit=2":         func() (any, error) { return r.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, two) },
		"/v1/boards/current_streak":              func() (any, error) { return r.StreakLeaderboard(ctx, engagement.PageQuery{}) },
		"/v1/boards/pnl/users/2":                 func() (any, error) { return r.UserRank(ctx, engagement.Board{Ranking: engagement.ByPnL}, 2) },
		"/v1/boards/executed/users/2/around?n=1": func() (any, error) { return r.Around(ctx, engagement.Board{Ranking: engagement.ByExecuted}, 2, 1) },
		"/v1/boards/win_rate?min_decided=2&window=30d&users=1,2,3": func() (any, error) {
			return r.Leaderboard(ctx, board, engagement.PageQuery{})
		},
		"/v1/calibration?of=signals&min_decided=1": func() (any, error) {
			return r.ScoreForecasts(ctx, engagement.CalibrationQuery{BySignal: true, MinDecided: 1})
		},
		"/v1/metrics":                      func() (any, error) { return r.CustomMetrics(ctx, engagement.PageQuery{}) },
		"/v1/metrics/fires":                func() (any, error) { return r.CustomMetric(ctx, "fires") },
		"/v1/metrics/fires/values?limit=2": func() (any, error) { return r.EvaluateMetric(ctx, "fires", two) },
		"/v1/streak-rules":                 func() (any, error) { return r.StreakRules(ctx) },
		"/v1/cleanup?keep_days=3":          func() (any, error) { return r.PlanCleanup(ctx, 3) },
		"/v1/aside":                        func() (any, error) { return r.Aside(ctx, engagement.PageQuery{}) },
		"/v1/tokens":                       func() (any, error) { return r.Tokens(ctx, engagement.PageQuery{}) },
	}
}

func ranksOf(ctx context.Context, r *engagement.Reader, user int64, w engagement.Window) (map[string]*engagement.BoardRow, error) {
	places := map[string]*engagement.BoardRow{}
	for _, ranking := range engagement.Rankings() {
		places[ranking.String()] = nil
		if row, err := r.UserRank(ctx, engagement.Board{Ranking: ranking, Window: w}, user); err == nil {
			places[ranking.String()] = &row
		}
	}
	return places, nil
}

func TestEveryQuestionIsAnsweredAsTheLibraryDoes(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn, atNoon())
		community(t, db)
		a := serve(t, db)
		secret := a.admin()
		noError(t, db.UseToken(t.Context(), a.tokenID)) // so that no request does
		asked := map[string]bool{}
		for path, library := range reads(t.Context(), db.Reader) {
			got := a.send(secret, http.MethodGet, path, "")
			if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %d %s", path, got.status, got.body)
				continue
			}
			want, err := library()
			noError(t, err)
			if export, ok := want.(engagement.UserExport); ok { // which is written as it is read, with < as \u003c
				var read engagement.UserExport
				noError(t, json.Unmarshal([]byte(got.body), &read))
				same(t, path, read, export)
			} else {
				same(t, path, got.body, asJSON(t, want))
			}
			r := must(http.NewRequest(http.MethodGet, path, nil))(t)
			asked[must(documented())(t).route(r).Path] = true
		}
		for path, item := range must(documented())(t).Paths.Map() {
			if item.Get != nil && !asked[path] && item.Get.Tags[0] != "health" && path != "/v1/live" && path != "/u/{user}/card.png" && path != "/v1/commits" {
				t.Errorf("nobody asked %s", path)
			}
		}
		got := a.get("/v1/commits")
		if got.status != http.StatusOK || !strings.Contains(got.body, `"writes":`) {
			t.Errorf("commits: %d %s", got.status, got.body)
		}
	})
}

func TestAListIsReadByFollowingItsLinks(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn, atNoon())
		community(t, db)
		a := serve(t, db)
		for _, path := range []string{
			"/v1/fires?limit=3", "/v1/trades?limit=5&window=30d", "/v1/users?limit=1", "/v1/signals?limit=5", "/v1/popular?limit=5",
			"/v1/boards/pnl?limit=1", "/v1/boards/total_fires?limit=2&users=1,2,3,4", "/v1/boards/current_streak?limit=1",
			"/v1/metrics/fires/values?limit=1", "/v1/users/1/explain/wins?limit=1",
		} {
			name, _, _ := strings.Cut(path, "?")
			pages, items := 0, 0
			for next := path; next != ""; pages++ {
				got := a.get(next)
				if got.status != http.StatusOK || pages > 50 {
					t.Fatalf("%s: %d %s", next, got.status, got.body)
				}
				items += strings.Count(got.body, `"user_id"`) + strings.Count(got.body, `"key"`)
				link := got.header.Get("Link")
				if next = ""; link != "" {
					query, ok := strings.CutSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
					if !ok || !strings.HasPrefix(query, "?") {
						t.Fatalf("%s: the link is %s", path, link)
					}
					next = name + query
				}
			}
			if pages < 2 || (items == 0 && !strings.Contains(path, "signals") && !strings.Contains(path, "popular")) {
				t.Errorf("%s: %d pages, %d items", path, pages, items)
			}
		}
		for _, path := range []string{"/v1/users?after=x", "/v1/users?after=" + strings.Repeat("A", 5000), "/v1/users?limit=10001", "/v1/users?limit=-1"} {
			if got := a.get(path); got.status != http.StatusBadRequest {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
	})
}

func TestWhatAClientHasAlreadyIsNotSentAgain(t *testing.T) {
	t.Parallel()
	db := fileDB(t)
	community(t, db)
	a := serve(t, db)
	for _, path := range []string{"/v1/today", "/v1/users/1", "/v1/boards/pnl"} {
		tag := a.get(path).header.Get("ETag")
		for name, header := range map[string]string{
			"the same": tag, "one of several": `"x", ` + tag, "any": "*", "as a strong one": strings.TrimPrefix(tag, "W/"),
		} {
			if got := a.get(path, "If-None-Match", header); got.status != http.StatusNotModified || got.body != "" || got.header.Get("ETag") != tag {
				t.Errorf("%s, %s: %d %s", path, name, got.status, got.body)
			}
		}
		if got := a.get(path, "If-None-Match", `W/"x"`); got.status != http.StatusOK {
			t.Errorf("%s: %d of another tag", path, got.status)
		}
		must(db.RecordFire(t.Context(), engagement.Fire{UserID: 1, SignalID: "NEW" + strings.ReplaceAll(path, "/", "_")}))(t)
		if got := a.get(path, "If-None-Match", tag); got.status != http.StatusOK || got.header.Get("ETag") == tag {
			t.Errorf("%s: %d after a change", path, got.status)
		}
	}
}
