package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/hydraxdev/engagementdb/engagement"
)

// access is who may use a route. Whoever has the scope admin may use each.
type access string

const (
	everybody   access = "everybody"   // without a token
	anyToken    access = "any token"   // with --public: everybody
	seenByAll   access = "public"      // scope read, one user's; with --public: everybody
	userPage    access = "user page"   // scope read, the user's own; with --public: everybody, if the user agrees
	ownFacts    access = "user's own"  // scope read, the user's own
	readers     access = "read"        // scope read
	recorders   access = "write"       // scope write
	userConsent access = "user's will" // scope write, the user's own
	admins      access = "admin"       // scope admin
)

// caller is who sends a request. The zero value is nobody that is known.
type caller struct {
	token engagement.Token // of a Mini App's user it has no ID
}

func (c caller) known() bool { return len(c.token.Scopes) > 0 }

// isUser reports whether the caller is a user who asks for the user's own.
func (c caller) isUser(userID int64) bool {
	return slices.Contains(c.token.Scopes, engagement.SelfScope(userID))
}

func (c caller) isAnyUser() bool {
	return slices.ContainsFunc(c.token.Scopes, func(s engagement.Scope) bool { _, is := s.User(); return is })
}

// allows reports whether a caller may use a route with this access. user is whom the
// path is about, if it is.
func (s *Server) allows(ctx context.Context, a access, c caller, user int64) (bool, error) {
	may := c.token.Allows
	switch a {
	case everybody:
		return true, nil
	case anyToken:
		return s.public || c.known(), nil
	case seenByAll:
		return s.public || may(engagement.ScopeRead) || c.isAnyUser(), nil
	case userPage:
		if may(engagement.ScopeRead) || c.isUser(user) || !s.public || user == 0 {
			return may(engagement.ScopeRead) || c.isUser(user), nil
		}
		return s.db.IsPublic(ctx, user)
	case ownFacts:
		return may(engagement.ScopeRead) || c.isUser(user), nil
	case readers:
		return may(engagement.ScopeRead), nil
	case recorders:
		return may(engagement.ScopeWrite), nil
	case userConsent:
		return may(engagement.ScopeWrite) || c.isUser(user), nil
	}
	return may(engagement.ScopeAdmin), nil
}

// guarded lets a handler answer those who may, within a limit of time. takesBody
// says that the request has one, which is JSON.
func (s *Server) guarded(a access, limit time.Duration, takesBody bool, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		r = r.WithContext(ctx)
		if err := s.authorize(r, a); err != nil {
			s.fail(w, r, err)
			return
		}
		if _, err := url.ParseQuery(r.URL.RawQuery); err != nil { // what it cannot read it would leave out
			s.fail(w, r, invalid("query", shortened(r.URL.RawQuery), err.Error()))
			return
		}
		if takesBody && !isJSON(r.Header.Get("Content-Type")) {
			s.fail(w, r, kindMediaType.problem("want application/json"))
			return
		}
		if limit > usualTime {
			extend(w, limit)
		}
		h.ServeHTTP(w, r)
	})
}

// extend gives an answer more time than the http.Server gives others. A connection
// that cannot be told has no limits to be extended.
func extend(w http.ResponseWriter, limit time.Duration) {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(limit))
	_ = c.SetWriteDeadline(time.Now().Add(limit))
}

func isJSON(contentType string) bool {
	if contentType == "" || contentType == "application/json" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/json"
}

// authorize finds out who sent the request and whether that caller may use a route.
func (s *Server) authorize(r *http.Request, a access) error {
	if a == everybody {
		return nil
	}
	c, err := s.identify(r)
	if err != nil {
		return err
	}
	exchangeOf(r.Context()).caller = c
	user, _ := strconv.ParseInt(r.PathValue("user"), 10, 64) // 0: nobody's own
	allowed, err := s.allows(r.Context(), a, c, user)
	switch {
	case err != nil || allowed:
		return err
	case c.known():
		return kindForbidden.problem("this needs other scopes: " + string(a))
	}
	return unauthorized("")
}

func unauthorized(detail string) *Problem {
	p := kindUnauthorized.problem(detail)
	p.header.Set("WWW-Authenticate", `Bearer realm="engagement"`)
	return p
}

