package engagement_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement"
)

// compareAll compares every read, and asks the database for its own proof.
func (h *history) compareAll(t *rapid.T) {
	noError(t, h.db.View(context.Background(), func(r *engagement.Reader) error {
		h.compareLists(t, r)
		for _, user := range universeUsers {
			h.compareUser(t, r, user)
		}
		for _, signal := range universeSignals {
			h.compareSignal(t, r, signal)
		}
		return nil
	}))
	report, err := h.db.Verify(context.Background())
	noError(t, err)
	want := engagement.Report{
		Users: int64(len(h.model.users())), Signals: int64(len(h.model.created)),
		Fires:   int64(len(h.model.newestFirst(func(modelFire) bool { return true }))),
		Trades:  int64(len(h.model.trades)),
		Horizon: h.model.horizon, Timestamp: h.model.now,
	}
	same(t, "Verify", report, want, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(engagement.Report{}, "Days"))
}

func (h *history) compareAUser(t *rapid.T) {
	h.compareUser(t, h.db.Reader, rapid.SampledFrom(universeUsers).Draw(t, "user"))
	h.compareSignal(t, h.db.Reader, rapid.SampledFrom(universeSignals).Draw(t, "signal"))
}

// ids are given by the database, so the model does not know them.
var withoutIDs = cmp.Options{
	cmpopts.IgnoreFields(engagement.SignalFire{}, "ID"),
	cmpopts.IgnoreFields(engagement.ClosedTrade{}, "ID"),
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".TradeID" }, cmp.Comparer(func(a, b string) bool {
		generated := func(id string) bool { return strings.HasPrefix(id, "pnl-") }
		return a == b || (generated(a) && generated(b))
	})),
}

func (h *history) compareUser(t *rapid.T, r *engagement.Reader, user int64) {
	ctx, m := context.Background(), h.model
	h.compareQuality(t, r, engagement.QualityQuery{UserID: user})
	h.compareForecast(t, r, engagement.ForecastQuery{UserID: user})
	stats, err := r.UserStats(ctx, user)
	if _, known := m.updated[user]; !known {
		wantError(t, err, engagement.ErrNotFound)
		_, err = r.UserSummary(ctx, user)
		wantError(t, err, engagement.ErrNotFound)
		_, err = r.ExportUser(ctx, user)
		wantError(t, err, engagement.ErrNotFound)
		_, err = r.UserRank(ctx, engagement.Board{Ranking: engagement.ByFires}, user)
		wantError(t, err, engagement.ErrNotFound)
		_, err = r.Streak(ctx, user)
		wantError(t, err, engagement.ErrNotFound)
		h.compareAwards(t, r, user)
		same(t, "UserFires of nobody", must(r.Fires(ctx, engagement.FireFilter{UserID: user}, anyPage))(t).Items, []engagement.SignalFire{})
		return
	}
	noError(t, err)
	same(t, "UserStats", stats, m.userStats(user))
	same(t, "UserSummary", must(r.UserSummary(ctx, user))(t), m.userSummary(user))
	same(t, "Streak", must(r.Streak(ctx, user))(t), m.streak(user))
	h.compareAwards(t, r, user)
	export := must(r.ExportUser(ctx, user))(t)
	same(t, "ExportUser", export, m.exportUser(user), withoutIDs)
	var written bytes.Buffer
	noError(t, r.WriteUserExport(ctx, &written, user))
	same(t, "WriteUserExport", strings.TrimSpace(written.String()), string(must(json.Marshal(export))(t)))
	h.compareFires(t, r, engagement.FireFilter{UserID: user})
	for _, board := range h.boards() {
		h.compareRank(t, r, board, user)
	}
	for _, other := range m.users() {
		h.compareHeadToHead(t, r, user, other)
	}
	for _, outcome := range anyOutcome {
		h.compareTrades(t, r, engagement.TradeFilter{UserID: user, Outcome: outcome})
	}
	for _, figure := range engagement.FiguresOfUser() {
		same(t, "ExplainUser in pages", explainedInPages(t, func(ctx context.Context, q engagement.PageQuery) (engagement.Explanation, error) {
			return r.ExplainUser(ctx, user, figure, q)
		}), m.explain(user, "", figure), withoutIDs, cmpopts.EquateEmpty())
	}
}

func (h *history) compareAwards(t *rapid.T, r *engagement.Reader, user int64) {
	ctx := context.Background()
	same(t, "StreakDays", must(r.StreakDays(ctx, user))(t), h.model.life(user).days)
	same(t, "Freezes", must(r.Freezes(ctx, user))(t), h.model.freezesOf(user))
	same(t, "Awards", must(r.Awards(ctx, user))(t), h.model.awardsOf(user))
}

