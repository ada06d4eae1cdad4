// Command telegrambot publishes trading signals in Telegram with a button to
// fire them, and shows what the community makes of them.
//
// TELEGRAM_TOKEN is the bot's token, TELEGRAM_ADMIN the Telegram user id of
// whoever may publish, and ENGAGEMENT_DB the database (data/engagement.db
// unless set).
package main

import (
	"cmp"
	"context"
	"errors"
	"log"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	_ "time/tzdata" // the database's time zone, on machines without a list of them

	"github.com/hydraxdev/engagementdb/engagement"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c, err := configFromEnv()
	if err == nil {
		err = run(ctx, c)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func configFromEnv() (config, error) {
	token := os.Getenv("TELEGRAM_TOKEN")
	admin, err := strconv.ParseInt(os.Getenv("TELEGRAM_ADMIN"), 10, 64)
	if token == "" || err != nil {
		return config{}, errors.New("set TELEGRAM_TOKEN to the bot's token and TELEGRAM_ADMIN to the user id of whoever may publish")
	}
	return config{token: token, admin: admin, dsn: cmp.Or(os.Getenv("ENGAGEMENT_DB"), engagement.DefaultPath)}, nil
}
