package server_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/server"
)

func ExampleNew() {
	dir, err := os.MkdirTemp("", "example-*")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, path, mux := context.Background(), filepath.Join(dir, "engagement.db"), http.NewServeMux()

	metrics := server.NewMetrics()
	db, err := engagement.Open(ctx, path, engagement.WithObserver(metrics.Observe))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	api, err := server.New(db, server.WithMetrics(metrics), server.WithPublic())
	if err != nil {
		log.Fatal(err)
	}
	defer api.Close() // ends the live streams, before the database is closed
	mux.Handle("/engagement/", http.StripPrefix("/engagement", api))

	listening := httptest.NewServer(mux)
	defer listening.Close()
	answer, err := http.Get(listening.URL + "/engagement/v1/boards/pnl")
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(answer.Status, ": ", string(text))
	// Output: 200 OK: {"items":[]}
}
