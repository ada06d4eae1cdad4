package engagement_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestDefault(t *testing.T) {
	ctx := context.Background()
	for _, e := range engines {
		t.Run("is what ENGAGEMENT_DB names, on "+e.name, func(t *testing.T) {
			dsn := e.fresh(t)
			t.Setenv("ENGAGEMENT_DB", dsn)
			defer func() { noError(t, engagement.CloseDefault()) }()

			result, err := engagement.RecordUserSignalFire(ctx, 7, "EURUSD_LONG_001", true)
			noError(t, err)
			same(t, "RecordUserSignalFire", result.Status, engagement.Recorded)
			same(t, "UpdateUserPerformance", must(engagement.UpdateUserPerformance(ctx, 7, 12.5, true))(t).PnL, 12.5)
			same(t, "EngagementStats", must(engagement.EngagementStats(ctx))(t).TotalFiresToday, int64(1))
			same(t, "UserEngagementData", must(engagement.UserEngagementData(ctx, 7))(t).Executed, int64(1))
			_, err = engagement.UserEngagementData(ctx, 8)
			wantError(t, err, engagement.ErrNotFound)
			_, err = engagement.RecordUserSignalFire(ctx, 0, "A", false)
			wantError(t, err, engagement.ErrInvalid)

			db := must(engagement.Default(ctx))(t)
			if again := must(engagement.Default(ctx))(t); again != db {
				t.Error("a second call opened it again")
			}
			noError(t, engagement.CloseDefault())
			_, err = db.UserStats(ctx, 7)
			wantError(t, err, engagement.ErrClosed)
			same(t, "what a later call finds", must(engagement.UserEngagementData(ctx, 7))(t).TotalFires, int64(1))
		})
	}
	t.Run("is data/engagement.db otherwise", func(t *testing.T) {
		t.Chdir(t.TempDir())
		t.Setenv("ENGAGEMENT_DB", "")
		defer func() { noError(t, engagement.CloseDefault()) }()
		must(engagement.EngagementStats(ctx))(t)
		_, err := os.Stat(filepath.Join("data", "engagement.db"))
		noError(t, err)
		same(t, "DefaultPath", engagement.DefaultPath, "data/engagement.db")
	})
	t.Run("is opened once by many at the same time", func(t *testing.T) {
		t.Setenv("ENGAGEMENT_DB", freshFile(t))
		defer func() { noError(t, engagement.CloseDefault()) }()
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() {
				if _, err := engagement.RecordUserSignalFire(ctx, 1, "A", false); err != nil {
					t.Errorf("RecordUserSignalFire: %v", err)
				}
			})
		}
		callers.Wait()
		same(t, "fires", must(engagement.EngagementStats(ctx))(t).TotalFiresToday, int64(1))
	})
	t.Run("is tried again after it could not be opened", func(t *testing.T) {
		dir := t.TempDir()
		t.Setenv("ENGAGEMENT_DB", dir)
		_, err := engagement.Default(ctx)
		if err == nil {
			t.Fatal("a folder was opened")
		}
		t.Setenv("ENGAGEMENT_DB", filepath.Join(dir, "engagement.db"))
		defer func() { noError(t, engagement.CloseDefault()) }()
		must(engagement.Default(ctx))(t)
	})
	t.Run("keeps nobody waiting for another's opening, whose failure is his own", func(t *testing.T) {
		silent := must(net.Listen("tcp", "127.0.0.1:0"))(t)
		defer silent.Close()
		t.Setenv("ENGAGEMENT_DB", "postgres://"+silent.Addr().String()+"/db?sslmode=disable")
		opening, giveUp := context.WithCancel(ctx)
		opened := make(chan error, 1)
		go func() { _, err := engagement.Default(opening); opened <- err }()
		defer must(silent.Accept())(t).Close()

		limited, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := engagement.Default(limited)
		wantError(t, err, context.DeadlineExceeded)
		if took := time.Since(start); took > slack {
			t.Errorf("it took %s", took)
		}
		third := make(chan error, 1)
		t.Setenv("ENGAGEMENT_DB", freshFile(t))
		defer func() { noError(t, engagement.CloseDefault()) }()
		go func() { _, err := engagement.Default(ctx); third <- err }()
		giveUp()
		wantError(t, <-opened, context.Canceled)
		noError(t, <-third)
	})
	t.Run("may be closed when it is not open", func(t *testing.T) {
		noError(t, engagement.CloseDefault())
		noError(t, engagement.CloseDefault())
	})
}

func TestCloseDefaultWhileAnOperationAsksForDefault(t *testing.T) {
	t.Setenv("ENGAGEMENT_DB", freshFile(t))
	ctx := soon(t)
	db := must(engagement.Default(ctx))(t)
	closed, viewed := make(chan error, 1), make(chan error, 1)
	go func() {
		viewed <- db.View(ctx, func(*engagement.Reader) error {
			go func() { closed <- engagement.CloseDefault() }()
			for { // until CloseDefault has begun
				if _, err := db.Horizon(ctx); errors.Is(err, engagement.ErrClosed) {
					break
				}
				time.Sleep(time.Millisecond)
			}
			_, err := engagement.EngagementStats(ctx)
			return err
		})
	}()
	for name, result := range map[string]chan error{"the operation": viewed, "CloseDefault": closed} {
		select {
		case err := <-result:
			noError(t, err)
		case <-time.After(20 * time.Second):
			t.Fatalf("%s did not end", name)
		}
	}
	noError(t, engagement.CloseDefault())
}