func (h *history) compareSignal(t *rapid.T, r *engagement.Reader, signal string) {
	ctx := context.Background()
	h.compareQuality(t, r, engagement.QualityQuery{SignalID: signal})
	h.compareForecast(t, r, engagement.ForecastQuery{SignalID: signal})
	h.compareFires(t, r, engagement.FireFilter{SignalID: signal})
	metrics, err := r.SignalMetrics(ctx, signal)
	want, known := h.model.signalMetrics(signal)
	if !known {
		wantError(t, err, engagement.ErrNotFound)
		_, err = r.SignalInsight(ctx, signal)
		wantError(t, err, engagement.ErrNotFound)
		return
	}
	noError(t, err)
	same(t, "SignalMetrics", metrics, want)
	insight, _ := h.model.signalInsight(signal)
	same(t, "SignalInsight", must(r.SignalInsight(ctx, signal))(t), insight)
	for _, figure := range engagement.FiguresOfSignal() {
		same(t, "ExplainSignal in pages", explainedInPages(t, func(ctx context.Context, q engagement.PageQuery) (engagement.Explanation, error) {
			return r.ExplainSignal(ctx, signal, figure, q)
		}), h.model.explain(0, signal, figure), withoutIDs, cmpopts.EquateEmpty())
	}
}

func (h *history) compareLists(t *rapid.T, r *engagement.Reader) {
	ctx, m, today := context.Background(), h.model, h.model.today()
	h.compareCalibration(t, r)
	same(t, "Today", r.Today(), today)
	same(t, "Horizon", must(r.Horizon(ctx))(t), m.horizon)
	same(t, "RealTimeStats", must(r.RealTimeStats(ctx))(t), m.realTimeStats())
	same(t, "DailyMetrics", must(r.DailyFigures(ctx, engagement.Days(today-20, today+2)))(t), m.dailyMetrics(today-20, today+2))
	for _, from := range []engagement.Day{today, today - 3, today - 20} {
		for _, limit := range pageLimits {
			same(t, "PopularSignals", inPages(t, limit, listPopular(r, engagement.Days(from, today))), m.popularSignals(from, today))
		}
	}
	same(t, "EndingStreaks, how many", must(r.EndingStreaks(ctx, anyPage))(t).Users, int64(len(m.endingStreaks())))
	same(t, "CountUsers", must(r.CountUsers(ctx))(t), int64(len(m.allUsers())))
	same(t, "StreakRules", must(r.StreakRules(ctx))(t), m.rules)
	for _, limit := range pageLimits {
		same(t, "PopularSignals ever", inPages(t, limit, listPopular(r, engagement.AllTime())), m.popularSignals(0, today+2))
		same(t, "StreakLeaderboard", inPages(t, limit, r.StreakLeaderboard), m.streakLeaderboard())
		same(t, "EndingStreaks", inPages(t, limit, listEnding(r)), m.endingStreaks())
		same(t, "Users", inPages(t, limit, r.Users), m.allUsers())
		for day := today - 5; day <= today+1; day++ {
			same(t, "NewUsers", inPages(t, limit, listNew(r, day)), m.newUsers(day))
		}
		same(t, "Signals", inPages(t, limit, r.Signals), m.allSignals())
	}
	for range 5 {
		metric := m.drawMetric(t)
		want := m.evaluate(metric)
		same(t, fmt.Sprintf("EvaluateDefinition(%+v)", metric), must(r.EvaluateDefinition(ctx, metric, engagement.PageQuery{Limit: engagement.MaxLimit}))(t), want)
		same(t, fmt.Sprintf("EvaluateDefinition(%+v) in pages", metric), inPages(t, 2, listMetric(r, metric)), want.Items)
	}
	h.compareActivity(t, r)
	for _, board := range h.boards() {
		want := m.leaderboard(board)
		for _, limit := range pageLimits {
			same(t, fmt.Sprintf("Leaderboard %+v in pages of %d", board, limit), inPages(t, limit, listBoard(r, board)), want, roundedBounds)
		}
	}
	h.compareFires(t, r, engagement.FireFilter{})
	for _, outcome := range anyOutcome {
		h.compareTrades(t, r, engagement.TradeFilter{Outcome: outcome})
	}
	h.compareFilters(t, r)
	h.compareLookups(t, r)
}

// pageLimits make one page of everything in the universe, and several.
var pageLimits = []int{100, 2}
