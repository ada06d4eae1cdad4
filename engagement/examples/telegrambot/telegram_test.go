package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-telegram/bot/models"
)

// telegram stands in for the Bot API. As the real one, it delivers an update
// again until a getUpdates with a later offset confirms it.
type telegram struct {
	*httptest.Server
	t     *testing.T
	calls chan call // what the bot sent, in order, but for confirmations
	// confirmed are the confirmations that the bot sent; down refuses them.
	confirmed chan call
	down      atomic.Bool

	mu      sync.Mutex
	updates []models.Update // not confirmed yet
	last    int64           // id of the last update
	arrived chan struct{}   // closed when updates arrive
}

type call struct {
	method string
	form   map[string]string
}

func newTelegram(t *testing.T) *telegram {
	api := &telegram{t: t, calls: make(chan call, 100), confirmed: make(chan call, 1000), arrived: make(chan struct{})}
	api.Server = httptest.NewServer(api)
	t.Cleanup(api.Close)
	return api
}

func (a *telegram) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := strings.TrimPrefix(r.URL.Path, "/bottoken/")
	form := map[string]string{}
	if err := r.ParseMultipartForm(1 << 20); err == nil { // getMe has no form
		for name, values := range r.MultipartForm.Value {
			form[name] = values[0]
		}
	}
	// The server notices that a client has gone only once it has read the body.
	_, _ = io.Copy(io.Discard, r.Body) // fails if it has gone already
	var result any = true
	switch method {
	case "getMe":
		result = models.User{ID: 99, IsBot: true, Username: "fire_bot"}
	case "getUpdates":
		offset, _ := strconv.ParseInt(form["offset"], 10, 64) // none means from the first
		result = a.from(r.Context(), offset)
	case "sendMessage":
		result = models.Message{ID: 1}
		switch {
		case !strings.HasPrefix(form["text"], "Confirmed: "):
			a.calls <- call{method, form}
		case a.down.Load():
			w.WriteHeader(http.StatusBadGateway)
			return
		default:
			a.confirmed <- call{method, form}
		}
	case "answerCallbackQuery":
		a.calls <- call{method, form}
	default:
		a.t.Errorf("the bot called %s", r.URL.Path)
	}
	if err := json.NewEncoder(w).Encode(map[string]any{"ok": true, "result": result}); err != nil && r.Context().Err() == nil {
		a.t.Errorf("answer %s: %v", method, err)
	}
}

// from confirms the updates before offset and waits for others.
func (a *telegram) from(ctx context.Context, offset int64) []models.Update {
	for {
		a.mu.Lock()
		a.updates = slices.DeleteFunc(a.updates, func(u models.Update) bool { return u.ID < offset })
		updates, arrived := slices.Clone(a.updates), a.arrived
		a.mu.Unlock()
		if len(updates) > 0 {
			return updates
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return []models.Update{}
		}
	}
}

// deliver lets the bot fetch updates, all at once.
func (a *telegram) deliver(updates ...models.Update) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, update := range updates {
		a.last++
		update.ID = a.last
		a.updates = append(a.updates, update)
	}
	close(a.arrived)
	a.arrived = make(chan struct{})
}

// waitConfirmed waits until the bot has confirmed all updates.
func (a *telegram) waitConfirmed() {
	a.t.Helper()
	for range 2000 {
		a.mu.Lock()
		left := len(a.updates)
		a.mu.Unlock()
		if left == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	a.t.Error("the bot has not confirmed the updates")
}

// next returns what the bot sends next.
func (a *telegram) next() call {
	a.t.Helper()
	select {
	case c := <-a.calls:
		return c
	case <-time.After(20 * time.Second):
		a.t.Fatal("the bot sent nothing")
		return call{}
	}
}

// says checks the text of the message that the bot sends next.
func (a *telegram) says(want string) {
	a.t.Helper()
	c := a.next()
	if got := strings.TrimSpace(c.form["text"]); c.method != "sendMessage" || got != want {
		a.t.Errorf("the bot called %s with %q, want sendMessage with %q", c.method, got, want)
	}
	if c.form["chat_id"] != strconv.Itoa(group) {
		a.t.Errorf("the bot wrote to chat %s, want %d", c.form["chat_id"], group)
	}
}

// answers checks the next answer to the press of a button.
func (a *telegram) answers(queryID, want string) {
	a.t.Helper()
	c := a.next()
	if c.method != "answerCallbackQuery" || c.form["callback_query_id"] != queryID || c.form["text"] != want {
		a.t.Errorf("the bot called %s with %v, want the answer %q to %s", c.method, c.form, want, queryID)
	}
}

func message(user int64, text string) models.Update {
	return models.Update{Message: &models.Message{
		From: &models.User{ID: user}, Chat: models.Chat{ID: group}, Date: 1, Text: text,
	}}
}

// pressed is the press of a button under a message that shows the button
// shown.
func pressed(queryID string, user int64, shown, data string) models.Update {
	return models.Update{CallbackQuery: &models.CallbackQuery{
		ID: queryID, From: models.User{ID: user}, Data: data,
		Message: models.MaybeInaccessibleMessage{Message: &models.Message{
			Chat: models.Chat{ID: group}, Date: 1, ReplyMarkup: &models.InlineKeyboardMarkup{
				InlineKeyboard: [][]models.InlineKeyboardButton{{{Text: "Fire", CallbackData: shown}}},
			},
		}},
	}}
}

func press(queryID string, user int64) models.Update {
	return pressed(queryID, user, firePrefix+eurusd, firePrefix+eurusd)
}
