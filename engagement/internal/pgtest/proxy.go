package pgtest

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
)

// Proxy stands between a client and a server on a network that fails. It
// understands connections without TLS.
type Proxy struct {
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	moved  *sync.Cond // frozen or closed has changed
	target string
	frozen bool
	closed bool
	// cuts is how many more answers to COMMIT are lost with their connection.
	cuts  int
	done  int // how many were lost
	trips int
	conns map[net.Conn]bool
}

// NewProxy returns a running proxy for the server at the address target. It
// must be closed.
func NewProxy(target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: listener, target: target, conns: map[net.Conn]bool{}}
	p.moved = sync.NewCond(&p.mu)
	p.running.Go(p.accept)
	return p, nil
}

// URL returns dsn with the proxy in place of the server.
func (p *Proxy) URL(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		panic(err) // the DSN is a test's own
	}
	u.Host = p.listener.Addr().String()
	return WithParam(u.String(), "sslmode", "disable")
}

// Freeze stops forwarding, as a network does that loses every packet.
func (p *Proxy) Freeze() { p.change(func() { p.frozen = true }) }

// Thaw forwards again, what has been sent meanwhile first.
func (p *Proxy) Thaw() { p.change(func() { p.frozen = false }) }

// Redirect cuts all connections and forwards new ones to another server, as a
// failover does.
func (p *Proxy) Redirect(target string) {
	p.change(func() {
		p.target = target
		p.cutAll()
	})
}

// LoseCommits cuts the next n connections on which the server answers a COMMIT,
// before the answer arrives.
func (p *Proxy) LoseCommits(n int) { p.change(func() { p.cuts = n }) }

// Lost returns how many answers to COMMIT were lost.
func (p *Proxy) Lost() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// RoundTrips returns how often clients have sent something first, or after an
// answer: how often they have waited for the server.
func (p *Proxy) RoundTrips() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trips
}

// Close cuts all connections and stops.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.change(func() {
		p.closed = true
		p.cutAll()
	})
	p.running.Wait()
	return err
}

func (p *Proxy) change(how func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	how()
	p.moved.Broadcast()
}

func (p *Proxy) cutAll() {
	for conn := range p.conns {
		_ = conn.Close()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.running.Go(func() { p.serve(client) })
	}
}

// serve forwards a connection until either side closes it.
func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	if !p.keep(client) {
		return
	}
	defer p.forget(client)
	server, err := net.Dial("tcp", p.where())
	if err != nil {
		return
	}
	defer server.Close()
	if !p.keep(server) {
		return
	}
	defer p.forget(server)

	var both sync.WaitGroup
	var asked atomic.Bool // and no answer has come yet
	both.Go(func() {
		p.forward(client, server, func([]byte) bool {
			if !asked.Swap(true) {
				p.change(func() { p.trips++ })
			}
			return true
		})
		_ = server.Close()
	})
	both.Go(func() {
		p.forward(server, client, func(answer []byte) bool {
			asked.Store(false)
			return !bytes.Contains(answer, []byte("COMMIT\x00")) || !p.takeCut()
		})
		_ = client.Close()
	})
	both.Wait()
}

// forward copies until from ends or pass refuses.
func (p *Proxy) forward(from, to net.Conn, pass func([]byte) bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if !p.flowing() || err != nil || !pass(buffer[:n]) {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// flowing waits while the proxy is frozen and reports whether it still runs.
func (p *Proxy) flowing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.frozen && !p.closed {
		p.moved.Wait()
	}
	return !p.closed
}

func (p *Proxy) takeCut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cuts == 0 {
		return false
	}
	p.cuts--
	p.done++
	return true
}

func (p *Proxy) where() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.target
}

func (p *Proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[conn] = true
	return !p.closed
}

func (p *Proxy) forget(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}
