package engagement

import (
	"context"
	"fmt"
	"os"
)

// DefaultPath is the file that [Default] opens unless ENGAGEMENT_DB names
// another; it is where the predecessor kept its own.
const DefaultPath = "data/engagement.db"

var (
	// defaultTurn contains a token while somebody looks at defaultDB or opens it.
	defaultTurn = make(chan struct{}, 1)
	defaultDB   *DB
)

// Default returns the process's shared database, opening it at the first call:
// the one that the environment variable ENGAGEMENT_DB names, or DefaultPath. A
// caller who comes while another opens it waits until its own ctx ends. An opening
// that failed is tried again at the next call, and a database that was closed is
// opened again.
func Default(ctx context.Context) (*DB, error) {
	select {
	case defaultTurn <- struct{}{}:
		defer func() { <-defaultTurn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("open the default database: %w", ctx.Err())
	}
	if defaultDB != nil && !defaultDB.isClosed() {
		return defaultDB, nil
	}
	dsn := os.Getenv("ENGAGEMENT_DB")
	if dsn == "" {
		dsn = DefaultPath
	}
	db, err := Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defaultDB = db
	return db, nil
}

// CloseDefault closes the shared database, if it is open; if somebody opens it, it
// waits for that. The next call of [Default] opens it again.
func CloseDefault() error {
	defaultTurn <- struct{}{}
	db := defaultDB
	defaultDB = nil
	<-defaultTurn // Close waits for operations, which may ask for Default
	if db == nil {
		return nil
	}
	return db.Close()
}

// RecordUserSignalFire records a fire, at the present time, in the [Default]
// database, as [DB.RecordFire] does.
func RecordUserSignalFire(ctx context.Context, userID int64, signalID string, executed bool) (FireReceipt, error) {
	db, err := Default(ctx)
	if err != nil {
		return FireReceipt{}, err
	}
	return db.RecordFire(ctx, Fire{UserID: userID, SignalID: signalID, Executed: executed})
}

// EngagementStats returns today's figures from the [Default] database, as
// [Reader.RealTimeStats] does.
func EngagementStats(ctx context.Context) (RealTimeStats, error) {
	db, err := Default(ctx)
	if err != nil {
		return RealTimeStats{}, err
	}
	return db.RealTimeStats(ctx)
}

// UserEngagementData returns a user's summary from the [Default] database, as
// [Reader.UserSummary] does.
func UserEngagementData(ctx context.Context, userID int64) (UserSummary, error) {
	db, err := Default(ctx)
	if err != nil {
		return UserSummary{}, err
	}
	return db.UserSummary(ctx, userID)
}

// UpdateUserPerformance adds to a user's P&L in the [Default] database, as
// [DB.UpdateUserPnL] does.
func UpdateUserPerformance(ctx context.Context, userID int64, change float64, isWin bool) (UserStats, error) {
	db, err := Default(ctx)
	if err != nil {
		return UserStats{}, err
	}
	return db.UpdateUserPnL(ctx, userID, change, isWin)
}
