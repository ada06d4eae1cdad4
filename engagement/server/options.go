package server

import (
	"log/slog"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hydraxdev/engagementdb/engagement"
)

// Option changes what a server does. A bad value fails New with
// [engagement.ErrInvalid].
type Option func(*options) error

type options struct {
	log      *slog.Logger
	metrics  *Metrics
	name     string
	public   bool
	telegram []byte // the key that init data is signed with; nil: no Mini App
	origins  map[string]bool
}

func newOptions(opts []Option) (options, error) {
	o := options{log: slog.New(slog.DiscardHandler), name: "engagementdb", origins: map[string]bool{}}
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return o, err
		}
	}
	if o.metrics == nil {
		o.metrics = NewMetrics()
	}
	return o, nil
}

func invalid(field string, value any, why string) error {
	return &engagement.InvalidError{Field: field, Value: value, Reason: why}
}

// WithLogger sets where requests are logged, by their routes and without what
// they hold: those that failed for the server's reasons at error, those refused at
// info, the others at debug. The default logs nothing.
func WithLogger(log *slog.Logger) Option {
	return func(o *options) error {
		if log == nil {
			return invalid("logger", nil, "it is nil")
		}
		o.log = log
		return nil
	}
}

// WithName sets the community's name, which its pages and pictures show: 1 to 60
// characters of one line. The default is engagementdb.
func WithName(name string) Option {
	return func(o *options) error {
		if n := utf8.RuneCountInString(name); n == 0 || n > 60 || !utf8.ValidString(name) || strings.TrimSpace(name) != name || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return invalid("name of the community", name, "want 1 to 60 characters of one line")
		}
		o.name = name
		return nil
	}
}

// WithPublic lets everybody read boards, signals and today's figures, and the
// figures of users who have agreed to it ([engagement.DB.SetPublic]). Without it
// nothing but health is answered to those who have no token.
func WithPublic() Option {
	return func(o *options) error { o.public = true; return nil }
}

// WithTelegramBot lets users of the bot's Mini App read their own figures: requests
// carry its init data as Authorization: tma INITDATA. botToken is what BotFather
// gave the bot.
func WithTelegramBot(botToken string) Option {
	return func(o *options) error {
		if botToken == "" {
			return invalid("Telegram bot token", nil, "it is empty")
		}
		o.telegram = telegramKey(botToken)
		return nil
	}
}

// WithCORS lets scripts of pages from other origins, such as
// https://app.example.com, ask the server. The default is none.
func WithCORS(origins ...string) Option {
	return func(o *options) error {
		for _, origin := range origins {
			u, err := url.Parse(origin)
			if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || origin != u.Scheme+"://"+u.Host {
				return invalid("origin", origin, "want the form https://app.example.com")
			}
			o.origins[origin] = true
		}
		return nil
	}
}

// WithMetrics sets the metrics that the server adds to and answers with. It is for
// those that the database is observed with: see [NewMetrics].
func WithMetrics(m *Metrics) Option {
	return func(o *options) error {
		if m == nil {
			return invalid("metrics", nil, "they are nil")
		}
		o.metrics = m
		return nil
	}
}
