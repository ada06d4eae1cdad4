// Command onclose is the hook that a trading platform calls when an order
// opens and when a position closes; it records both in the engagement database.
//
// ONCLOSE_SECRET is the secret that the platform sends in the header
// X-Webhook-Secret, ONCLOSE_ADDR where to listen (127.0.0.1:8080 unless set),
// and ENGAGEMENT_DB the database (data/engagement.db unless set).
package main

import (
	"cmp"
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // the database's time zone, on machines without a list of them

	"github.com/hydraxdev/engagementdb/engagement"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", cmp.Or(os.Getenv("ONCLOSE_ADDR"), "127.0.0.1:8080"))
	if err == nil {
		log.Printf("listening on %s", listener.Addr())
		err = run(ctx, listener, cmp.Or(os.Getenv("ENGAGEMENT_DB"), engagement.DefaultPath), os.Getenv("ONCLOSE_SECRET"))
	}
	if err != nil {
		log.Fatal(err)
	}
}

// run serves the hook until ctx ends. Running requests are answered and the
// database is closed before it returns.
func run(ctx context.Context, listener net.Listener, dsn, secret string) (err error) {
	if secret == "" {
		return errors.New("ONCLOSE_SECRET is empty: anybody could record trades")
	}
	db, err := engagement.Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	server := &http.Server{
		Handler:           newHook(db, secret, writeTimeout),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*writeTimeout)
	defer cancel()
	return server.Shutdown(shutdown)
}
