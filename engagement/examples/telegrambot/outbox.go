package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-telegram/bot"

	"github.com/hydraxdev/engagementdb/engagement"
)

// The outbox is a table of the bot's own in the engagement database: the
// confirmations that are still to be sent. A row is committed in the transaction
// that records its fire, and deleted once Telegram has the message, so that no
// fire is recorded without its confirmation, however the bot ends. The
// statements are understood by SQLite and PostgreSQL alike.
const (
	makeOutbox = `CREATE TABLE IF NOT EXISTS fire_bot_outbox (
		user_id BIGINT NOT NULL, signal_id TEXT NOT NULL, PRIMARY KEY (user_id, signal_id))`
	putIntoOutbox    = `INSERT INTO fire_bot_outbox (user_id, signal_id) VALUES ($1, $2)`
	firstOfOutbox    = `SELECT user_id, signal_id FROM fire_bot_outbox ORDER BY user_id, signal_id LIMIT 20`
	deleteFromOutbox = `DELETE FROM fire_bot_outbox WHERE user_id = $1 AND signal_id = $2`
)

// outbox sends confirmations, one batch at a time.
type outbox struct {
	db *engagement.DB
	mu sync.Mutex
}

type confirmation struct {
	userID   int64
	signalID string
}

func (c confirmation) text() string { return "Confirmed: your fire of " + c.signalID }

// prepare makes the table unless it is there.
func (o *outbox) prepare(ctx context.Context) error {
	return o.db.Tx(ctx, func(tx *engagement.Tx) error {
		_, err := tx.SQL().ExecContext(ctx, makeOutbox)
		return err
	})
}

// record records a fire and puts its confirmation into the outbox, both or
// neither. A fire that was recorded before has had its confirmation.
func (o *outbox) record(ctx context.Context, fire engagement.Fire) (receipt engagement.FireReceipt, err error) {
	err = o.db.Tx(ctx, func(tx *engagement.Tx) error {
		if receipt, err = tx.RecordFire(ctx, fire); err != nil || receipt.Status != engagement.Recorded {
			return err
		}
		_, err = tx.SQL().ExecContext(ctx, putIntoOutbox, fire.UserID, fire.SignalID)
		return err
	})
	return receipt, err
}

// send sends what is in the outbox. What cannot be sent now stays for the next
// time; a user who takes no messages from the bot gets none. If the bot ends
// between a message and its deletion, the message is sent again.
func (o *outbox) send(ctx context.Context, tg *bot.Bot) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		waiting, err := o.waiting(ctx)
		if err != nil || len(waiting) == 0 {
			return err
		}
		for _, c := range waiting {
			_, err := tg.SendMessage(ctx, &bot.SendMessageParams{ChatID: c.userID, Text: c.text()})
			if err != nil && !errors.Is(err, bot.ErrorForbidden) {
				return fmt.Errorf("confirm to user %d: %w", c.userID, err)
			}
			err = o.db.Tx(ctx, func(tx *engagement.Tx) error {
				_, err := tx.SQL().ExecContext(ctx, deleteFromOutbox, c.userID, c.signalID)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
}

// waiting returns the first confirmations of the outbox.
func (o *outbox) waiting(ctx context.Context) (waiting []confirmation, err error) {
	err = o.db.Tx(ctx, func(tx *engagement.Tx) error {
		rows, err := tx.SQL().QueryContext(ctx, firstOfOutbox)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c confirmation
			if err := rows.Scan(&c.userID, &c.signalID); err != nil {
				return err
			}
			waiting = append(waiting, c)
		}
		return rows.Err()
	})
	return waiting, err
}
