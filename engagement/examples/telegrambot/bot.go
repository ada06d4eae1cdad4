package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"
	"unicode"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"github.com/hydraxdev/engagementdb/engagement"
)

const (
	firePrefix = "fire:" // what a button's data starts with; the signal id follows
	// maxSignalID is what Telegram's limit of 64 bytes leaves of a button's data.
	maxSignalID = 64 - len(firePrefix)

	workers       = 8                // updates handled at a time
	handleTimeout = 15 * time.Second // for one update
	boardSize     = 10
)

type config struct {
	token string
	admin int64  // the Telegram user who may publish
	dsn   string // the engagement database
}

// run serves the bot until ctx ends. The updates in hand are finished and the
// database is closed before it returns.
func run(ctx context.Context, c config, opts ...bot.Option) (err error) {
	db, err := engagement.Open(ctx, c.dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	f := &fireBot{db: db, admin: c.admin, outbox: &outbox{db: db}}
	if err := f.outbox.prepare(ctx); err != nil {
		return err
	}
	opts = append([]bot.Option{
		bot.WithDefaultHandler(f.handle),
		bot.WithAllowedUpdates(bot.AllowedUpdates{"message", "callback_query"}),
		// Workers that wait for their handler make Start wait for it too, so
		// that the database is not closed under it.
		bot.WithNotAsyncHandlers(),
		bot.WithWorkers(workers),
		// The next fetch confirms the updates of the one before to Telegram.
		// Without a buffer they are in the hands of workers by then, so that
		// none is lost when ctx ends; those of the last fetch come again.
		bot.WithUpdatesChannelCap(0),
		bot.WithSkipGetMe(), // asked below, for the name
	}, opts...)
	tg, err := bot.New(c.token, opts...)
	if err != nil {
		return err
	}
	me, err := tg.GetMe(ctx)
	if err != nil {
		return err
	}
	f.name = me.Username
	log.Printf("serving as @%s", f.name)
	if err := f.outbox.send(ctx, tg); err != nil { // what an earlier run has left
		log.Printf("outbox: %v", err)
	}
	tg.Start(ctx)
	return nil
}

// fireBot answers updates.
type fireBot struct {
	db     *engagement.DB
	outbox *outbox
	admin  int64
	name   string // the bot's own user name
}

func (f *fireBot) handle(ctx context.Context, tg *bot.Bot, update *models.Update) {
	// The end of ctx stops the fetching of updates; one in hand is finished.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handleTimeout)
	defer cancel()
	var err error
	switch {
	case update.CallbackQuery != nil:
		err = f.press(ctx, tg, update.CallbackQuery)
	case update.Message != nil && update.Message.From != nil:
		err = f.command(ctx, tg, update.Message)
	}
	if err != nil {
		log.Printf("update %d: %v", update.ID, err)
	}
}

// press records that a user pressed a signal's button. Users press twice and
// Telegram delivers some updates twice; both come to Duplicate.
func (f *fireBot) press(ctx context.Context, tg *bot.Bot, query *models.CallbackQuery) error {
	text, err := f.fire(ctx, query)
	_, answerErr := tg.AnswerCallbackQuery(ctx, &bot.AnswerCallbackQueryParams{CallbackQueryID: query.ID, Text: text})
	return errors.Join(err, answerErr, f.outbox.send(ctx, tg))
}

func (f *fireBot) fire(ctx context.Context, query *models.CallbackQuery) (answer string, err error) {
	signalID, ok := strings.CutPrefix(query.Data, firePrefix)
	if !ok || !hasButton(query.Message.Message, query.Data) {
		return "This button no longer works.", nil
	}
	receipt, err := f.outbox.record(ctx, engagement.Fire{UserID: query.From.ID, SignalID: signalID})
	switch {
	case errors.Is(err, engagement.ErrBusy):
		return "Too busy, please press again.", err
	case err != nil:
		return "This could not be recorded.", err
	case receipt.Status == engagement.Duplicate:
		return "You have fired this already.", nil
	}
	return "Recorded: " + signalID, nil
}

// hasButton reports whether a message shows a button with this data. A client can
// send any data it likes; the message comes from Telegram itself.
func hasButton(message *models.Message, data string) bool {
	if message == nil || message.ReplyMarkup == nil {
		return false
	}
	for _, row := range message.ReplyMarkup.InlineKeyboard {
		for _, button := range row {
			if button.CallbackData == data {
				return true
			}
		}
	}
	return false
}

// command answers a message that is a command to this bot, and no other.
func (f *fireBot) command(ctx context.Context, tg *bot.Bot, message *models.Message) error {
	word, rest := cutWord(message.Text)
	name, to, addressed := strings.Cut(word, "@") // groups may hold several bots
	if addressed && !strings.EqualFold(to, f.name) {
		return nil
	}
	user := message.From.ID
	reply := &bot.SendMessageParams{ChatID: message.Chat.ID}
	var err error
	switch name {
	case "/signal":
		reply.Text, reply.ReplyMarkup = f.publish(user, rest)
	case "/stats":
		reply.Text, err = f.stats(ctx, user)
	case "/leaderboard":
		reply.Text, err = f.leaderboard(ctx, rest)
	case "/streak":
		reply.Text, err = f.streak(ctx, user)
	case "/start", "/help":
		reply.Text = "/stats: today and you\n/leaderboard total_fires, win_rate or pnl\n/streak: days in a row"
	default:
		return nil
	}
	if err != nil {
		reply.Text = "This did not work, please try again."
	}
	_, sendErr := tg.SendMessage(ctx, reply)
	return errors.Join(err, sendErr)
}

// cutWord splits s behind its first word.
func cutWord(s string) (word, rest string) {
	s = strings.TrimSpace(s)
	if end := strings.IndexFunc(s, unicode.IsSpace); end >= 0 {
		return s[:end], strings.TrimSpace(s[end:])
	}
	return s, ""
}

// publish returns the message of a signal, with its button.
func (f *fireBot) publish(user int64, args string) (text string, markup models.ReplyMarkup) {
	if user != f.admin {
		return "Only the admin publishes signals.", nil
	}
	signalID, about := cutWord(args)
	switch {
	case signalID == "":
		return "Usage: /signal EURUSD_LONG_001 text", nil
	case len(signalID) > maxSignalID:
		return fmt.Sprintf("The signal id is too long: a button holds %d bytes.", maxSignalID), nil
	}
	return strings.TrimSpace(signalID + "\n" + about), &models.InlineKeyboardMarkup{
		InlineKeyboard: [][]models.InlineKeyboardButton{{{Text: "🔥 Fire", CallbackData: firePrefix + signalID}}},
	}
}

// stats shows today's figures and the user's own, of one moment.
func (f *fireBot) stats(ctx context.Context, user int64) (string, error) {
	var b strings.Builder
	err := f.db.View(ctx, func(r *engagement.Reader) error {
		today, err := r.RealTimeStats(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "Today: %d fires by %d users, %.0f %% executed\n",
			today.TotalFiresToday, today.ActiveUsersToday, 100*today.ExecutionRate)
		if top := today.MostFiredSignal; top.SignalID != nil {
			fmt.Fprintf(&b, "Most fired: %s (%d)\n", *top.SignalID, top.FireCount)
		}
		you, err := r.UserSummary(ctx, user)
		if errors.Is(err, engagement.ErrNotFound) {
			b.WriteString("You: no fires yet")
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "You: %d fires, %d wins, %d losses, P&L %.2f", you.TotalFires, you.Wins, you.Losses, you.PnL)
		return nil
	})
	return b.String(), err
}

func (f *fireBot) leaderboard(ctx context.Context, name string) (string, error) {
	ranking := engagement.ByFires
	if name != "" {
		var err error
		if ranking, err = engagement.ParseRanking(name); err != nil {
			return fmt.Sprintf("Unknown ranking, want one of %v.", engagement.Rankings()), nil
		}
	}
	rows, err := f.db.Leaderboard(ctx, engagement.Board{Ranking: ranking}, engagement.PageQuery{Limit: boardSize})
	if err != nil {
		return "", err
	}
	if len(rows.Items) == 0 {
		return "Nobody is on this leaderboard yet.", nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Leaderboard by %s\n", ranking)
	for _, row := range rows.Items {
		fmt.Fprintf(&b, "%d. user %d: %d fires, %.0f %% won, P&L %.2f\n",
			row.Rank, row.UserID, row.TotalFires, 100*row.WinRate, row.PnL)
	}
	return b.String(), nil
}

func (f *fireBot) streak(ctx context.Context, user int64) (string, error) {
	you, err := f.db.UserSummary(ctx, user)
	switch {
	case errors.Is(err, engagement.ErrNotFound):
		return "You have not fired a signal yet.", nil
	case err != nil:
		return "", err
	case you.StreakExpires == nil:
		return fmt.Sprintf("No streak. Your longest: %d days.", you.LongestStreak), nil
	}
	return fmt.Sprintf("%d days in a row. Your longest: %d. Fire before %s to keep it.", you.CurrentStreak,
		you.LongestStreak, you.StreakExpires.In(f.db.Location()).Format("Mon 2 Jan 15:04 MST")), nil
}
