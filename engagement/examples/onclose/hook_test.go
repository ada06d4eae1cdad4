package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

const secret = "correct horse"

const closing = `{"user_id": 12345, "ticket": "mt5-881", "signal_id": "EURUSD_LONG_001",
	"profit": 150.75, "closed_at": "2024-03-01T10:00:00Z"}`

func open(t *testing.T, path string) *engagement.DB {
	t.Helper()
	db, err := engagement.Open(t.Context(), path)
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

func newTestHook(t *testing.T) (http.Handler, *engagement.DB) {
	t.Helper()
	db := open(t, filepath.Join(t.TempDir(), "engagement.db"))
	return newHook(db, secret, writeTimeout), db
}

func post(h http.Handler, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set(secretHeader, secret)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// wantAnswer checks the status and that the body is JSON with the value for
// the field.
func wantAnswer(t *testing.T, w *httptest.ResponseRecorder, status int, field, value string) {
	t.Helper()
	var body map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("body %q: %v", w.Body, err)
	}
	if w.Code != status || !strings.Contains(body[field], value) || body[field] == "" {
		t.Errorf("answered %d %s, want %d and %q in %q", w.Code, w.Body, status, value, field)
	}
}

func wantStats(t *testing.T, db *engagement.DB, user, wins int64, pnl float64) {
	t.Helper()
	stats, err := db.UserStats(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	if stats.Wins != wins || stats.PnL != pnl {
		t.Errorf("user %d has %d wins and %v, want %d and %v", user, stats.Wins, stats.PnL, wins, pnl)
	}
}

func TestRetriedClosingIsCountedOnce(t *testing.T) {
	h, db := newTestHook(t)
	wantAnswer(t, post(h, "/positions/closed", closing), 200, "status", "recorded")
	wantAnswer(t, post(h, "/positions/closed", closing), 200, "status", "duplicate")
	wantStats(t, db, 12345, 1, 150.75)

	trades, err := db.Trades(t.Context(), engagement.TradeFilter{UserID: 12345}, engagement.PageQuery{})
	if err != nil {
		t.Fatal(err)
	}
	want := time.Date(2024, 3, 1, 10, 0, 0, 0, time.UTC)
	if got := trades.Items; len(got) != 1 || got[0].TradeID != "mt5-881" || got[0].SignalID != "EURUSD_LONG_001" || !got[0].ClosedAt.Equal(want) {
		t.Errorf("stored %+v, want the trade mt5-881 of EURUSD_LONG_001 at %v", trades, want)
	}
}

func TestRacingClosingsAreCountedOnce(t *testing.T) {
	h, db := newTestHook(t)
	answers := make(chan string, 10)
	var wg sync.WaitGroup
	for range cap(answers) {
		wg.Go(func() { answers <- strings.TrimSpace(post(h, "/positions/closed", closing).Body.String()) })
	}
	wg.Wait()
	close(answers)
	count := map[string]int{}
	for answer := range answers {
		count[answer]++
	}
	if count[`{"status":"recorded"}`] != 1 || count[`{"status":"duplicate"}`] != cap(answers)-1 {
		t.Errorf("answered %v, want recorded once and duplicate otherwise", count)
	}
	wantStats(t, db, 12345, 1, 150.75)
}

func TestSameTicketWithOtherContentIsAConflict(t *testing.T) {
	h, db := newTestHook(t)
	wantAnswer(t, post(h, "/positions/closed", closing), 200, "status", "recorded")
	for field, body := range map[string]string{
		"P&L":          strings.Replace(closing, "150.75", "151.75", 1),
		"signal id":    strings.Replace(closing, "LONG_001", "LONG_002", 1),
		"closing time": strings.Replace(closing, "10:00:00Z", "11:00:00Z", 1),
	} {
		wantAnswer(t, post(h, "/positions/closed", body), 409, "error", field)
	}
	wantStats(t, db, 12345, 1, 150.75)
}

func TestOpenedOrderMarksTheFireExecuted(t *testing.T) {
	h, db := newTestHook(t)
	if _, err := db.RecordFire(t.Context(), engagement.Fire{UserID: 12345, SignalID: "EURUSD_LONG_001"}); err != nil {
		t.Fatal(err)
	}
	fired := `{"user_id": 12345, "signal_id": "EURUSD_LONG_001"}`
	wantAnswer(t, post(h, "/orders/opened", fired), 200, "status", "marked_executed")
	wantAnswer(t, post(h, "/orders/opened", fired), 200, "status", "duplicate")
	notFired := `{"user_id": 12346, "signal_id": "EURUSD_LONG_001"}`
	wantAnswer(t, post(h, "/orders/opened", notFired), 200, "status", "recorded")

	for _, user := range []int64{12345, 12346} {
		summary, err := db.UserSummary(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		if summary.TotalFires != 1 || summary.Executed != 1 {
			t.Errorf("user %d has %d fires, %d executed, want 1 and 1", user, summary.TotalFires, summary.Executed)
		}
	}
}

func TestInvalidCallsAreRefused(t *testing.T) {
	h, db := newTestHook(t)
	for _, c := range []struct{ path, body, names string }{
		{"/positions/closed", `{`, "body"},
		{"/positions/closed", `{"user_id": "12345"}`, "user_id"},
		{"/positions/closed", strings.Replace(closing, "12345", "0", 1), "user id"},
		{"/positions/closed", strings.Replace(closing, "mt5-881", "", 1), "trade id"},
		{"/positions/closed", strings.Replace(closing, "profit", "pnl", 1), "profit"},
		{"/positions/closed", strings.Replace(closing, "150.75", "1e300", 1), "P&L"},
		{"/positions/closed", strings.Replace(closing, "2024-", "2999-", 1), "closing time"},
		{"/positions/closed", strings.Replace(closing, "mt5-881", strings.Repeat("x", maxBody), 1), "too large"},
		{"/orders/opened", `{"user_id": 12345}`, "signal id"},
		{"/orders/opened", `[]`, "body"},
	} {
		wantAnswer(t, post(h, c.path, c.body), 400, "error", c.names)
	}
	if _, err := db.UserStats(t.Context(), 12345); !errors.Is(err, engagement.ErrNotFound) {
		t.Errorf("UserStats: %v, want ErrNotFound since nothing was recorded", err)
	}
}

func TestCallsWithoutTheSecretAreRefused(t *testing.T) {
	h, db := newTestHook(t)
	for _, given := range []string{"", "wrong", secret + " "} {
		r := httptest.NewRequest(http.MethodPost, "/positions/closed", strings.NewReader(closing))
		r.Header.Set(secretHeader, given)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		wantAnswer(t, w, 401, "error", secretHeader)
	}
	if _, err := db.UserStats(t.Context(), 12345); !errors.Is(err, engagement.ErrNotFound) {
		t.Errorf("UserStats: %v, want ErrNotFound since nothing was recorded", err)
	}
}

func TestBusyDatabaseAsksForARetry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engagement.db")
	db, other := open(t, path), open(t, path)
	h := newHook(db, secret, 200*time.Millisecond)
	err := other.Tx(t.Context(), func(*engagement.Tx) error { // holds the file's lock, as another process would
		w := post(h, "/positions/closed", closing)
		wantAnswer(t, w, 503, "error", "Service Unavailable")
		if got := w.Header().Get("Retry-After"); got != retryAfter {
			t.Errorf("Retry-After is %q, want %q", got, retryAfter)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w := post(h, "/positions/closed", closing)
	if w.Code != 200 {
		t.Errorf("the retry was answered %d %s, want 200", w.Code, w.Body)
	}
	wantStats(t, db, 12345, 1, 150.75)
}

func TestStatusOfErrors(t *testing.T) {
	for err, want := range map[error]int{
		nil:                      200,
		engagement.ErrInvalid:    400,
		engagement.ErrConflict:   409,
		engagement.ErrBusy:       503,
		engagement.ErrClosed:     503,
		context.DeadlineExceeded: 503,
		engagement.ErrCorrupt:    500,
		engagement.ErrReadOnly:   500,
		errors.New("disk full"):  500,
	} {
		if err != nil {
			err = fmt.Errorf("record trade: %w", err)
		}
		if got := statusOf(err); got != want {
			t.Errorf("statusOf(%v) = %d, want %d", err, got, want)
		}
	}
}

func TestOnlyPostIsAnswered(t *testing.T) {
	h, _ := newTestHook(t)
	r := httptest.NewRequest(http.MethodGet, "/positions/closed", nil)
	r.Header.Set(secretHeader, secret)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET was answered %d, want %d", w.Code, http.StatusMethodNotAllowed)
	}
}

// A call that waits for the database when the hook is told to stop is still
// recorded and answered.
func TestShutdownFinishesRunningCalls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engagement.db")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	served := make(chan error, 1)
	go func() { served <- run(ctx, listener, path, secret) }()
	url := "http://" + listener.Addr().String() + "/positions/closed"
	if status, err := call(url, `{}`); err != nil || status != 400 { // it is up
		t.Fatalf("answered %d, %v, want 400", status, err)
	}

	db := open(t, path)
	answered := make(chan error, 1)
	err = db.Tx(t.Context(), func(*engagement.Tx) error { // the call waits for this
		go func() {
			status, err := call(url, closing)
			if err == nil && status != 200 {
				err = fmt.Errorf("answered %d, want 200", status)
			}
			answered <- err
		}()
		time.Sleep(300 * time.Millisecond) // nothing tells that the call has arrived
		stop()
		time.Sleep(100 * time.Millisecond)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Errorf("run: %v", err)
	}
	wantStats(t, db, 12345, 1, 150.75)
}

func call(url, body string) (status int, err error) {
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set(secretHeader, secret)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

func TestRunRefusesAnEmptySecret(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := run(t.Context(), listener, filepath.Join(t.TempDir(), "engagement.db"), ""); err == nil {
		t.Error("run served without a secret")
	}
}
