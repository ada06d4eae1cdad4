package engagement_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// openExample opens an empty database whose time stands at noon on Wednesday,
// 2026-01-14, and returns what closes and removes it.
func openExample() (db *engagement.DB, remove func()) {
	path, removePath := examplePath()
	db, err := engagement.Open(context.Background(), path, engagement.WithClock(func() time.Time { return noon }))
	if err != nil {
		log.Fatal(err)
	}
	return db, func() {
		check(db.Close())
		removePath()
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// fireDaily records a fire of user 7 on each of the last days.
func fireDaily(db *engagement.DB, days int) {
	for i := range days {
		at := noon.AddDate(0, 0, i-days+1)
		_, err := db.RecordFire(context.Background(), engagement.Fire{
			UserID: 7, SignalID: "GOLD_" + at.Format(time.DateOnly), At: at, Executed: true,
		})
		check(err)
	}
}

func ExampleReader_HeadToHead() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	for _, t := range []engagement.Trade{{UserID: 1, TradeID: "a", PnL: 50}, {UserID: 2, TradeID: "b", PnL: 80}} {
		_, err := db.RecordTrade(ctx, t)
		check(err)
	}

	h, err := db.HeadToHead(ctx, 1, 2, db.ThisWeek())
	check(err)
	fmt.Println(h.A.PnL, "against", h.B.PnL)
	fmt.Println("by P&L leads user", *h.Leaders[engagement.ByPnL])
	fmt.Println("by fires leads nobody:", h.Leaders[engagement.ByFires] == nil)
	// Output:
	// 50 against 80
	// by P&L leads user 2
	// by fires leads nobody: true
}

func ExampleDB_SetStreakRules() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	rules := engagement.DefaultStreakRules()
	rules.RestDays = []time.Weekday{time.Saturday, time.Sunday}
	rules.Milestones = []int64{2, 5}
	check(db.SetStreakRules(ctx, rules))

	friday := noon.AddDate(0, 0, -5)
	for i, at := range []time.Time{friday, friday.AddDate(0, 0, 3), friday.AddDate(0, 0, 4)} {
		fire := engagement.Fire{UserID: 7, SignalID: fmt.Sprintf("GOLD_%d", i), At: at}
		receipt, err := db.RecordFire(ctx, fire)
		check(err)
		fmt.Println(at.Weekday(), "awards", receipt.Milestones)
	}
	// Output:
	// Friday awards []
	// Monday awards [2]
	// Tuesday awards []
}

func ExampleDB_GrantFreeze() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 3)
	_, err := db.GrantFreeze(ctx, engagement.Freeze{UserID: 7, GrantID: "welcome"})
	check(err)

	streak, err := db.Streak(ctx, 7)
	check(err)
	fmt.Println(streak.Current, "days; it breaks at", streak.Expires.Format(time.DateTime), "unless user 7 fires")
	// Output: 3 days; it breaks at 2026-01-17 00:00:00 unless user 7 fires
}

func ExampleReader_Awards() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 7)

	awards, err := db.Awards(ctx, 7)
	check(err)
	for _, award := range awards {
		fmt.Println(award.Milestone, "days, reached on", award.Day)
	}
	// Output:
	// 3 days, reached on 2026-01-10
	// 7 days, reached on 2026-01-14
}

func ExampleReader_EvaluateDefinition() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	for i, executed := range []bool{true, true, false, true} {
		_, err := db.RecordFire(ctx, engagement.Fire{UserID: 7, SignalID: fmt.Sprintf("EURUSD_%d", i), Executed: executed})
		check(err)
	}

	executed := true
	values, err := db.EvaluateDefinition(ctx, engagement.MetricDefinition{
		Name: "execution_rate", What: "ratio", Per: "user", Window: "30d",
		Numerator:   &engagement.MetricPart{What: "count", Of: "fires", Filter: engagement.MetricFilter{Executed: &executed}},
		Denominator: &engagement.MetricPart{What: "count", Of: "fires"},
	}, engagement.PageQuery{})
	check(err)
	for _, row := range values.Items {
		fmt.Println("user", row.Key, *row.Value, "in", values.Window)
	}
	// Output: user 7 0.75 in 2025-12-16..2026-01-14
}

