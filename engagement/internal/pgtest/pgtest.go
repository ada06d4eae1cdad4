// Package pgtest starts throwaway PostgreSQL servers for tests and benchmarks.
package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// ErrNotInstalled says that the server's programs are not on this machine.
var ErrNotInstalled = errors.New("no PostgreSQL server is installed")

// Server is a running server of its own, with its data in a temporary folder.
type Server struct {
	bin      string
	dir      string
	port     int
	password string
	user     *account // nil: the user of this process
	// life is held open by this process: when it ends, however it ends, the
	// server is stopped and its data deleted.
	life  io.WriteCloser
	watch *exec.Cmd
}

// BinDir returns the folder of the server's programs, or ErrNotInstalled.
func BinDir() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // Debian's, which are not in PATH
	if err != nil {
		return "", err
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return "", err
		}
		found = append(found, path)
	}
	if len(found) == 0 {
		return "", ErrNotInstalled
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// Start starts a server with settings such as "fsync=off", with which its data is kept
// in memory where that can be. It must be stopped.
func Start(ctx context.Context, settings ...string) (_ *Server, err error) {
	s := &Server{password: rand.Text()}
	if s.bin, err = BinDir(); err != nil {
		return nil, err
	}
	if s.user, err = otherThanRoot(); err != nil {
		return nil, err
	}
	// Each schema of a test is some two hundred files, which are soon deleted again: on
	// a disk the file system alone took more time than the server.
	parent := ""
	if slices.Contains(settings, "fsync=off") {
		parent = memory()
		settings = append([]string{"max_wal_size=128MB"}, settings...)
	}
	if s.dir, err = temporary(parent, s.user); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(s.dir))
		}
	}()
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	if err := s.initialize(ctx); err != nil {
		return nil, err
	}
	if err := s.configure(settings); err != nil {
		return nil, err
	}
	return s, s.start(ctx)
}

// start starts the server, and a process that outlives this one for as long as
// it takes to stop the server.
func (s *Server) start(ctx context.Context) (err error) {
	if err := s.pgCtl(ctx, "start"); err != nil {
		return err
	}
	s.watch = exec.Command("sh", "-c", `cat >/dev/null; "$0" -D "$1/data" -m immediate stop; rm -rf "$1"`,
		filepath.Join(s.bin, "pg_ctl"), s.dir)
	s.watch.Dir = os.TempDir()
	s.watch.SysProcAttr = attributes(s.user, true)
	if s.life, err = s.watch.StdinPipe(); err != nil {
		return err
	}
	return s.watch.Start()
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) initialize(ctx context.Context) error {
	passwords := filepath.Join(s.dir, "password")
	if err := os.WriteFile(passwords, []byte(s.password), 0o644); err != nil {
		return err
	}
	args := []string{
		"-D", s.data(), "--username=engagement", "--pwfile=" + passwords, "--auth=scram-sha-256",
		"--encoding=UTF8", "--no-sync",
	}
	// A locale that sorts otherwise than by bytes, where the server knows one:
	// no figure may depend on it.
	if s.run(ctx, "initdb", append(slices.Clone(args), "--locale-provider=icu", "--icu-locale=en")...) == nil {
		return nil
	}
	if err := os.RemoveAll(s.data()); err != nil {
		return err
	}
	return s.run(ctx, "initdb", args...)
}

func (s *Server) configure(settings []string) error {
	file, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	settings = append([]string{
		"listen_addresses='127.0.0.1'", fmt.Sprintf("port=%d", s.port),
		fmt.Sprintf("unix_socket_directories='%s'", s.dir), "max_connections=300",
	}, settings...)
	_, err = file.WriteString("\n" + strings.Join(settings, "\n") + "\n")
	return errors.Join(err, file.Close())
}

// pgCtl runs pg_ctl and waits until it is done.
func (s *Server) pgCtl(ctx context.Context, args ...string) error {
	return s.run(ctx, "pg_ctl", append([]string{"-D", s.data(), "-w", "-l", filepath.Join(s.dir, "log")}, args...)...)
}

func (s *Server) run(ctx context.Context, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = attributes(s.user, false)
	// A file and not a pipe: the server keeps it open.
	out, err := os.CreateTemp(s.dir, program)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%s %s: %w: %s", program, args[len(args)-1], err, bytes.TrimSpace(said))
	}
	return nil
}

// URL returns the URL of the server's database, as its superuser. It asks for no
// encryption, which the server does not have: asking in vain takes a connection.
func (s *Server) URL() string {
	return (&url.URL{
		Scheme: "postgres", Host: s.Addr(), Path: "postgres", User: url.UserPassword("engagement", s.password),
		RawQuery: "sslmode=disable",
	}).String()
}

