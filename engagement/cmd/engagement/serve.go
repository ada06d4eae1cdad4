package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/server"
)

// telegramVariable holds the token of the bot whose Mini App may ask. On a command
// line every process of the machine could read it.
const telegramVariable = "ENGAGEMENT_TELEGRAM_TOKEN"

// stopWait is how long requests may still take when the server stops.
const stopWait = 20 * time.Second

// serveFlags say where and to whom a server answers.
type serveFlags struct {
	addr    string
	name    string
	public  bool
	origins []string
	cert    string
	key     string
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer over HTTP what the database knows, and take facts in",
		Long: `Answer over HTTP what the database knows, and take fires and trades in, until it is
interrupted. Programs show a token, which is made with: engagement token create

With --public everybody may read boards, signals and today's figures, and the own
figures of users who have agreed to it. If $` + telegramVariable + ` holds the
token of a Telegram bot, users of its Mini App may read their own figures.

On another address than this machine's own, give a certificate, or have a proxy
before it that encrypts.`,
		Example: `  engagement serve
  engagement serve --public --name "Alpha Signals"
  engagement serve --addr :8443 --tls-cert cert.pem --tls-key key.pem`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.serve(cmd, a.path(cmd), &f, nil)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.name, "name", "", "the community's `NAME`, which its pages and pictures show")
	mustComplete(cmd, "name")
	cmd.Flags().BoolVar(&f.public, "public", false, "let everybody read boards, signals and today's figures")
	cmd.Flags().StringSliceVar(&f.origins, "cors", nil, "let pages from this `ORIGIN` ask, such as https://app.example.com")
	cmd.Flags().StringVar(&f.cert, "tls-cert", "", "the `FILE` with the certificate")
	cmd.Flags().StringVar(&f.key, "tls-key", "", "the `FILE` with the certificate's key")
	mustComplete(cmd, "cors")
	cmd.MarkFlagsRequiredTogether("tls-cert", "tls-key")
	return cmd
}

// add adds the flag for the address.
func (f *serveFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.addr, "addr", "127.0.0.1:8080", "the `ADDRESS` to listen at")
	mustComplete(cmd, "addr")
}

// serve opens the database at path and serves it until the command is interrupted.
// Once it listens it calls begun, if not nil, and otherwise says where.
func (a *app) serve(cmd *cobra.Command, path string, f *serveFlags, begun func(url string, db *engagement.DB, handler *server.Server) error) (err error) {
	log, metrics := a.serverLog(cmd), server.NewMetrics()
	opts := []server.Option{server.WithLogger(log), server.WithMetrics(metrics), server.WithCORS(f.origins...)}
	if f.name != "" {
		opts = append(opts, server.WithName(f.name))
	}
	if f.public {
		opts = append(opts, server.WithPublic())
	}
	if token := os.Getenv(telegramVariable); token != "" {
		opts = append(opts, server.WithTelegramBot(token))
	}
	return a.withDBAt(cmd, path, writing, func(ctx context.Context, db *engagement.DB) (err error) {
		handler, err := server.New(db, opts...)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, handler.Close()) }()
		listener, err := net.Listen("tcp", f.addr)
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		if begun == nil {
			begun = func(url string, db *engagement.DB, _ *server.Server) error { return a.sayServing(cmd, f, url, db, log) }
		}
		if err := begun(f.url(listener.Addr()), db, handler); err != nil {
			return errors.Join(err, listener.Close())
		}
		return f.run(ctx, handler, listener, log)
	}, engagement.WithLogger(log), engagement.WithObserver(metrics.Observe))
}

func (a *app) serverLog(cmd *cobra.Command) *slog.Logger {
	level := slog.LevelInfo
	if a.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
}

func (f *serveFlags) url(addr net.Addr) string {
	scheme := "http://"
	if f.cert != "" {
		scheme = "https://"
	}
	return scheme + addr.String()
}

// serving is what serve prints as JSON once it listens.
type serving struct {
	URL string `json:"url"`
}

// sayServing says where the server listens, and what is worth knowing before anybody
// asks it.
func (a *app) sayServing(cmd *cobra.Command, f *serveFlags, url string, db *engagement.DB, log *slog.Logger) error {
	tokens, err := db.Tokens(cmd.Context(), engagement.PageQuery{Limit: 1})
	if err != nil {
		return err
	}
	if len(tokens.Items) == 0 && !f.public {
		log.Warn("there is no token yet, so nothing but health is answered; make one with: engagement token create NAME --scope read")
	}
	if host, _, _ := net.SplitHostPort(f.addr); f.cert == "" && !isLoopback(host) {
		log.Warn("whoever is on the way can read tokens and figures: there is no --tls-cert, so let nobody but a proxy that encrypts reach this address")
	}
	return a.print(cmd, serving{url}, func() string { return "listening at " + url + "\n" })
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// run serves until ctx ends. Then streams end first, and requests have some time.
func (f *serveFlags) run(ctx context.Context, handler *server.Server, listener net.Listener, log *slog.Logger) error {
	s := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() {
		if f.cert != "" {
			ended <- s.ServeTLS(listener, f.cert, f.key)
			return
		}
		ended <- s.Serve(listener)
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping")
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWait)
	defer cancel()
	err := errors.Join(handler.Close(), s.Shutdown(wait))
	if err != nil {
		err = errors.Join(fmt.Errorf("stop: %w", err), s.Close())
	}
	<-ended // the server says that it was closed
	return err
}
