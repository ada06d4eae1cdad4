// Package server answers over HTTP what an engagement database knows, and takes
// facts in. Its answers are those of the library, in the same JSON that the
// command prints. engagement/docs/http.md is its handbook.
//
// [New] returns an http.Handler to mount under any path of one's own server, with
// [http.StripPrefix]; engagement serve runs it by itself.
//
// Map of the files, each of which uses only those before it:
//
//	options   what New can be told
//	problem   what a client is told of an error
//	request   what is known of a request, and what all of them go through
//	telegram  the users of a Telegram Mini App
//	access    who may do what
//	watch     metrics for Prometheus
//	schema    what the OpenAPI document says of the library's types
//	answer    how an answer is encoded, and when it need not be sent again
//	api       how an operation is registered
//	facts, users, signals, boards, community, figures, keep, import   the operations
//	live      today's figures as they change
//	health    whether the server works
//	page      how a page of what people look at is shown; its templates are in page/
//	page_login, page_table, page_draw   logging in, tables with their CSV, drawings
//	page_later   parts of a page that are loaded after it
//	page_canvas, page_card   a picture of a user to share
//	page_today, page_boards, page_user, page_streak, page_quality, page_signal, page_people, page_forecasts, page_metrics, page_import, page_house   the pages
//	server    New and Close
package server

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hydraxdev/engagementdb/engagement"
)

// Server is an [http.Handler]. Its Close must be called before that of its
// database.
type Server struct {
	options
	db      *engagement.DB
	mux     *http.ServeMux
	chain   http.Handler
	api     huma.API
	openAPI []byte
	callers *callers
	live    *live
	ready   readiness
	links   loginLinks
	cards   *cards

	firstPaint time.Duration // the constant, but in tests

	stopping   context.Context // ends with Close
	stop       context.CancelFunc
	background sync.WaitGroup
}

var _ http.Handler = (*Server)(nil)

// New returns a server of db. A bad option is [engagement.ErrInvalid].
func New(db *engagement.DB, opts ...Option) (*Server, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	s := &Server{options: o, db: db, mux: http.NewServeMux(), callers: newCallers(), links: loginLinks{byCode: map[string]loginLink{}}, cards: newCards(), firstPaint: firstPaint}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.live = newLive(s.stopping, s.log, db.RealTimeStats)
	if err := s.metrics.watch(db, s.live); err != nil {
		return nil, err
	}
	s.chain = s.observed(s.crossOrigin(http.HandlerFunc(s.route)))
	if err := s.addRoutes(); err != nil {
		return nil, err
	}
	return s, nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.chain.ServeHTTP(w, r) }

// Close ends the live streams and whatever runs by itself. Other requests go on;
// [http.Server.Shutdown] waits for them. A second Close does nothing.
func (s *Server) Close() error {
	s.stop()
	s.live.close()
	s.background.Wait()
	return nil
}

// OpenAPI returns the OpenAPI 3.1 document of the server, as JSON.
func (s *Server) OpenAPI() []byte { return s.openAPI }

func (s *Server) addRoutes() error {
	s.api = newAPI(s)
	s.addFacts()
	s.addUsers()
	s.addSignals()
	s.addBoards()
	s.addCommunity()
	s.addFigures()
	s.addKeep()
	s.addImport()
	s.addLive()
	s.addHealth()
	s.addCard()
	s.addPages()
	var err error
	s.openAPI, err = document(s.api)
	return err
}
