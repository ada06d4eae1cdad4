package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydraxdev/engagementdb/engagement"
)

// noon is what the command's clock shows in the tests.
var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// result is what a run of the command left behind.
type result struct {
	code     int
	out, err string
}

// run runs the command as a shell would, with nobody at the terminal.
func run(t *testing.T, args ...string) result {
	t.Helper()
	return runAt(t, noon, args...)
}

func runAt(t *testing.T, now time.Time, args ...string) result {
	t.Helper()
	return runContext(t.Context(), now, args...)
}

func runContext(ctx context.Context, now time.Time, args ...string) result {
	var out, errOut bytes.Buffer
	a := &app{now: func() time.Time { return now }}
	code := a.run(ctx, append([]string{}, args...), strings.NewReader(""), &out, &errOut)
	return result{code, out.String(), errOut.String()}
}

// mustRun runs a command that is to succeed and returns what it printed.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	r := run(t, args...)
	if r.code != exitOK || r.err != "" {
		t.Fatalf("engagement %s: exit code %d, stderr %q", strings.Join(args, " "), r.code, r.err)
	}
	return r.out
}

// sample is the content of a database with three users; the clock is at noon.
var sample = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "sample-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "sample.db")
	if err := fill(path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func fill(path string) error {
	ctx := context.Background()
	db, err := engagement.Open(ctx, path, engagement.WithClock(func() time.Time { return noon }))
	if err != nil {
		return err
	}
	defer db.Close()
	ago := func(days, hours int) time.Time {
		return noon.AddDate(0, 0, -days).Add(-time.Duration(hours) * time.Hour)
	}
	_, err = db.RecordFires(ctx, []engagement.Fire{
		{UserID: -7, SignalID: "EURUSD_LONG_001", At: ago(60, 0), Executed: true},
		{UserID: 1, SignalID: "EURUSD_LONG_001", At: ago(2, 0), Executed: true},
		{UserID: 1, SignalID: "EURUSD_LONG_002", At: ago(1, 0), Executed: true},
		{UserID: 1, SignalID: "GBPUSD_001", At: ago(0, 3)},
		{UserID: 2, SignalID: "EURUSD_LONG_001", At: ago(0, 4), Executed: true},
	})
	if err != nil {
		return err
	}
	for _, trade := range []engagement.Trade{
		{UserID: 1, TradeID: "t1", SignalID: "EURUSD_LONG_001", PnL: 1150.75, ClosedAt: ago(1, 0)},
		{UserID: 1, TradeID: "t2", PnL: -50.25, ClosedAt: ago(0, 1)},
		{UserID: 2, TradeID: "t1", PnL: 0, ClosedAt: ago(0, 2)},
	} {
		if _, err := db.RecordTrade(ctx, trade); err != nil {
			return err
		}
	}
	return nil
}

// sampleDB returns the path of a fresh copy of the sample.
func sampleDB(t *testing.T) string {
	t.Helper()
	content, err := sample()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sample.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// checkJSON compares two JSON texts by what they mean.
func checkJSON(t *testing.T, got, want string) {
	t.Helper()
	if diff := cmp.Diff(decode[any](t, want), decode[any](t, got)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func decode[T any](t *testing.T, text string) (value T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return value
}

func checkText(t *testing.T, got, want string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}
