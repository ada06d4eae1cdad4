package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// The cookie holds a token's secret, so that revoking the token ends the login.
const (
	sessionCookie = "engagement"
	sessionAge    = 30 * 24 * 3600 // seconds
	linkAge       = 15 * time.Minute
	maxForm       = 128 << 10
)

// sameOrigin refuses forms that pages of other origins send.
var sameOrigin = http.NewCrossOriginProtection()

// csrfOf returns what a form must carry, which only pages shown to the one who has
// the secret know.
func csrfOf(secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("form"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// cookieCaller returns who a request's cookie says it is of, and the secret in it;
// nobody without one that is good.
func (s *Server) cookieCaller(r *http.Request) (caller, string, error) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil || cookie.Value == "" {
		return caller{}, "", nil
	}
	c, err := s.bearer(r, cookie.Value)
	if _, refused := errors.AsType[*Problem](err); refused {
		return caller{}, "", nil
	}
	return c, cookie.Value, err
}

// recognize finds out who visits. A cookie that is good no more is taken back where it
// was given.
func (v *visit) recognize(w http.ResponseWriter) (err error) {
	if v.r.Header.Get("Authorization") != "" {
		v.caller, err = v.s.identify(v.r)
	} else if v.caller, v.secret, err = v.s.cookieCaller(v.r); err == nil && v.secret == "" && v.root == "./" {
		if _, absent := v.r.Cookie(sessionCookie); absent == nil {
			http.SetCookie(w, v.cookie("", -1))
		}
	}
	exchangeOf(v.r.Context()).caller = v.caller
	return err
}

// cookie has no path: a browser takes that of the login, which is where the server is
// mounted.
func (v *visit) cookie(secret string, age int) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: secret, MaxAge: age,
		HttpOnly: true, Secure: v.isSecure(), SameSite: http.SameSiteStrictMode,
	}
}

// isSecure reports whether the request came over TLS, here or to a proxy.
func (v *visit) isSecure() bool {
	return v.r.TLS != nil || strings.EqualFold(v.r.Header.Get("X-Forwarded-Proto"), "https")
}

func (v *visit) readForm() error {
	if err := sameOrigin.Check(v.r); err != nil {
		return kindForbidden.problem("The form comes from another site.")
	}
	v.r.Body = http.MaxBytesReader(nil, v.r.Body, maxForm)
	err := v.r.ParseForm()
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		return kindTooLarge.problem("")
	}
	if err != nil {
		return invalid("form", nil, "it cannot be read")
	}
	return nil
}

func (v *visit) checkCSRF() error {
	if v.secret == "" {
		return unauthorized("Log in first.")
	}
	if !hmac.Equal([]byte(v.r.PostForm.Get("csrf")), []byte(csrfOf(v.secret))) {
		return kindForbidden.problem("The form is out of date: load its page again.")
	}
	return nil
}

// loginLinks are tokens' secrets by the code of a link that logs in once.
type loginLinks struct {
	mu     sync.Mutex
	byCode map[string]loginLink
}

type loginLink struct {
	secret string
	until  time.Time
}

// LoginLink returns a link, from where the server is mounted, that logs in on the page
// with a token: once, within a quarter of an hour.
func (s *Server) LoginLink(secret string) string {
	s.links.mu.Lock()
	defer s.links.mu.Unlock()
	now, code := time.Now(), rand.Text()
	for code, link := range s.links.byCode {
		if now.After(link.until) {
			delete(s.links.byCode, code)
		}
	}
	s.links.byCode[code] = loginLink{secret, now.Add(linkAge)}
	return "login?once=" + code
}

func (l *loginLinks) take(code string) (secret string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	link, ok := l.byCode[code]
	delete(l.byCode, code)
	return link.secret, ok && time.Now().Before(link.until)
}

// loginPage is the form, or says that one is logged in.
type loginPage struct {
	Next    string // where to go then, as seen from the login
	Mistake string
	Done    bool
	Public  bool
}

func (s *Server) addLogin() {
	s.mux.Handle("GET /login", s.loggingIn(func(v *visit, w http.ResponseWriter) (*shown, error) {
		q := v.r.URL.Query()
		if code := q.Get("once"); code != "" {
			secret, ok := s.links.take(code)
			if !ok {
				return v.loginForm("", "The link was used already, or is too old."), nil
			}
			return v.logIn(w, secret, "")
		}
		return v.loginForm(q.Get("next"), ""), nil
	}))
	s.mux.Handle("POST /login", s.loggingIn(func(v *visit, w http.ResponseWriter) (*shown, error) {
		if err := v.readForm(); err != nil {
			return nil, err
		}
		return v.logIn(w, strings.TrimSpace(v.r.PostForm.Get("token")), v.r.PostForm.Get("next"))
	}))
	s.mux.Handle("POST /logout", s.loggingIn(func(v *visit, w http.ResponseWriter) (*shown, error) {
		if err := v.readForm(); err != nil {
			return nil, err
		}
		if v.secret != "" {
			if err := v.checkCSRF(); err != nil {
				return nil, err
			}
			http.SetCookie(w, v.cookie("", -1))
		}
		return &shown{next: "login"}, nil
	}))
}

func (s *Server) loggingIn(answer func(*visit, http.ResponseWriter) (*shown, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.visited(usualTime, func(v *visit) (*shown, error) { return answer(v, w) }).ServeHTTP(w, r)
	})
}

func (v *visit) loginForm(next, mistake string) *shown {
	p := &shown{template: "login", title: "Log in", data: loginPage{Next: localPath(next), Mistake: mistake, Public: v.s.public}}
	if mistake != "" {
		p.status = http.StatusUnauthorized
	}
	return p
}

// logIn gives the browser the cookie. The page that follows is asked for by the one
// that says so, since a browser that came from elsewhere sends no strict cookie yet.
func (v *visit) logIn(w http.ResponseWriter, secret, next string) (*shown, error) {
	c, err := v.s.bearer(v.r, secret)
	if p, refused := errors.AsType[*Problem](err); refused && p.Status == http.StatusUnauthorized {
		return v.loginForm(next, "There is no such token, or it was revoked, or it has expired."), nil
	}
	if err != nil {
		return nil, err
	}
	v.caller, v.secret = c, secret
	http.SetCookie(w, v.cookie(secret, sessionAge))
	return &shown{template: "login", title: "Logged in", data: loginPage{Next: localPath(next), Done: true}}, nil
}

// localPath returns where to go on this server, from where it is mounted; its first
// page unless given leads to another.
func localPath(given string) string {
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Path == "" || u.Path == "login" || !filepath.IsLocal(u.Path) ||
		strings.ContainsAny(given, "\\:") {
		return "./"
	}
	return "./" + u.RequestURI()
}
