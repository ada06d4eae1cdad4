package engagement_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// raising makes the server at dsn answer each new fire with an error of a code.
func raising(t testing.TB, dsn, code string) {
	t.Helper()
	plainSQL(t, dsn, fmt.Sprintf(`CREATE OR REPLACE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'the server says so' USING ERRCODE = '%s'; END $$`, code))
}

func TestWhatAServersCodesMean(t *testing.T) {
	t.Parallel()
	ctx, dsn := context.Background(), onServer(t)
	db := openAt(t, dsn, newClock(noon).option())
	fireOn(t, db, 1, noon)
	raising(t, dsn, "XX000")
	plainSQL(t, dsn, "CREATE TRIGGER refuse BEFORE INSERT ON signal_fires FOR EACH ROW EXECUTE FUNCTION refuse()")
	for _, tt := range []struct {
		kind  error
		codes []string
	}{
		{engagement.ErrStorage, []string{"53000", "53100", "53200", "53400", "58000", "58030", "58P01", "58P02"}},
		{engagement.ErrUnavailable, []string{"53300", "57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "08006"}},
		{engagement.ErrBusy, []string{"40001", "40P01", "55P03", "57014"}},
		{engagement.ErrInvalid, []string{"22003", "23514", "54000", "25P02", "26000", "42P05", "42704"}},
		{engagement.ErrDenied, []string{"28000", "28P01", "42501"}},
		{engagement.ErrReadOnly, []string{"25006"}},
		{engagement.ErrCorrupt, []string{"XX001", "XX002"}},
		{engagement.ErrSchema, []string{"3F000", "42P01", "42703"}},
	} {
		for _, code := range tt.codes {
			raising(t, dsn, code)
			for name, call := range map[string]func() error{
				// In a Tx nothing is tried again.
				"Tx": func() error {
					return db.Tx(ctx, func(tx *engagement.Tx) error {
						_, err := tx.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "NEW"})
						return err
					})
				},
				"RecordFire": func() error {
					_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "NEW"})
					return err
				},
				"RecordFires": func() error {
					_, err := db.RecordFires(ctx, []engagement.Fire{{UserID: 1, SignalID: "NEW"}, {UserID: 2, SignalID: "NEW"}})
					return err
				},
			} {
				if name != "Tx" && (tt.kind == engagement.ErrBusy || tt.kind == engagement.ErrUnavailable) {
					continue
				}
				err := call()
				only(t, err, tt.kind)
				contains(t, err, "record fire", "the server says so", code)
				if (code == "26000" || code == "42P05") && !strings.Contains(err.Error(), "default_query_exec_mode=exec") {
					t.Errorf("%v does not say what to do about a pooler", err)
				}
			}
		}
	}
	plainSQL(t, dsn, "DROP TRIGGER refuse ON signal_fires")
	same(t, "fires", proven(t, db).Fires, int64(1))
}

