package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// echo is a server that sends back what it gets. It ends with the test.
func echo(t *testing.T) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// echoThrough returns a proxy before a server that echoes, and a connection
// through it.
func echoThrough(t *testing.T, delay time.Duration) (*proxy, *net.TCPConn) {
	t.Helper()
	p, err := startProxy(echo(t), delay)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", p.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		if err := p.close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Errorf("close: %v", err)
		}
	})
	return p, conn.(*net.TCPConn)
}

// ask sends a message and waits until all of it has come back.
func ask(t *testing.T, conn net.Conn, message []byte) (answer []byte) {
	t.Helper()
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(message)
		sent <- err
	}()
	answer = make([]byte, len(message))
	if _, err := io.ReadFull(conn, answer); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestProxyAddsItsDelayBothWays(t *testing.T) {
	const delay = 500 * time.Microsecond
	_, conn := echoThrough(t, delay)
	shortest := time.Hour
	for range 200 {
		start := time.Now()
		ask(t, conn, []byte("x"))
		shortest = min(shortest, time.Since(start))
	}
	// Sleeping to the millisecond would make it two.
	if shortest < 2*delay || shortest >= 4*delay {
		t.Errorf("the shortest round trip took %s, want little more than %s", shortest, 2*delay)
	}
}

func TestProxyKeepsBytesAndThroughput(t *testing.T) {
	const delay = 50 * time.Millisecond
	_, conn := echoThrough(t, delay)
	message := make([]byte, 16<<20)
	if _, err := rand.Read(message); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if answer := ask(t, conn, message); !bytes.Equal(answer, message) {
		t.Error("the bytes that came back are not those that were sent")
	}
	// A pause for each chunk would come to half a minute.
	if took := time.Since(start); took < 2*delay || took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestProxyCountsRoundTrips(t *testing.T) {
	p, conn := echoThrough(t, 0)
	for range 5 {
		ask(t, conn, []byte("a question"))
	}
	if got := p.roundTrips(); got != 5 {
		t.Errorf("%d round trips, want 5", got)
	}
	// The answer to the first half comes after the second half is sent.
	q, slow := echoThrough(t, 50*time.Millisecond)
	for range 2 {
		if _, err := slow.Write([]byte("half")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if _, err := io.ReadFull(slow, make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	if got := q.roundTrips(); got != 1 {
		t.Errorf("%d round trips for a question in two parts, want 1", got)
	}
}

func TestProxyPassesTheEndOn(t *testing.T) {
	_, conn := echoThrough(t, time.Millisecond)
	if _, err := conn.Write([]byte("the last")); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || string(answer) != "the last" {
		t.Errorf("got %q and %v, want the message and the end", answer, err)
	}
}

func TestClosingProxyEndsAll(t *testing.T) {
	p, conn := echoThrough(t, time.Millisecond)
	ask(t, conn, []byte("x"))
	closed := make(chan error, 1)
	go func() { closed <- p.close() }() // it waits for its goroutines
	select {
	case err := <-closed:
		if err != nil {
			t.Errorf("close: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("goroutines of a closed proxy go on")
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a connection through a closed proxy is open")
	}
	if _, err := net.Dial("tcp", p.addr()); err == nil {
		t.Error("a closed proxy takes connections")
	}
}