// Addr returns the host and port where the server listens.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Crash makes the server stop without finishing anything and start again.
func (s *Server) Crash(ctx context.Context) error { return s.Restart(ctx, "immediate") }

// Restart stops the server in one of pg_ctl's modes and starts it again.
func (s *Server) Restart(ctx context.Context, mode string) error {
	return s.pgCtl(ctx, "restart", "-m", mode)
}

// UseTLS makes the server offer TLS with a certificate and its key, both in PEM.
func (s *Server) UseTLS(ctx context.Context, certificate, key []byte) error {
	for name, content := range map[string][]byte{"server.crt": certificate, "server.key": key} {
		path := filepath.Join(s.data(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
		if err := give(path, s.user); err != nil {
			return err
		}
	}
	if err := s.configure([]string{"ssl=on"}); err != nil {
		return err
	}
	return s.pgCtl(ctx, "restart")
}

// Standby starts a second server, which follows the first one and takes no
// writes. It must be stopped.
func (s *Server) Standby(ctx context.Context) (_ *Server, err error) {
	standby := &Server{bin: s.bin, user: s.user, password: s.password}
	if standby.dir, err = temporary(filepath.Dir(s.dir), s.user); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(standby.dir))
		}
	}()
	if standby.port, err = freePort(); err != nil {
		return nil, err
	}
	err = standby.run(ctx, "pg_basebackup", "-D", standby.data(), "-R", "--checkpoint=fast", "--no-sync", "-d", s.URL())
	if err != nil {
		return nil, err
	}
	if err := standby.configure(nil); err != nil { // the last of each setting counts
		return nil, err
	}
	return standby, standby.start(ctx)
}

// Template is a schema that is made once and copied often.
type Template struct {
	server           *Server
	name, statements string
}

// Template returns what copies a schema that fill has filled.
func (s *Server) Template(ctx context.Context, fill func(schemaURL string) error) (*Template, error) {
	t := &Template{server: s}
	schemaURL, drop, err := makeSchema(ctx, s.URL(), func(name string) string {
		t.name = name
		return "CREATE SCHEMA " + name
	})
	if err != nil {
		return nil, err
	}
	if err := fill(schemaURL); err != nil {
		return nil, errors.Join(err, drop())
	}
	dump := exec.CommandContext(ctx, filepath.Join(s.bin, "pg_dump"), "--schema="+t.name, "--inserts", "-d", s.URL())
	out, err := dump.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("pg_dump: %w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	t.statements = psqlCommand.ReplaceAllString(string(out), "")
	return t, errors.Join(err, drop())
}

// NewSchema makes a schema like the template and returns a URL that opens it, and
// what drops it.
func (t *Template) NewSchema(ctx context.Context) (schemaURL string, drop func() error, err error) {
	return makeSchema(ctx, t.server.URL(), func(name string) string {
		return strings.ReplaceAll(t.statements, t.name, name)
	})
}

// psqlCommand matches a line that is for psql and no statement.
var psqlCommand = regexp.MustCompile(`(?m)^\\.*$`)

// Stop stops the server and deletes its data.
func (s *Server) Stop() error {
	return errors.Join(s.life.Close(), s.watch.Wait(), os.RemoveAll(s.dir))
}

// NewSchema makes an empty schema in the database at dsn and returns a URL that
// opens it, and what drops it.
func NewSchema(ctx context.Context, dsn string) (schemaURL string, drop func() error, err error) {
	return makeSchema(ctx, dsn, func(name string) string { return "CREATE SCHEMA " + name })
}

func makeSchema(ctx context.Context, dsn string, statements func(name string) string) (schemaURL string, drop func() error, err error) {
	name := "test_" + strings.ToLower(rand.Text())
	if err := Exec(ctx, dsn, statements(name)); err != nil {
		return "", nil, err
	}
	drop = func() error { return Exec(context.Background(), dsn, "DROP SCHEMA "+name+" CASCADE") }
	return WithParam(dsn, "search_path", name), drop, nil
}

// WithParam returns dsn with a parameter set.
func WithParam(dsn, name, value string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		panic(err) // the DSN is a test's own
	}
	query := u.Query()
	query.Set(name, value)
	u.RawQuery = query.Encode()
	return u.String()
}

// Exec runs statements on a connection of their own.
func Exec(ctx context.Context, dsn, statements string) (err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.Background())) }()
	_, err = conn.Exec(ctx, statements)
	return err
}

// AddrOf returns the host and port that dsn names.
func AddrOf(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		panic(err) // the DSN is a test's own
	}
	port := u.Port()
	if port == "" {
		port = "5432"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
