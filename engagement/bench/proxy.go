package main

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxy is a longer way to a server: it passes connections on, delays what
// they carry, and counts round trips. The delay limits no throughput, since
// everything that was sent while something was on its way follows it closely.
type proxy struct {
	listener net.Listener
	target   string
	delay    time.Duration // each way
	turns    atomic.Int64
	running  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  []net.Conn
}

// startProxy listens on the loopback interface. The proxy must be closed.
func startProxy(target string, delay time.Duration) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: listener, target: target, delay: delay}
	p.running.Go(p.accept)
	return p, nil
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

// roundTrips returns how often a client has sent something after an answer, or
// at first: how often the way to the server and back was waited for.
func (p *proxy) roundTrips() int64 { return p.turns.Load() }

// close breaks all connections and waits until nothing runs any more.
func (p *proxy) close() error {
	p.mu.Lock()
	p.closed = true
	err := p.listener.Close()
	for _, conn := range p.conns {
		_ = conn.Close() // it may have ended by itself
	}
	p.mu.Unlock()
	p.running.Wait()
	return err
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close() // the client sees that there is no server
			continue
		}
		// Go's connections do not wait for more to send (TCP_NODELAY).
		if !p.keep(client, server) {
			return
		}
		var asked atomic.Bool // the client was the last to send
		p.pass(server, client, func() {
			if !asked.Swap(true) {
				p.turns.Add(1)
			}
		})
		p.pass(client, server, func() { asked.Store(false) })
	}
}

// keep remembers connections to close them, unless the proxy is closed.
func (p *proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		for _, conn := range conns {
			_ = conn.Close()
		}
		return false
	}
	p.conns = append(p.conns, conns...)
	return true
}

// chunk is some bytes on their way.
type chunk struct {
	bytes []byte
	due   time.Time
}

// pass carries what from sends to to, in the background, until either ends.
func (p *proxy) pass(to, from net.Conn, seen func()) {
	way := make(chan chunk, 4_096)
	p.running.Go(func() {
		defer close(way)
		for {
			buffer := make([]byte, 32<<10)
			n, err := from.Read(buffer)
			if n > 0 {
				seen()
				way <- chunk{buffer[:n], time.Now().Add(p.delay)}
			}
			if err != nil {
				return
			}
		}
	})
	p.running.Go(func() {
		err := p.deliver(to, way)
		if err != nil { // otherwise the other side may go on sending
			_ = from.Close()
		}
		_ = closeWriting(to)
		for range way { // until from's end is seen
		}
	})
}

func closeWriting(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return conn.Close()
}

// deliver writes each chunk when it is due.
func (p *proxy) deliver(to io.Writer, way <-chan chunk) (err error) {
	var pause pauser
	if p.delay > 0 {
		if pause, err = newPauser(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, pause.close()) }()
	}
	for c := range way {
		if wait := time.Until(c.due); wait > 0 {
			if err := pause.sleep(wait); err != nil {
				return err
			}
		}
		if _, err := to.Write(c.bytes); err != nil {
			return err
		}
	}
	return nil
}