// identify returns the caller whom the request's credentials are of, or an error
// if they are wrong.
func (s *Server) identify(r *http.Request) (caller, error) {
	given := r.Header.Get("Authorization")
	if given == "" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		c, _, err := s.cookieCaller(r) // of the page; what changes something needs more than a cookie
		return c, err
	}
	if given == "" {
		return caller{}, nil
	}
	scheme, secret, _ := strings.Cut(given, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return s.bearer(r, strings.TrimSpace(secret))
	case strings.EqualFold(scheme, "tma") && s.telegram != nil:
		address := addressOf(r)
		if s.callers.isLimited(address) {
			return caller{}, kindTooMany.problem("")
		}
		user, err := telegramUser(s.telegram, secret, time.Now())
		if err != nil {
			s.callers.failed(address)
			return caller{}, unauthorized("the init data is refused: " + err.Error())
		}
		return caller{engagement.Token{Scopes: []engagement.Scope{engagement.SelfScope(user)}}}, nil
	}
	return caller{}, unauthorized("want Authorization: Bearer TOKEN")
}

// bearer returns the caller with a token. One that was good a moment ago is not
// looked up again.
func (s *Server) bearer(r *http.Request, secret string) (caller, error) {
	key, now := sha256.Sum256([]byte(secret)), time.Now()
	known, isKnown := s.callers.find(key)
	if isKnown && now.Sub(known.checked) < tokenFresh && !expired(known.token, now) {
		return caller{known.token}, nil
	}
	address := addressOf(r)
	if !isKnown && s.callers.isLimited(address) {
		return caller{}, kindTooMany.problem("")
	}
	token, err := s.db.TokenOf(r.Context(), secret)
	switch {
	case errors.Is(err, engagement.ErrNotFound):
		s.callers.forget(key)
		s.callers.failed(address)
		return caller{}, unauthorized("the token is unknown, revoked or expired")
	case err != nil:
		return caller{}, err
	}
	if s.callers.remember(key, token, now) {
		s.noteUse(token.ID)
	}
	return caller{token}, nil
}

func expired(t engagement.Token, now time.Time) bool {
	return t.ExpiresAt != nil && !t.ExpiresAt.After(now)
}

// noteUse stores that a token was used, while the request goes on.
func (s *Server) noteUse(id string) {
	s.background.Go(func() {
		ctx, cancel := context.WithTimeout(s.stopping, usualTime)
		defer cancel()
		if err := s.db.UseToken(ctx, id); err != nil && !errors.Is(err, engagement.ErrReadOnly) && s.stopping.Err() == nil {
			s.log.Warn("the use of a token was not noted", "token", id, "error", err)
		}
	})
}

const (
	tokenFresh = 5 * time.Second // how long a token is taken for good without looking
	useNoted   = time.Hour       // how old the noted use of a token may get

	// Failed tries of one address: so many at once, and then one in so long.
	triesAtOnce = 10
	triesEvery  = 6 * time.Second

	mostKept = 10_000 // callers and addresses in memory
)

// callers keeps who was known lately and who tried in vain.
type callers struct {
	mu     sync.Mutex
	tokens map[[sha256.Size]byte]knownToken // by the secret's hash
	tries  map[netip.Addr]*rate.Limiter
}

type knownToken struct {
	token   engagement.Token
	checked time.Time
	noted   time.Time // when its use was last noted
}

func newCallers() *callers {
	return &callers{tokens: map[[sha256.Size]byte]knownToken{}, tries: map[netip.Addr]*rate.Limiter{}}
}

func (c *callers) find(key [sha256.Size]byte) (knownToken, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.tokens[key]
	return known, ok
}

func (c *callers) forget(key [sha256.Size]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.tokens, key)
}

// remember keeps a token that was just looked up, and reports whether its use is to
// be noted.
func (c *callers) remember(key [sha256.Size]byte, token engagement.Token, now time.Time) (note bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	noted := c.tokens[key].noted
	if token.LastUsed != nil && token.LastUsed.After(noted) {
		noted = *token.LastUsed
	}
	if note = now.Sub(noted) >= useNoted; note {
		noted = now
	}
	if len(c.tokens) >= mostKept {
		clear(c.tokens)
	}
	c.tokens[key] = knownToken{token, now, noted}
	return note
}

func (c *callers) isLimited(address netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	tries := c.tries[address]
	return tries != nil && tries.Tokens() < 1
}

func (c *callers) failed(address netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tries[address] == nil {
		if len(c.tries) >= mostKept {
			clear(c.tries)
		}
		c.tries[address] = rate.NewLimiter(rate.Every(triesEvery), triesAtOnce)
	}
	c.tries[address].Allow()
}

// addressOf returns where a request comes from: of IPv6 the network of one customer.
func addressOf(r *http.Request) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address := from.Addr().Unmap().WithZone("")
	if address.Is6() {
		network, _ := address.Prefix(64) // no address has fewer bits
		return network.Addr()
	}
	return address
}
