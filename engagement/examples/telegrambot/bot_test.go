package main

import (
	"context"
	"encoding/json"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"github.com/hydraxdev/engagementdb/engagement"
)

const (
	admin  = 1
	anna   = 1001
	boris  = 1002
	group  = -100
	eurusd = "EURUSD_LONG_001"
)

// start runs the bot. stop ends it and waits; it is also called when the test
// ends.
func start(t *testing.T, api *telegram, dsn string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, config{token: "token", admin: admin, dsn: dsn},
			bot.WithServerURL(api.URL), bot.WithErrorsHandler(func(err error) {
				if ctx.Err() == nil {
					t.Errorf("the bot's library reports: %v", err)
				}
			}))
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// open opens the database of a bot that runs, as another process would.
func open(t *testing.T, dsn string) *engagement.DB {
	t.Helper()
	db, err := engagement.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func wantFires(t *testing.T, db *engagement.DB, want int64) {
	t.Helper()
	metrics, err := db.SignalMetrics(t.Context(), eurusd)
	if err != nil {
		t.Fatal(err)
	}
	if metrics.TotalFires != want {
		t.Errorf("the signal has %d fires, want %d", metrics.TotalFires, want)
	}
	report, err := db.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() {
		t.Errorf("verify found %v", report.Findings)
	}
}

func TestPublishedSignalIsFiredByItsButton(t *testing.T) {
	api, dsn := newTelegram(t), filepath.Join(t.TempDir(), "engagement.db")
	start(t, api, dsn)

	api.deliver(message(admin, "/signal "+eurusd+"\n entry 1.0850"))
	published := api.next()
	if want := eurusd + "\nentry 1.0850"; published.form["text"] != want {
		t.Errorf("published %q, want %q", published.form["text"], want)
	}
	var keyboard models.InlineKeyboardMarkup
	if err := json.Unmarshal([]byte(published.form["reply_markup"]), &keyboard); err != nil {
		t.Fatalf("reply_markup %q: %v", published.form["reply_markup"], err)
	}
	data := keyboard.InlineKeyboard[0][0].CallbackData

	api.deliver(pressed("q1", anna, data, data))
	api.answers("q1", "Recorded: "+eurusd)
	api.deliver(pressed("q2", anna, data, data))
	api.answers("q2", "You have fired this already.")

	db := open(t, dsn)
	wantFires(t, db, 1)
	fires, err := db.Fires(t.Context(), engagement.FireFilter{UserID: anna}, engagement.PageQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if got := fires.Items; len(got) != 1 || got[0].SignalID != eurusd || got[0].Executed {
		t.Errorf("stored %+v, want one fire of %s that has not executed", fires, eurusd)
	}
}

func TestOnlyTheAdminPublishes(t *testing.T) {
	api := newTelegram(t)
	start(t, api, filepath.Join(t.TempDir(), "engagement.db"))
	api.deliver(message(anna, "/signal "+eurusd+" buy"))
	api.says("Only the admin publishes signals.")
	api.deliver(message(admin, "/signal"))
	api.says("Usage: /signal EURUSD_LONG_001 text")
	api.deliver(message(admin, "/signal "+strings.Repeat("X", maxSignalID+1)))
	api.says("The signal id is too long: a button holds 59 bytes.")
	api.deliver(message(admin, "/signal "+strings.Repeat("X", maxSignalID)))
	if c := api.next(); c.form["reply_markup"] == "" {
		t.Errorf("a signal id of %d bytes was published without a button: %v", maxSignalID, c.form)
	}
}

func TestRacingPressesAreCountedOnce(t *testing.T) {
	const each = 10
	api, dsn := newTelegram(t), filepath.Join(t.TempDir(), "engagement.db")
	start(t, api, dsn)

	var presses []models.Update
	for range each {
		presses = append(presses, press("a", anna), press("b", boris))
	}
	api.deliver(presses...)
	answers := map[string]int{}
	for range presses {
		c := api.next()
		answers[c.form["callback_query_id"]+": "+c.form["text"]]++
	}
	for _, user := range []string{"a", "b"} {
		if n := answers[user+": Recorded: "+eurusd]; n != 1 {
			t.Errorf("%s was told %d times that the fire is recorded, want once: %v", user, n, answers)
		}
		if n := answers[user+": You have fired this already."]; n != each-1 {
			t.Errorf("%s was told %d times of a second fire, want %d: %v", user, n, each-1, answers)
		}
	}
	wantFires(t, open(t, dsn), 2)
}

// Presses that were fetched and not handled when the bot was told to stop are
// delivered again after a restart, some that were handled among them.
func TestRestartLosesNoPressAndCountsNoneTwice(t *testing.T) {
	const users = 5 * workers
	api, dsn := newTelegram(t), filepath.Join(t.TempDir(), "engagement.db")
	stop := start(t, api, dsn)
	api.deliver(press("q0", anna))
	api.answers("q0", "Recorded: "+eurusd)

	db, stopped := open(t, dsn), make(chan struct{})
	err := db.Tx(t.Context(), func(*engagement.Tx) error { // the presses wait for this
		var presses []models.Update
		for user := range int64(users) {
			presses = append(presses, press("q", anna+1+user))
		}
		api.deliver(presses...)
		time.Sleep(300 * time.Millisecond) // nothing tells that the bot has fetched them
		go func() { stop(); close(stopped) }()
		time.Sleep(100 * time.Millisecond)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	<-stopped
	before := len(api.calls)
	t.Logf("%d of %d presses were handled before the stop", before, users)
	start(t, api, dsn)
	for range before + users {
		api.next()
	}
	wantFires(t, db, 1+users)
}

// A fire and its confirmation are committed together: what could not be sent is
// sent by the next run, and once.
func TestAFireAndItsConfirmationDoNotPart(t *testing.T) {
	api, dsn := newTelegram(t), filepath.Join(t.TempDir(), "engagement.db")
	api.down.Store(true)
	stop := start(t, api, dsn)
	api.deliver(press("q1", anna), press("q2", boris))
	api.next()
	api.next()
	stop()
	if n := len(api.confirmed); n != 0 {
		t.Fatalf("%d confirmations were sent while Telegram was down", n)
	}
	api.down.Store(false)
	stop = start(t, api, dsn)
	api.deliver(press("q3", anna)) // again
	api.answers("q3", "You have fired this already.")
	stop()
	got := map[string]string{}
	for range len(api.confirmed) {
		c := <-api.confirmed
		got[c.form["chat_id"]] += c.form["text"]
	}
	want := map[string]string{
		strconv.Itoa(anna): "Confirmed: your fire of " + eurusd, strconv.Itoa(boris): "Confirmed: your fire of " + eurusd,
	}
	if !maps.Equal(got, want) {
		t.Errorf("confirmations %v, want %v", got, want)
	}
	wantFires(t, open(t, dsn), 2)
}

// A press that is in the hands of the bot when it is told to stop is recorded
// and answered, and the database closed after it.
func TestShutdownFinishesThePressInHand(t *testing.T) {
	api, dsn := newTelegram(t), filepath.Join(t.TempDir(), "engagement.db")
	stop := start(t, api, dsn)
	api.deliver(press("q0", boris))
	api.answers("q0", "Recorded: "+eurusd)

	// The press waits for this transaction of another process.
	db, stopped := open(t, dsn), make(chan struct{})
	err := db.Tx(t.Context(), func(*engagement.Tx) error {
		api.deliver(press("q1", anna))
		api.waitConfirmed()
		go func() { stop(); close(stopped) }()
		time.Sleep(100 * time.Millisecond)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	<-stopped
	if len(api.calls) == 0 {
		t.Error("the bot ended before it answered")
	}
	api.answers("q1", "Recorded: "+eurusd)
	wantFires(t, db, 2)
}

func TestForgedButtonFiresNothing(t *testing.T) {
	api, dsn := newTelegram(t), filepath.Join(t.TempDir(), "engagement.db")
	start(t, api, dsn)
	deleted := press("q3", anna)
	deleted.CallbackQuery.Message = models.MaybeInaccessibleMessage{
		Type:                models.MaybeInaccessibleMessageTypeInaccessibleMessage,
		InaccessibleMessage: &models.InaccessibleMessage{Chat: models.Chat{ID: group}},
	}
	for queryID, update := range map[string]models.Update{
		"q1": pressed("q1", anna, firePrefix+eurusd, firePrefix+"INVENTED_001"),
		"q2": pressed("q2", anna, "other:1", "other:1"),
		"q3": deleted,
	} {
		api.deliver(update)
		api.answers(queryID, "This button no longer works.")
	}
	stats, err := open(t, dsn).RealTimeStats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if stats.TotalFiresToday != 0 {
		t.Errorf("%d fires were recorded, want none", stats.TotalFiresToday)
	}
}

func TestCommands(t *testing.T) {
	api, dsn := newTelegram(t), filepath.Join(t.TempDir(), "engagement.db")
	start(t, api, dsn)

	api.deliver(message(anna, "/stats"))
	api.says("Today: 0 fires by 0 users, 0 % executed\nYou: no fires yet")
	api.deliver(message(anna, "/leaderboard"))
	api.says("Nobody is on this leaderboard yet.")
	api.deliver(message(anna, "/streak"))
	api.says("You have not fired a signal yet.")

	db := open(t, dsn)
	now := time.Now()
	for _, fire := range []engagement.Fire{
		{UserID: anna, SignalID: eurusd, At: now.AddDate(0, 0, -1), Executed: true},
		{UserID: anna, SignalID: "GOLD_LONG_001", At: now},
		{UserID: boris, SignalID: "OIL_LONG_001", At: now.AddDate(0, 0, -9)},
		{UserID: boris, SignalID: "GOLD_LONG_001", At: now, Executed: true},
	} {
		if _, err := db.RecordFire(t.Context(), fire); err != nil {
			t.Fatal(err)
		}
	}
	for _, trade := range []engagement.Trade{
		{UserID: anna, TradeID: "1", PnL: 150.75},
		{UserID: boris, TradeID: "1", PnL: 20},
		{UserID: boris, TradeID: "2", PnL: -50.5},
	} {
		if _, err := db.RecordTrade(t.Context(), trade); err != nil {
			t.Fatal(err)
		}
	}

	api.deliver(message(anna, "/stats@fire_bot"))
	api.says("Today: 2 fires by 2 users, 50 % executed\nMost fired: GOLD_LONG_001 (2)\n" +
		"You: 2 fires, 1 wins, 0 losses, P&L 150.75")
	api.deliver(message(anna, "/leaderboard"))
	api.says("Leaderboard by total_fires\n1. user 1001: 2 fires, 100 % won, P&L 150.75\n" +
		"1. user 1002: 2 fires, 50 % won, P&L -30.50")
	api.deliver(message(anna, "/leaderboard pnl"))
	api.says("Leaderboard by pnl\n1. user 1001: 2 fires, 100 % won, P&L 150.75\n" +
		"2. user 1002: 2 fires, 50 % won, P&L -30.50")
	api.deliver(message(anna, "/leaderboard win_rate"))
	api.says("Nobody is on this leaderboard yet.") // for want of decided trades
	api.deliver(message(anna, "/leaderboard luck"))
	api.says("Unknown ranking, want one of [total_fires win_rate pnl executed longest_streak].")
	// Neither is for this bot: the next answer is to what follows them.
	api.deliver(message(anna, "hello"), message(anna, "/stats@other_bot"))
	api.deliver(message(anna, "/streak"))
	summary, err := db.UserSummary(t.Context(), anna)
	if err != nil {
		t.Fatal(err)
	}
	api.says("2 days in a row. Your longest: 2. Fire before " +
		summary.StreakExpires.Format("Mon 2 Jan 15:04 MST") + " to keep it.")
}

func TestBrokenStreak(t *testing.T) {
	api, dsn := newTelegram(t), filepath.Join(t.TempDir(), "engagement.db")
	_, err := open(t, dsn).RecordFire(t.Context(), engagement.Fire{UserID: anna, SignalID: eurusd, At: time.Now().AddDate(0, 0, -5)})
	if err != nil {
		t.Fatal(err)
	}
	start(t, api, dsn)
	api.deliver(message(anna, "/streak"))
	api.says("No streak. Your longest: 1 days.")
}

func TestConfigurationNamesWhatIsMissing(t *testing.T) {
	t.Setenv("TELEGRAM_TOKEN", "")
	t.Setenv("TELEGRAM_ADMIN", "1")
	t.Setenv("ENGAGEMENT_DB", "")
	if _, err := configFromEnv(); err == nil || !strings.Contains(err.Error(), "TELEGRAM_TOKEN") {
		t.Errorf("without a token: %v, want an error that names TELEGRAM_TOKEN", err)
	}
	t.Setenv("TELEGRAM_TOKEN", "token")
	if c, err := configFromEnv(); err != nil || c != (config{token: "token", admin: 1, dsn: engagement.DefaultPath}) {
		t.Errorf("configuration %+v, %v", c, err)
	}
	t.Setenv("TELEGRAM_ADMIN", "anna")
	if _, err := configFromEnv(); err == nil || !strings.Contains(err.Error(), "TELEGRAM_ADMIN") {
		t.Errorf("without an admin: %v, want an error that names TELEGRAM_ADMIN", err)
	}
}

func TestRunRefusesWhatCannotServe(t *testing.T) {
	api := newTelegram(t)
	path := filepath.Join(t.TempDir(), "engagement.db")
	for name, c := range map[string]config{
		"no token":    {admin: admin, dsn: path},
		"no database": {admin: admin, token: "token", dsn: t.TempDir()},
	} {
		if err := run(t.Context(), c, bot.WithServerURL(api.URL)); err == nil {
			t.Errorf("%s: run returned no error", name)
		}
	}
}