func TestAServerThatMayWriteNoTemporaryFilesIsErrStorage(t *testing.T) {
	t.Parallel()
	ctx, db := context.Background(), openAt(t, onServer(t))
	err := db.Tx(ctx, func(tx *engagement.Tx) error {
		for _, statement := range []string{
			"SET LOCAL temp_file_limit = 0", "SET LOCAL work_mem = '64kB'",
			"SELECT max(n) FROM (SELECT generate_series(1, 200000) AS n ORDER BY n DESC OFFSET 1) AS numbers",
		} {
			if _, err := tx.SQL().ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	only(t, err, engagement.ErrStorage)
}

func TestAfterAStatementThatTheServerRefusedTheTransactionSaysSo(t *testing.T) {
	t.Parallel()
	ctx, db := context.Background(), openAt(t, onServer(t), newClock(noon).option())
	err := db.Tx(ctx, func(tx *engagement.Tx) error {
		_, err := tx.SQL().ExecContext(ctx, "SELECT 1/0")
		only(t, err, engagement.ErrInvalid)
		_, err = tx.UserStats(ctx, 1)
		only(t, err, engagement.ErrInvalid)
		_, err = tx.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A"})
		only(t, err, engagement.ErrInvalid)
		return nil // and yet it is not committed
	})
	only(t, err, engagement.ErrInvalid)
	err = db.Tx(ctx, func(tx *engagement.Tx) error {
		rows := must(tx.SQL().QueryContext(ctx, "SELECT 1 / (3 - n) FROM generate_series(1, 3) AS n"))(t)
		for rows.Next() {
		}
		if rows.Err() == nil {
			t.Error("nothing was divided by 0")
		}
		noError(t, rows.Close())
		_, err := tx.SQL().ExecContext(ctx, "SELECT 1")
		only(t, err, engagement.ErrInvalid) // 25P02
		return nil
	})
	only(t, err, engagement.ErrInvalid)
	same(t, "fires", proven(t, db).Fires, int64(0))
}

func TestAValueThatATypeCannotHoldIsErrCorrupt(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		dsn := freshFile(t)
		db := openVaried(t, dsn)
		tamper(t, dsn, "PRAGMA ignore_check_constraints = 1", "UPDATE days SET fires = 'many'")
		_, err := db.DailyFigures(ctx, engagement.Days(engagement.DayOf(noon, time.UTC)-20, engagement.DayOf(noon, time.UTC)))
		only(t, err, engagement.ErrCorrupt)
		contains(t, err, "fires", "many")
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		dsn := onServer(t)
		db := openVaried(t, dsn)
		plainSQL(t, dsn, "ALTER TABLE days ALTER COLUMN fires DROP NOT NULL; UPDATE days SET fires = NULL")
		_, err := db.DailyFigures(ctx, engagement.Days(engagement.DayOf(noon, time.UTC)-20, engagement.DayOf(noon, time.UTC)))
		only(t, err, engagement.ErrCorrupt)
	})
}

func TestAConnectionThatTheServerHasEndedForIdlenessReachesNoCaller(t *testing.T) {
	t.Parallel()
	ctx, direct := context.Background(), onServer(t)
	const name = "idle_for_too_long"
	dsn := pgtest.WithParam(pgtest.WithParam(direct, "application_name", name), "idle_session_timeout", "100")
	// Whoever waits for a migration is idle for longer, and so may be who has connected
	// and gets no processor: Open does not try again.
	noError(t, engagement.Migrate(ctx, direct))
	db := openAt(t, dsn, newClock(noon).option())
	gone := func() bool {
		return pgtest.Exec(ctx, direct, "DO $$ BEGIN ASSERT NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name = '"+name+"'); END $$") == nil
	}
	for i := range 3 {
		for what, call := range map[string]func() error{
			"RecordFire": func() error {
				_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", i)})
				return err
			},
			"RecordFires": func() error {
				_, err := db.RecordFires(ctx, []engagement.Fire{{UserID: 2, SignalID: fmt.Sprint("S_", i)}})
				return err
			},
			"RealTimeStats": func() error { _, err := db.RealTimeStats(ctx); return err },
			"Horizon":       func() error { _, err := db.Horizon(ctx); return err },
			"View": func() error {
				return db.View(ctx, func(r *engagement.Reader) error { _, err := r.Horizon(ctx); return err })
			},
			"Tx": func() error {
				return db.Tx(ctx, func(tx *engagement.Tx) error { _, err := tx.UpdateUserPnL(ctx, 3, 1, true); return err })
			},
		} {
			waitUntil(t, gone)
			if err := call(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

// certificate makes one for a host, signed by nobody else, and writes it to a file.
func certificate(t testing.TB, host net.IP) (path string, cert, key []byte) {
	t.Helper()
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test"}, IPAddresses: []net.IP{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	made := must(x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private))(t)
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made})
	key = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: must(x509.MarshalECPrivateKey(private))(t)})
	path = filepath.Join(t.TempDir(), "root.crt")
	noError(t, os.WriteFile(path, cert, 0o600))
	return path, cert, key
}

// refusingPooler returns the URL of what refuses all connections as PgBouncer
// does, whatever the reason.
func refusingPooler(t testing.TB, reason string) string {
	t.Helper()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	t.Cleanup(func() { noError(t, listener.Close()) })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			backend := pgproto3.NewBackend(conn, conn)
			_, _ = backend.ReceiveStartupMessage()
			backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: reason})
			_ = backend.Flush()
			_ = conn.Close()
		}
	}()
	return "postgres://" + listener.Addr().String() + "/db?sslmode=disable"
}

