package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

const (
	secretHeader = "X-Webhook-Secret"
	maxBody      = 64 << 10
	// writeTimeout is how long a call waits for the database. It is shorter
	// than platforms wait for an answer, so that they get one.
	writeTimeout = 5 * time.Second
	// retryAfter is how many seconds a platform is asked to wait when the
	// database is busy.
	retryAfter = "2"
)

// opened is what the platform sends when the order of a signal opens.
type opened struct {
	UserID   int64     `json:"user_id"`
	SignalID string    `json:"signal_id"`
	OpenedAt time.Time `json:"opened_at"` // without it: now
}

// closed is what the platform sends when a position closes.
type closed struct {
	UserID   int64     `json:"user_id"`
	Ticket   string    `json:"ticket"`    // unique among the user's trades, with the account in it if there are several
	SignalID string    `json:"signal_id"` // "" when the position followed no signal
	Profit   *float64  `json:"profit"`
	ClosedAt time.Time `json:"closed_at"` // without it: now
}

// hook answers the platform's calls. Every call may be repeated until it is
// answered:
//
//   - 200: it is recorded, now or by an earlier call.
//   - 400: the call is wrong, and would be again.
//   - 401: the secret is wrong.
//   - 409: the ticket is recorded with other content; a person must look.
//   - 500: the database failed; nothing is recorded.
//   - 503: the database is busy; try again after Retry-After seconds.
type hook struct {
	db      *engagement.DB
	secret  [sha256.Size]byte
	timeout time.Duration
}

func newHook(db *engagement.DB, secret string, timeout time.Duration) http.Handler {
	h := &hook{db: db, secret: sha256.Sum256([]byte(secret)), timeout: timeout}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders/opened", h.opened)
	mux.HandleFunc("POST /positions/closed", h.closed)
	return h.authorized(mux)
}

// authorized lets only calls with the secret through.
func (h *hook) authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Sums are of one length, so the comparison does not tell the secret's.
		given := sha256.Sum256([]byte(r.Header.Get(secretHeader)))
		if subtle.ConstantTimeCompare(given[:], h.secret[:]) == 0 {
			reply(w, http.StatusUnauthorized, map[string]string{"error": "wrong or missing " + secretHeader})
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), h.timeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (h *hook) opened(w http.ResponseWriter, r *http.Request) {
	var call opened
	if !decode(w, r, &call) {
		return
	}
	receipt, err := h.db.RecordFire(r.Context(), engagement.Fire{
		UserID: call.UserID, SignalID: call.SignalID, At: call.OpenedAt, Executed: true,
	})
	answer(w, r, receipt, err)
}

func (h *hook) closed(w http.ResponseWriter, r *http.Request) {
	var call closed
	if !decode(w, r, &call) {
		return
	}
	if call.Profit == nil { // otherwise a misspelt field would be a draw
		reply(w, http.StatusBadRequest, map[string]string{"error": "profit is missing"})
		return
	}
	receipt, err := h.db.RecordTrade(r.Context(), engagement.Trade{
		UserID: call.UserID, TradeID: call.Ticket, SignalID: call.SignalID, PnL: *call.Profit, ClosedAt: call.ClosedAt,
	})
	answer(w, r, receipt, err)
}

// decode reads the body into call, or answers 400.
func decode(w http.ResponseWriter, r *http.Request, call any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(call); err != nil {
		reply(w, http.StatusBadRequest, map[string]string{"error": fmt.Sprintf("body: %v", err)})
		return false
	}
	return true
}

// answer sends what recording came to.
func answer(w http.ResponseWriter, r *http.Request, receipt any, err error) {
	status := statusOf(err)
	switch status {
	case http.StatusOK:
		reply(w, status, receipt)
		return
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
	}
	log.Printf("%s: %d: %v", r.URL.Path, status, err)
	message := http.StatusText(status)
	if status == http.StatusBadRequest || status == http.StatusConflict {
		message = err.Error() // names the field and its value
	}
	reply(w, status, map[string]string{"error": message})
}

func statusOf(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, engagement.ErrInvalid):
		return http.StatusBadRequest
	case errors.Is(err, engagement.ErrConflict):
		return http.StatusConflict
	case errors.Is(err, engagement.ErrBusy), errors.Is(err, engagement.ErrClosed), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Printf("answer: %v", err) // the platform has gone; its retry is safe
	}
}
