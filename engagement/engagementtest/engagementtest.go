// Package engagementtest opens engagement databases for tests. They are real
// ones: what a test sees is what production does.
package engagementtest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

// Open opens an empty database with opts: a SQLite file in t.TempDir that does not
// wait for the disk. It is closed when t and all its subtests have ended; t fails
// if it cannot be opened or closed. [engagement.WithClock] lets a test tell the time.
func Open(t testing.TB, opts ...engagement.Option) *engagement.DB {
	t.Helper()
	opts = append([]engagement.Option{engagement.WithSynchronous(engagement.SyncOff)}, opts...)
	db, err := engagement.Open(context.Background(), filepath.Join(t.TempDir(), "engagement.db"), opts...)
	if err != nil {
		t.Fatalf("engagementtest: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("engagementtest: %v", err)
		}
	})
	return db
}
