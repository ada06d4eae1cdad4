package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/server/internal/params"
)

// mostFacts is how many facts one request may bring.
const mostFacts = 1_000

// FactAnswer is what became of one fact of many: its status, or the problem for
// which it was refused.
type FactAnswer struct {
	Status     engagement.Status `json:"status,omitzero"`
	Milestones []int64           `json:"milestones,omitempty"` // of a fire
	Problem    *Problem          `json:"problem,omitempty"`
}

func (s *Server) addFacts() {
	record(s, operation{
		path: "/v1/fires", id: "record-fires",
		summary: "Record a fire, or up to 1,000 that are answered one by one. Repeating is safe: a fire is known by its user and signal.",
	}, s.db.RecordFire, func(r engagement.FireReceipt) FactAnswer {
		return FactAnswer{Status: r.Status, Milestones: r.Milestones}
	}, s.recordFires)
	record(s, operation{
		path: "/v1/trades", id: "record-trades",
		summary: "Record a closed trade, or up to 1,000 that are answered one by one. Repeating is safe: a trade is known by its user and id.",
	}, s.db.RecordTrade, func(r engagement.TradeReceipt) FactAnswer { return FactAnswer{Status: r.Status} }, s.recordTrades)
	record(s, operation{
		path: "/v1/freezes", id: "grant-freezes",
		summary: "Grant a streak freeze, or up to 1,000 that are answered one by one. Repeating is safe: a grant is known by its user and id.",
	}, s.db.GrantFreeze, func(r engagement.FreezeReceipt) FactAnswer { return FactAnswer{Status: r.Status} }, s.grantFreezes)

	list(s, operation{path: "/v1/fires", id: "list-fires", access: readers, tag: "facts", summary: "Fires that are kept one by one, newest first"},
		func(ctx context.Context, in *struct {
			User   int64  `query:"user" doc:"only this user's"`
			Signal string `query:"signal" doc:"only for this signal"`
			params.Fires
			params.Days
			params.Page
		}) (engagement.Page[engagement.SignalFire], error) {
			return s.fires(ctx, engagement.FireFilter{UserID: in.User, SignalID: in.Signal, Executed: in.Executed}, in.Days, in.Page)
		})
	list(s, operation{path: "/v1/trades", id: "list-trades", access: readers, tag: "facts", summary: "Trades, last closed first"},
		func(ctx context.Context, in *struct {
			User int64 `query:"user" doc:"only this user's"`
			params.Trades
			params.Days
			params.Page
		}) (engagement.Page[engagement.ClosedTrade], error) {
			return s.trades(ctx, engagement.TradeFilter{UserID: in.User, SignalID: in.Signal}, in.Outcome, in.Days, in.Page)
		})
}

func (s *Server) fires(ctx context.Context, f engagement.FireFilter, d params.Days, p params.Page) (engagement.Page[engagement.SignalFire], error) {
	var err error
	if f.Window, err = s.db.ParseWindow(d.Window); err != nil {
		return engagement.Page[engagement.SignalFire]{}, err
	}
	return s.db.Fires(ctx, f, p.Query())
}

func (s *Server) trades(ctx context.Context, f engagement.TradeFilter, outcome string, d params.Days, p params.Page) (engagement.Page[engagement.ClosedTrade], error) {
	var err error
	if f.Window, err = s.db.ParseWindow(d.Window); err == nil && outcome != "" {
		f.Outcome, err = engagement.ParseOutcome(outcome)
	}
	if err != nil {
		return engagement.Page[engagement.ClosedTrade]{}, err
	}
	return s.db.Trades(ctx, f, p.Query())
}

// record registers an operation that takes facts: one, which one stores, or an array,
// which many stores.
func record[F, R any](
	s *Server, o operation,
	one func(context.Context, F) (R, error), answer func(R) FactAnswer,
	many func(context.Context, []F) ([]FactAnswer, error),
) {
	o.method, o.access, o.tag = http.MethodPost, recorders, "facts"
	registry := s.api.OpenAPI().Components.Schemas
	receipt := schemaOf[R](registry)
	op := s.describe(o, oneOrMany(receipt, schemaOf[FactAnswer](registry), mostFacts))
	op.Responses["201"] = &huma.Response{
		Description: "It was new", Content: map[string]*huma.MediaType{"application/json": {Schema: receipt}},
	}
	huma.Register(s.api, op, func(ctx context.Context, in *params.Body) (*reply, error) {
		if begin := bytes.TrimLeft(in.RawBody, " \t\r\n"); len(begin) > 0 && begin[0] == '[' {
			answers, err := eachOf(ctx, begin, many)
			if err != nil {
				return nil, failed(ctx, err)
			}
			return done(ctx, http.StatusOK, answers)
		}
		var fact F
		if err := decodeFact(in.RawBody, &fact); err != nil {
			return nil, failed(ctx, err)
		}
		r, err := one(ctx, fact)
		if err != nil {
			return nil, failed(ctx, err)
		}
		status := http.StatusOK
		if answer(r).Status == engagement.Recorded {
			status = http.StatusCreated
		}
		return done(ctx, status, r)
	})
	s.takes(o.method, o.path, oneOrMany(schemaOf[F](registry), schemaOf[F](registry), mostFacts))
}

