// Command onclose stands before `engagement serve` for a trading platform that calls
// with field names of its own when an order opens and when a position closes. It turns
// each call into one of the API's and hands back the answer, so what a call may do, what
// is refused and when to repeat are as docs/http.md says.
//
// ENGAGEMENT_URL is the server's address (http://127.0.0.1:8080 unless set) and
// ONCLOSE_ADDR where to listen (127.0.0.1:8081 unless set). The platform sends a token
// with the scope write in the header X-Webhook-Secret.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"
)

func main() {
	api, err := url.Parse(cmp.Or(os.Getenv("ENGAGEMENT_URL"), "http://127.0.0.1:8080"))
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		Addr:         cmp.Or(os.Getenv("ONCLOSE_ADDR"), "127.0.0.1:8081"),
		Handler:      newHook(api),
		ReadTimeout:  10 * time.Second,
		WriteTimeout: 60 * time.Second,
	}
	log.Printf("listening on %s", server.Addr)
	log.Fatal(server.ListenAndServe())
}

// apiNames are the API's names for what the platform calls otherwise.
var apiNames = map[string]string{"opened_at": "timestamp", "ticket": "trade_id", "profit": "pnl"}

// newHook returns what answers the platform with what the API at an address says.
func newHook(api *url.URL) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /orders/opened", forward(api, "/v1/fires", map[string]any{"executed": true}))
	mux.Handle("POST /positions/closed", forward(api, "/v1/trades", map[string]any{}))
	return mux
}

// forward sends calls on to a path of the API, with its names and with fields that the platform does
// not send. A name that the API does not know goes as it is, and is refused there.
func forward(api *url.URL, path string, fields map[string]any) http.Handler {
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.Out.URL.Path = path
		p.SetURL(api)
		p.Out.Header.Del("X-Webhook-Secret")
		p.Out.Header.Set("Authorization", "Bearer "+p.In.Header.Get("X-Webhook-Secret"))
		p.Out.Header.Set("Content-Type", "application/json")
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call map[string]json.RawMessage
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&call); err != nil {
			http.Error(w, fmt.Sprintf("body: %v", err), http.StatusBadRequest)
			return
		}
		fact := maps.Clone(fields)
		for name, value := range call {
			fact[cmp.Or(apiNames[name], name)] = value
		}
		body, err := json.Marshal(fact)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		proxy.ServeHTTP(w, r)
	})
}