func ExampleReader_ExplainUser() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	for i, pnl := range []float64{150.75, -50.25} {
		_, err := db.RecordTrade(ctx, engagement.Trade{
			UserID: 7, TradeID: fmt.Sprintf("mt5-%d", i), PnL: pnl, ClosedAt: noon.AddDate(0, 0, i-1),
		})
		check(err)
	}

	e, err := db.ExplainUser(ctx, 7, engagement.FigurePnL, engagement.PageQuery{})
	check(err)
	for _, day := range e.Days {
		fmt.Println(day.Day, day.Value)
	}
	fmt.Println("together", e.Sum, "as stored:", e.Exact)
	// Output:
	// 2026-01-13 150.75
	// 2026-01-14 -50.25
	// together 100.5 as stored: true
}

func ExampleReader_WriteUserExport() {
	ctx := context.Background()
	path, removePath := examplePath()
	defer removePath()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 2)

	file, err := os.Create(path)
	check(err)
	check(db.WriteUserExport(ctx, file, 7)) // a page at a time, however much there is
	check(file.Close())

	text, err := os.ReadFile(path)
	check(err)
	var export engagement.UserExport
	check(json.Unmarshal(text, &export))
	fmt.Println(len(export.SignalFires), "fires, the newest for", export.SignalFires[0].SignalID)
	// Output: 2 fires, the newest for GOLD_2026-01-14
}

// What is read in a View belongs together, whatever others write meanwhile.
func ExampleDB_View() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 1)

	check(db.View(ctx, func(r *engagement.Reader) error {
		before, err := r.UserStats(ctx, 7)
		if err != nil {
			return err
		}
		if _, err := db.RecordFire(ctx, engagement.Fire{UserID: 7, SignalID: "ANOTHER"}); err != nil {
			return err
		}
		after, err := r.UserStats(ctx, 7)
		fmt.Println(before.TotalFires, after.TotalFires)
		return err
	}))
	// Output: 1 1
}

// A caller's own row, here a message to be sent, is committed with the fire.
func ExampleTx_SQL() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()

	check(db.Tx(ctx, func(tx *engagement.Tx) error {
		if _, err := tx.SQL().ExecContext(ctx, "CREATE TABLE my_outbox (text TEXT NOT NULL)"); err != nil {
			return err
		}
		receipt, err := tx.RecordFire(ctx, engagement.Fire{UserID: 7, SignalID: "GOLD_LONG_001"})
		if err != nil || receipt.Status == engagement.Duplicate {
			return err
		}
		_, err = tx.SQL().ExecContext(ctx, "INSERT INTO my_outbox (text) VALUES (?)", "You fired GOLD_LONG_001.")
		return err
	}))
	check(db.Tx(ctx, func(tx *engagement.Tx) error {
		var text string
		err := tx.SQL().QueryRowContext(ctx, "SELECT text FROM my_outbox").Scan(&text)
		fmt.Println(text)
		return err
	}))
	// Output: You fired GOLD_LONG_001.
}

func ExampleDB_Backup() {
	ctx := context.Background()
	path, removePath := examplePath()
	defer removePath()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 3)

	check(db.Backup(ctx, path)) // while others go on writing
	backup, err := engagement.Open(ctx, path, engagement.WithReadOnly())
	check(err)
	defer backup.Close()
	user, err := backup.UserStats(ctx, 7)
	check(err)
	fmt.Println(filepath.Base(path), "has", user.TotalFires, "fires of user 7")
	// Output: engagement.db has 3 fires of user 7
}

func ExampleDB_Verify() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 3)

	report, err := db.Verify(ctx)
	check(err)
	fmt.Println(report.Fires, "fires, every figure proven:", report.OK())
	// Output: 3 fires, every figure proven: true
}

func ExampleReader_Lifecycle() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	fireDaily(db, 3)

	window, err := db.ParseWindow("2026-01-11..2026-01-13")
	check(err)
	days, err := db.Lifecycle(ctx, window, engagement.Daily)
	check(err)
	for _, day := range days {
		fmt.Println(day.Start, "active", day.Active, "new", day.New, "returning", day.Returning)
	}
	// Output:
	// 2026-01-11 active 0 new 0 returning 0
	// 2026-01-12 active 1 new 1 returning 0
	// 2026-01-13 active 1 new 0 returning 1
}

func ExampleInvalidError() {
	db, remove := openExample()
	defer remove()

	_, err := db.RecordFire(context.Background(), engagement.Fire{UserID: 7})
	if refused, ok := errors.AsType[*engagement.InvalidError](err); ok {
		fmt.Println(refused.Field, "is refused:", refused.Reason)
	}
	fmt.Println(err)
	// Output:
	// signal id is refused: it is empty
	// record fire: invalid signal id "": it is empty
}