// decodeFact reads what a client sends of a fact. A trade without a P&L is refused: it
// would be a draw.
func decodeFact(text []byte, into any) error {
	if err := decode(text, into); err != nil {
		return err
	}
	if _, isTrade := into.(*engagement.Trade); !isTrade {
		return nil
	}
	var given struct {
		PnL *float64 `json:"pnl"`
	}
	if err := json.Unmarshal(text, &given); err != nil {
		return err
	}
	if given.PnL == nil {
		return invalid("pnl", nil, "it is missing")
	}
	return nil
}

// eachOf answers an array. What cannot be read of it is refused alone.
func eachOf[F any](ctx context.Context, text []byte, store func(context.Context, []F) ([]FactAnswer, error)) ([]FactAnswer, error) {
	var items []json.RawMessage
	if err := decode(text, &items); err != nil {
		return nil, err
	}
	if len(items) == 0 || len(items) > mostFacts {
		return nil, invalid("number of facts", len(items), fmt.Sprintf("want 1 to %d", mostFacts))
	}
	answers := make([]FactAnswer, len(items))
	var facts []F
	var places []int
	for i, item := range items {
		var fact F
		if err := decodeFact(item, &fact); err != nil {
			answers[i].Problem = problemOf(err)
			continue
		}
		facts, places = append(facts, fact), append(places, i)
	}
	if len(facts) == 0 {
		return answers, nil
	}
	stored, err := store(ctx, facts)
	for i, answer := range stored {
		answers[places[i]] = answer
	}
	return answers, err
}

// recordFires records all fires at once or, if one of them is refused, one by one.
func (s *Server) recordFires(ctx context.Context, fires []engagement.Fire) ([]FactAnswer, error) {
	return together(ctx, s.db, fires, s.db.RecordFires, (*engagement.Tx).RecordFire, func(r engagement.FireReceipt) FactAnswer {
		return FactAnswer{Status: r.Status, Milestones: r.Milestones}
	})
}

func (s *Server) recordTrades(ctx context.Context, trades []engagement.Trade) ([]FactAnswer, error) {
	return together(ctx, s.db, trades, s.db.RecordTrades, (*engagement.Tx).RecordTrade, func(r engagement.TradeReceipt) FactAnswer {
		return FactAnswer{Status: r.Status}
	})
}

func (s *Server) grantFreezes(ctx context.Context, freezes []engagement.Freeze) ([]FactAnswer, error) {
	return oneByOne(ctx, s.db, freezes, (*engagement.Tx).GrantFreeze, func(r engagement.FreezeReceipt) FactAnswer {
		return FactAnswer{Status: r.Status}
	})
}

// together stores facts at once, which takes few statements, or one by one if one of
// them is refused.
func together[F, R any](
	ctx context.Context, db *engagement.DB, facts []F,
	all func(context.Context, []F) ([]R, error),
	store func(*engagement.Tx, context.Context, F) (R, error), answer func(R) FactAnswer,
) ([]FactAnswer, error) {
	receipts, err := all(ctx, facts)
	if isRefusal(err) {
		return oneByOne(ctx, db, facts, store, answer)
	}
	answers := make([]FactAnswer, len(receipts))
	for i, r := range receipts {
		answers[i] = answer(r)
	}
	return answers, err
}

// oneByOne stores facts in their order in one transaction, without those that are
// refused.
func oneByOne[F, R any](
	ctx context.Context, db *engagement.DB, facts []F,
	store func(*engagement.Tx, context.Context, F) (R, error), answer func(R) FactAnswer,
) ([]FactAnswer, error) {
	answers := make([]FactAnswer, len(facts))
	err := db.Tx(ctx, func(tx *engagement.Tx) error {
		for i, fact := range facts {
			receipt, err := store(tx, ctx, fact)
			switch {
			case isRefusal(err):
				answers[i].Problem = problemOf(err)
			case err != nil:
				return err
			default:
				answers[i] = answer(receipt)
			}
		}
		return nil
	})
	return answers, err
}

// isRefusal reports whether an error is about a fact and not about the database.
func isRefusal(err error) bool {
	return errors.Is(err, engagement.ErrInvalid) || errors.Is(err, engagement.ErrNotFound) || errors.Is(err, engagement.ErrConflict)
}
