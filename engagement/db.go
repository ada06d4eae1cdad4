package engagement

import (
	"context"
	"fmt"
)

// DB is an open engagement database. It is safe for concurrent use.
//
// Its own methods write, and keep the database in order. What it answers are the
// methods of [Reader]; each call sees the latest committed state, and those in
// one [DB.View] the same:
//
//   - today: [Reader.RealTimeStats], [Reader.Today], [Reader.Location]
//   - facts: one by its key with [Reader.Fire] and [Reader.Trade], lists of them
//     with [Reader.Fires] and [Reader.Trades]
//   - users: one with [Reader.UserSummary] and [Reader.UserStats], everything kept
//     about one with [Reader.ExportUser] and [Reader.WriteUserExport], all of them
//     with [Reader.Users] and [Reader.CountUsers], new ones with
//     [Reader.NewUsers]
//   - signals: one with [Reader.SignalMetrics] and [Reader.SignalInsight], all of
//     them with [Reader.Signals], the most fired with [Reader.PopularSignals]
//   - boards: [Reader.Leaderboard], [Reader.UserRank], [Reader.Around],
//     [Reader.StreakLeaderboard], and two users: [Reader.HeadToHead]
//   - streaks: [Reader.Streak], [Reader.StreakDays], [Reader.EndingStreaks],
//     [Reader.StreakRules], [Reader.Awards], [Reader.Freezes]
//   - how good trades were and will be: [Reader.TradeQuality], [Reader.Forecast],
//     [Reader.ScoreForecasts]
//   - the community by time: [Reader.DailyFigures], [Reader.Activity],
//     [Reader.Lifecycle], [Reader.Cohorts], [Reader.Hours]
//   - metrics of its own: [Reader.EvaluateMetric], [Reader.EvaluateDefinition],
//     [Reader.CustomMetric], [Reader.CustomMetrics]
//   - what a figure is made of: [Reader.ExplainUser], [Reader.ExplainSignal]
//   - what a cleanup left or would leave: [Reader.Horizon], [Reader.PlanCleanup]
//   - rows that cannot be facts: [Reader.Aside]
//   - who may see it: [Reader.Tokens], [Reader.TokenOf], [Reader.IsPublic]
//   - how much space it takes: [Reader.Size]; when it was looked after: [Reader.Upkeep]
//   - windows of days: [Reader.ParseWindow], [Reader.TodayWindow],
//     [Reader.ThisWeek], [Reader.ThisMonth]
type DB struct {
	*Reader
	lanes lanes
	stop  context.CancelFunc // ends the background work
}

// Close waits for running operations and stops the background work; Cleanup and
// Rebuild stop after the step in hand. Later calls return ErrClosed; a second Close
// does nothing. Inside Tx it is ErrInvalid and closes nothing. It must not be called
// inside View: it would wait for the View to end.
func (db *DB) Close() error {
	if db.shared() == nil {
		return fmt.Errorf("close: %w", errNotOpened)
	}
	if err := db.core.refuseInTx(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	db.core.mu.Lock()
	closed := db.core.closed
	db.core.closed = true
	db.core.mu.Unlock()
	if closed {
		return nil
	}
	db.stop()
	db.core.running.Wait()
	return explain(db.core.engine, "close", db.core.engine.Close())
}

func (db *DB) isClosed() bool {
	db.core.mu.Lock()
	defer db.core.mu.Unlock()
	return db.core.closed
}
