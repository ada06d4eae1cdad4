package engagement_test

import (
	"context"
	"fmt"

	"github.com/hydraxdev/engagementdb/engagement"
)

func ExampleAll_filter() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 2)

	// A list without a filter, as Users and Signals are, is handed over as it is.
	for signal, err := range engagement.All(ctx, db.Signals) {
		check(err)
		fmt.Println(signal.SignalID, signal.TotalFires)
	}
	executed := func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.SignalFire], error) {
		return db.Fires(ctx, engagement.FireFilter{UserID: 7, Executed: true}, q)
	}
	for fire, err := range engagement.All(ctx, executed) {
		check(err)
		fmt.Println("fired:", fire.SignalID)
	}
	// Output:
	// GOLD_2026-01-13 1
	// GOLD_2026-01-14 1
	// fired: GOLD_2026-01-14
	// fired: GOLD_2026-01-13
}

func ExampleReader_DailyFigures() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 2)

	days, err := db.DailyFigures(ctx, engagement.Days(db.Today()-2, db.Today()))
	check(err)
	for _, day := range days {
		fmt.Println(day.Day, day.Fires, day.NewUsers)
	}
	// Output:
	// 2026-01-12 0 0
	// 2026-01-13 1 1
	// 2026-01-14 1 0
}

func ExampleReader_PopularSignals() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	for user := range int64(3) {
		_, err := db.RecordFire(ctx, engagement.Fire{UserID: user + 1, SignalID: "EURUSD_1", Executed: user > 0})
		check(err)
	}
	fireDaily(db, 1)

	popular, err := db.PopularSignals(ctx, db.ThisWeek(), engagement.PageQuery{Limit: 1})
	check(err)
	for _, signal := range popular.Items {
		fmt.Println(signal.SignalID, signal.Fires, signal.Executed)
	}
	// Output: EURUSD_1 3 2
}

func ExampleReader_StreakLeaderboard() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 4)

	board, err := db.StreakLeaderboard(ctx, engagement.PageQuery{})
	check(err)
	for _, row := range board.Items {
		fmt.Println(row.Rank, row.UserID, row.Current)
	}
	// Output: 1 7 4
}

func ExampleDB_EraseUser() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 4)

	receipt, err := db.EraseUser(ctx, 7)
	check(err)
	fmt.Println("erased", receipt.Fires, "fires of", receipt.Days, "days")
	// Output: erased 4 fires of 4 days
}

func ExampleDB_Cleanup() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 4)

	report, err := db.Cleanup(ctx, 2)
	check(err)
	user, err := db.UserStats(ctx, 7)
	check(err)
	fmt.Println("deleted", report.FiresDeleted, "and still knows of", user.TotalFires)
	// Output: deleted 1 and still knows of 4
}

func ExampleDB_Rebuild() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 4)

	report, err := db.Rebuild(ctx)
	check(err)
	fmt.Println("put right:", len(report.Findings), "now all is right:", report.OK())
	// Output: put right: 0 now all is right: true
}

func ExampleReader_SignalInsight() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 1)

	insight, err := db.SignalInsight(ctx, "GOLD_2026-01-14")
	check(err)
	fmt.Println(insight.Fires, "fired it,", *insight.ExecutionRate, "of them with an order that was executed")
	// Output: 1 fired it, 1 of them with an order that was executed
}

func ExampleReader_Activity() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 3)

	days, err := db.Activity(ctx, db.TodayWindow())
	check(err)
	for _, day := range days {
		fmt.Println(day.Day, day.DAU, day.WAU, day.MAU)
	}
	// Output: 2026-01-14 1 1 1
}

func ExampleReader_Cohorts() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 3)

	first := db.Today() - 2
	cohorts, err := db.Cohorts(ctx, engagement.Days(first, first), engagement.Daily, 2)
	check(err)
	for _, cohort := range cohorts {
		fmt.Println(cohort.Start, "began", cohort.Size, "and came back", *cohort.On[0], "the day after")
	}
	// Output: 2026-01-12 began 1 and came back 1 the day after
}

func ExampleReader_Hours() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 3)

	hours, err := db.Hours(ctx, engagement.AllTime())
	check(err)
	fmt.Println("Mondays at noon:", hours.Fires[0][12], "of", hours.Total)
	// Output: Mondays at noon: 1 of 3
}

func ExampleReader_UserRank() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 3)
	_, err := db.RecordFire(ctx, engagement.Fire{UserID: 8, SignalID: "EURUSD_1"})
	check(err)

	board := engagement.Board{Ranking: engagement.ByFires, Window: db.ThisWeek()}
	row, err := db.UserRank(ctx, board, 8)
	check(err)
	fmt.Println("rank", row.Rank, "with", row.TotalFires)
	around, err := db.Around(ctx, board, 8, 1)
	check(err)
	fmt.Println("before them:", around[0].UserID)
	// Output:
	// rank 2 with 1
	// before them: 7
}

func ExampleReader_ScoreForecasts() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	for i := range 12 {
		_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 7, TradeID: fmt.Sprint("t", i), PnL: 5, ClosedAt: noon.AddDate(0, 0, i-12)})
		check(err)
	}

	score, err := db.ScoreForecasts(ctx, engagement.CalibrationQuery{})
	check(err)
	fmt.Println("forecast:", score.Forecasts, "too early to forecast:", score.TooEarly)
	// Output: forecast: 2 too early to forecast: 10
}

func ExampleDB_CopyTo() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 3)
	target, removeTarget := examplePath() // as a rule postgres://…
	defer removeTarget()

	_, err := db.CopyTo(ctx, target)
	check(err)
	copied, err := engagement.Open(ctx, target, engagement.WithReadOnly())
	check(err)
	defer func() { check(copied.Close()) }()
	user, err := copied.UserStats(ctx, 7)
	check(err)
	fmt.Println("fires in the copy:", user.TotalFires)
	// Output: fires in the copy: 3
}