func TestAnURLThatTheServerDoesNotFit(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	plain := pgtest.WithParam(onServer(t), "sslmode", "disable")
	server := ownServer(t)
	right, cert, key := certificate(t, net.IPv4(127, 0, 0, 1))
	other, _, _ := certificate(t, net.IPv4(127, 0, 0, 1))
	noError(t, server.UseTLS(ctx, cert, key))
	secure := pgtest.WithParam(server.URL(), "sslmode", "verify-full")
	with := func(dsn string, params ...string) string {
		for pair := range slices.Chunk(params, 2) {
			dsn = pgtest.WithParam(dsn, pair[0], pair[1])
		}
		return dsn
	}
	missing := filepath.Join(t.TempDir(), "none.crt")
	for _, tt := range []struct {
		name string
		dsn  string
		kind error // nil: it opens
		says []string
	}{
		{"a certificate that is trusted", with(secure, "sslrootcert", right), nil, nil},
		{"a certificate of somebody else", with(secure, "sslrootcert", other), engagement.ErrDenied, []string{"certificate"}},
		{"the same, whatever the host", with(secure, "sslmode", "verify-ca", "sslrootcert", other), engagement.ErrDenied, []string{"certificate"}},
		{"a certificate of another host", strings.Replace(with(secure, "sslrootcert", right), "127.0.0.1", "localhost", 1), engagement.ErrDenied, []string{"localhost"}},
		{"no TLS on the server", with(plain, "sslmode", "require"), engagement.ErrUnavailable, []string{"TLS"}},
		{"root certificates that are not there", with(secure, "sslrootcert", missing), engagement.ErrInvalid, []string{"sslrootcert", "no such file"}},
		{"root certificates that are none", with(secure, "sslrootcert", os.DevNull), engagement.ErrInvalid, []string{"sslrootcert"}},
		{"a certificate without its key", with(secure, "sslcert", right), engagement.ErrInvalid, []string{"both sslcert and sslkey"}},
		{"a certificate of ours that is not there", with(secure, "sslcert", missing, "sslkey", missing), engagement.ErrInvalid, []string{"no such file"}},
		{"no such sslmode", with(plain, "sslmode", "sometimes"), engagement.ErrInvalid, []string{"sslmode", "verify-full"}},
		{"a time limit that is none", with(plain, "connect_timeout", "soon"), engagement.ErrInvalid, []string{"connect_timeout", "seconds"}},
		{"no such way to run queries", with(plain, "default_query_exec_mode", "fast"), engagement.ErrInvalid, []string{"default_query_exec_mode", "simple_protocol"}},
		{"no such setting", with(plain, "colour", "red"), engagement.ErrInvalid, []string{`unrecognized configuration parameter "colour"`}},
		{"a setting with a wrong value", with(plain, "statement_timeout", "soon"), engagement.ErrInvalid, []string{"statement_timeout"}},
		{"no such service", with(plain, "service", "elsewhere"), engagement.ErrInvalid, []string{"dsn"}},
		{"a setting that a pooler does not take", with(refusingPooler(t, "unsupported startup parameter: search_path"), "search_path", "x"), engagement.ErrInvalid, []string{"unsupported startup parameter"}},
		{"a pooler that is full", refusingPooler(t, "no more connections allowed"), engagement.ErrUnavailable, []string{"no more connections allowed"}},
		{"a wrong port", with("postgres://127.0.0.1:99999/db"), engagement.ErrInvalid, []string{"dsn"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if os.Getenv(postgresURL) != "" && slices.Contains(tt.says, "TLS") {
				t.Skip("a server that is not the suite's own may have TLS")
			}
			if tt.kind == nil {
				openAt(t, tt.dsn)
				return
			}
			_, err := engagement.Open(ctx, tt.dsn)
			only(t, err, tt.kind)
			contains(t, err, tt.says...)
		})
	}
	t.Run("sessions that the server has ended, of which none can be told that it is over", func(t *testing.T) {
		t.Parallel()
		trusted := with(secure, "sslrootcert", right)
		db := must(engagement.Open(ctx, with(trusted, "application_name", "ended")))(t)
		fireOn(t, db, 1, time.Now())
		const sessions = "FROM pg_stat_activity WHERE application_name = 'ended'"
		noError(t, pgtest.Exec(ctx, trusted, "DO $$ BEGIN PERFORM pg_terminate_backend(pid) "+sessions+"; END $$"))
		waitUntil(t, func() bool {
			return pgtest.Exec(ctx, trusted, "DO $$ BEGIN ASSERT NOT EXISTS (SELECT 1 "+sessions+"); END $$") == nil
		})
		noError(t, db.Close())
	})
}

// When the server goes away while the facts of a refused batch are tried one by
// one, the first of them waits for it and the others do not, one after another.
func TestFactsTriedAloneDoNotWaitForAServerOneAfterAnother(t *testing.T) {
	t.Parallel()
	direct := onServer(t)
	proxy, dsn := proxied(t, direct)
	nobody := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	noError(t, nobody.Close())
	refused := handler(func(record slog.Record) {
		if strings.Contains(record.Message, "trying each alone") {
			proxy.Redirect(nobody.Addr().String())
		}
	})
	db := openAt(t, dsn, newClock(noon).option(), refused.option())
	fireOn(t, db, 1, noon)
	plainSQL(t, direct, `CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '23514'; END $$;
		CREATE TRIGGER refuse BEFORE INSERT ON signal_fires FOR EACH ROW WHEN (NEW.user_id = 7) EXECUTE FUNCTION refuse()`)
	release := hold(t, db)
	defer release()
	var calls []*call
	for user := range int64(1_024) {
		calls = append(calls, sendFire(context.Background(), db, engagement.Fire{UserID: user + 1, SignalID: "S"}))
	}
	waiting(t, db, int64(len(calls)))
	start := time.Now()
	release()
	for _, c := range calls {
		if _, err := c.wait(t); !errors.Is(err, engagement.ErrUnavailable) {
			t.Fatalf("got error %v, want ErrUnavailable", err)
		}
	}
	if took := time.Since(start); took > 15*time.Second+slack {
		t.Errorf("all of them waited %s, want some 10 seconds", took)
	}
}
