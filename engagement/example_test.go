package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func Example() {
	ctx := context.Background()
	path, remove := examplePath()
	defer remove()

	db, err := engagement.Open(ctx, path)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	fire := engagement.Fire{UserID: 12345, SignalID: "EURUSD_LONG_001", Executed: true}
	receipt, err := db.RecordFire(ctx, fire) // again: engagement.Duplicate, and nothing changes
	if err != nil {
		log.Fatal(err)
	}
	trade := engagement.Trade{UserID: 12345, TradeID: "mt5-881", SignalID: "EURUSD_LONG_001", PnL: 150.75}
	if _, err := db.RecordTrade(ctx, trade); err != nil {
		log.Fatal(err)
	}
	user, err := db.UserSummary(ctx, 12345)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.Status, user.TotalFires, user.WinRate, user.PnL, user.CurrentStreak)
	// Output: recorded 1 1 150.75 1
}

func ExampleOpen_options() {
	ctx := context.Background()
	path, remove := examplePath()
	defer remove()

	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		log.Fatal(err)
	}
	db, err := engagement.Open(ctx, path,
		engagement.WithLocation(berlin),       // when days begin
		engagement.WithRetention(90),          // clean up old fires every day
		engagement.WithLogger(slog.Default()), // what it does, and what is slow
	)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	fmt.Println(db.Location())
	// Output: Europe/Berlin
}

func ExampleDB_Tx() {
	ctx := context.Background()
	path, remove := examplePath()
	defer remove()
	db, err := engagement.Open(ctx, path)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	err = db.Tx(ctx, func(tx *engagement.Tx) error {
		if _, err := tx.RecordFire(ctx, engagement.Fire{UserID: 7, SignalID: "GOLD_LONG_001", Executed: true}); err != nil {
			return err
		}
		_, err := tx.RecordTrade(ctx, engagement.Trade{UserID: 7, TradeID: "", PnL: -20})
		return err // not nil: nothing of the transaction is written
	})
	fmt.Println(errors.Is(err, engagement.ErrInvalid))
	_, err = db.UserStats(ctx, 7)
	fmt.Println(errors.Is(err, engagement.ErrNotFound))
	// Output:
	// true
	// true
}

func ExampleDB_RecordTrade() {
	ctx := context.Background()
	path, remove := examplePath()
	defer remove()
	db, err := engagement.Open(ctx, path)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	for _, pnl := range []float64{150.75, 150.75, 151} {
		receipt, err := db.RecordTrade(ctx, engagement.Trade{UserID: 12345, TradeID: "mt5-881", PnL: pnl})
		switch {
		case errors.Is(err, engagement.ErrConflict):
			fmt.Println("refused:", err)
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(receipt.Status)
		}
	}
	// Output:
	// recorded
	// duplicate
	// refused: record trade: trade "mt5-881" of user 12345: conflict: P&L is stored as 150.75, got 151
}

// A page says where the next one begins.
func ExampleReader_Leaderboard() {
	ctx := context.Background()
	path, remove := examplePath()
	defer remove()
	db, err := engagement.Open(ctx, path)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	for user, pnl := range map[int64]float64{1: 50, 2: 80, 3: 50, 4: -10} {
		if _, err := db.RecordTrade(ctx, engagement.Trade{UserID: user, TradeID: "1", PnL: pnl}); err != nil {
			log.Fatal(err)
		}
	}

	board, page := engagement.Board{Ranking: engagement.ByPnL}, engagement.PageQuery{Limit: 3}
	for {
		rows, err := db.Leaderboard(ctx, board, page)
		if err != nil {
			log.Fatal(err)
		}
		for _, row := range rows.Items {
			fmt.Println(row.Rank, row.UserID, row.PnL)
		}
		if rows.Next == "" {
			return
		}
		page.After = rows.Next // as good in a URL
	}
	// Output:
	// 1 2 80
	// 2 1 50
	// 2 3 50
	// 4 4 -10
}

// examplePath returns the path of a file that is not there yet, and what
// removes it and everything beside it.
func examplePath() (path string, remove func()) {
	dir, err := os.MkdirTemp("", "engagement-example-*")
	if err != nil {
		log.Fatal(err)
	}
	return filepath.Join(dir, "engagement.db"), func() { _ = os.RemoveAll(dir) }
}

func ExampleReader_TradeQuality() {
	ctx := context.Background()
	path, remove := examplePath()
	defer remove()
	db, err := engagement.Open(ctx, path)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	begin := time.Now().Add(-3 * time.Hour)
	for i, pnl := range []float64{-40, 100, 20} {
		_, err := db.RecordTrade(ctx, engagement.Trade{
			UserID: 7, TradeID: fmt.Sprintf("mt5-%d", i), PnL: pnl, ClosedAt: begin.Add(time.Duration(i) * time.Hour),
		})
		if err != nil {
			log.Fatal(err)
		}
	}

	quality, err := db.TradeQuality(ctx, engagement.QualityQuery{UserID: 7, Balance: 200})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("profit factor", *quality.ProfitFactor)
	fmt.Println("largest fall", quality.Drawdown.Amount, "or", *quality.Drawdown.Share, "of the account")
	fmt.Println("now", quality.Run.Length, "in a row:", quality.Run.Outcome)
	// Output:
	// profit factor 3
	// largest fall 40 or 0.2 of the account
	// now 2 in a row: win
}

func ExampleReader_Forecast() {
	ctx := context.Background()
	path, remove := examplePath()
	defer remove()
	db, err := engagement.Open(ctx, path)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	for i := range 10 {
		pnl := 1.0
		if i%5 == 0 {
			pnl = -1
		}
		if _, err := db.RecordTrade(ctx, engagement.Trade{UserID: 7, TradeID: fmt.Sprintf("mt5-%d", i), PnL: pnl}); err != nil {
			log.Fatal(err)
		}
	}

	forecast, err := db.Forecast(ctx, engagement.ForecastQuery{UserID: 7})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.2f, with 90 %% between %.2f and %.2f\n", *forecast.Probability, *forecast.Low, *forecast.High)

	forecast, err = db.Forecast(ctx, engagement.ForecastQuery{UserID: 7, MinDecided: 50})
	if err != nil {
		log.Fatal(err)
	}
	if forecast.Probability == nil {
		fmt.Println("too few trades:", forecast.Decided, "of", forecast.Needed)
	}
	// Output:
	// 0.78, with 90 % between 0.61 and 0.91
	// too few trades: 10 of 50
}

func ExampleDB_DefineMetric() {
	ctx := context.Background()
	path, remove := examplePath()
	defer remove()
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	db, err := engagement.Open(ctx, path, engagement.WithClock(func() time.Time { return noon }))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	for i, daysAgo := range []int{9, 1, 0, 0} {
		fire := engagement.Fire{UserID: 7, SignalID: fmt.Sprintf("GOLD_%d", i), At: noon.AddDate(0, 0, -daysAgo)}
		if _, err := db.RecordFire(ctx, fire); err != nil {
			log.Fatal(err)
		}
	}

	definition, err := engagement.ParseMetricDefinition([]byte(`{
		"name": "fires_by_day", "what": "count", "of": "fires", "per": "day", "window": "7d"
	}`))
	if err != nil {
		log.Fatal(err) // it names the field that is wrong
	}
	if err := db.DefineMetric(ctx, definition); err != nil {
		log.Fatal(err)
	}
	values, err := db.EvaluateMetric(ctx, "fires_by_day", engagement.PageQuery{})
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range values.Items {
		fmt.Println(row.Key, *row.Value)
	}
	// Output:
	// 2026-01-30 1
	// 2026-01-31 2
}
