package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// Pooler hands out sessions of a server for a transaction each, as PgBouncer does in
// transaction mode, and always the one that has waited longest: what a client left in
// a session, its next transaction does not find.
type Pooler struct {
	listener net.Listener
	running  sync.WaitGroup
	dsn      string
	free     chan *pgconn.PgConn
	size     int

	mu      sync.Mutex
	clients map[net.Conn]bool
	closed  bool
}

// NewPooler returns a running pooler of so many sessions, which are opened with all the
// parameters of dsn. It must be closed.
func NewPooler(ctx context.Context, dsn string, size int) (_ *Pooler, err error) {
	p := &Pooler{dsn: dsn, free: make(chan *pgconn.PgConn, size), size: size, clients: map[net.Conn]bool{}}
	for range size {
		session, err := p.connect(ctx)
		if err != nil {
			return nil, errors.Join(err, p.closeSessions())
		}
		p.free <- session
	}
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, errors.Join(err, p.closeSessions())
	}
	p.running.Go(func() {
		for {
			client, err := p.listener.Accept()
			if err != nil {
				return // closed
			}
			p.running.Go(func() { p.serve(client) })
		}
	})
	return p, nil
}

func (p *Pooler) connect(ctx context.Context) (*pgconn.PgConn, error) {
	conn, err := pgx.Connect(ctx, p.dsn)
	if err != nil {
		return nil, err
	}
	return conn.PgConn(), nil
}

// URL returns the URL of the pooler. It takes no parameters but those of the client.
func (p *Pooler) URL() string {
	u, err := url.Parse(p.dsn)
	if err != nil {
		panic(err) // the DSN is a test's own
	}
	u.Host, u.RawQuery = p.listener.Addr().String(), "sslmode=disable"
	return u.String()
}

// leftovers lists what outlives the transactions of a session.
const leftovers = `
	SELECT 'setting ' || name FROM pg_settings WHERE source = 'session'
	UNION ALL SELECT 'lock ' || objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
	UNION ALL SELECT 'statement ' || name FROM pg_prepared_statements
	UNION ALL SELECT 'cursor ' || name FROM pg_cursors WHERE is_holdable
	UNION ALL SELECT 'channel ' || pg_listening_channels()
	UNION ALL SELECT 'table ' || relname FROM pg_class WHERE relnamespace = pg_my_temp_schema()`

// Leftovers returns what clients have left in the sessions. It waits until all of them
// are free.
func (p *Pooler) Leftovers(ctx context.Context) (found []string, err error) {
	for range p.size {
		session := <-p.free
		defer func() { p.free <- session }()
		results, err := session.Exec(ctx, leftovers).ReadAll()
		if err != nil {
			return nil, err
		}
		for _, row := range results[0].Rows {
			found = append(found, string(row[0]))
		}
	}
	return found, nil
}

// Close cuts off all clients, closes the sessions and stops.
func (p *Pooler) Close() error {
	err := p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for client := range p.clients {
		_ = client.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
	return errors.Join(err, p.closeSessions())
}

func (p *Pooler) closeSessions() (err error) {
	close(p.free)
	for session := range p.free {
		err = errors.Join(err, session.Close(context.Background()))
	}
	return err
}

// serve runs a client's transactions until it leaves.
func (p *Pooler) serve(conn net.Conn) {
	defer conn.Close()
	p.mu.Lock()
	p.clients[conn] = true
	closed := p.closed
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.clients, conn)
	}()
	client := pgproto3.NewBackend(conn, conn)
	if closed || welcome(client) != nil {
		return
	}
	for {
		asked, err := client.Receive()
		if _, leaves := asked.(*pgproto3.Terminate); leaves || err != nil {
			return
		}
		session := <-p.free
		if err := transaction(client, session.Frontend(), asked); err != nil {
			_ = session.Close(context.Background()) // which undoes the transaction
			if session, err = p.connect(context.Background()); err != nil {
				return // and the pool is smaller
			}
			p.free <- session
			return
		}
		p.free <- session
	}
}

// welcome lets a client in that wants nothing of the session.
func welcome(client *pgproto3.Backend) error {
	first, err := client.ReceiveStartupMessage()
	if err != nil {
		return err
	}
	startup, ok := first.(*pgproto3.StartupMessage)
	if !ok {
		return fmt.Errorf("it wants %T", first) // such as to cancel something
	}
	for name := range startup.Parameters {
		if !slices.Contains([]string{"user", "database", "application_name"}, name) {
			client.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "unsupported startup parameter: " + name})
			return errors.Join(client.Flush(), errors.New("refused"))
		}
	}
	client.Send(&pgproto3.AuthenticationOk{})
	for name, value := range map[string]string{"client_encoding": "UTF8", "standard_conforming_strings": "on"} {
		client.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
	}
	client.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	return client.Flush()
}

// transaction forwards what a client asks, and the answers, until the session is in no
// transaction.
func transaction(client *pgproto3.Backend, session *pgproto3.Frontend, asked pgproto3.FrontendMessage) (err error) {
	for ; err == nil; asked, err = client.Receive() {
		session.Send(asked)
		switch asked.(type) {
		case *pgproto3.Terminate:
			return io.EOF
		case *pgproto3.Query, *pgproto3.Sync:
			if err := session.Flush(); err != nil {
				return err
			}
			if status, err := answer(client, session); err != nil || status == 'I' {
				return err
			}
		}
	}
	return err
}

// answer forwards the answers to what was asked.
func answer(client *pgproto3.Backend, session *pgproto3.Frontend) (status byte, err error) {
	for {
		message, err := session.Receive()
		if err != nil {
			return 0, err
		}
		client.Send(message)
		if ready, ok := message.(*pgproto3.ReadyForQuery); ok {
			return ready.TxStatus, client.Flush()
		}
	}
}
