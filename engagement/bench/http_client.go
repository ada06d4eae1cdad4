package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// askServer is the first argument of a process that asks a server: the second is a
// clientTask in JSON. It reads from stdin for how long to ask, again and again, and
// prints what came of it.
const askServer = "ask-server"

// clientTask is what a client asks, and whom.
type clientTask struct {
	Addr, Token string
	Connections int
	Path        string   // to get; "": post fires of the workload
	Users       workload // of these fires
	// Every is how often a connection asks; 0: as soon as it is answered.
	Every time.Duration
}

// clientAnswer is what asking for a while came to.
type clientAnswer struct {
	Requests int64
	Took     time.Duration
	Waits    waiting
	Failure  string
}

func runClient(text string, orders io.Reader, answers io.Writer) error {
	var task clientTask
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		return err
	}
	c := &client{task: task}
	defer c.close()
	decoder, encoder := json.NewDecoder(orders), json.NewEncoder(answers)
	for {
		var d time.Duration
		if err := decoder.Decode(&d); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		answer, err := c.ask(d)
		if err != nil {
			answer.Failure = err.Error()
		}
		if err := encoder.Encode(answer); err != nil {
			return err
		}
	}
}

// client keeps its connections.
type client struct {
	task  clientTask
	conns []*connection
	next  atomic.Int64
}

func (c *client) close() {
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// ask sends requests for about d on each connection, one after the other.
func (c *client) ask(d time.Duration) (answer clientAnswer, err error) {
	for len(c.conns) < c.task.Connections {
		conn, err := net.Dial("tcp", c.task.Addr)
		if err != nil {
			return answer, err
		}
		c.conns = append(c.conns, &connection{Conn: conn, in: bufio.NewReader(conn)})
	}
	waits, errs := make([][]time.Duration, len(c.conns)), make([]error, len(c.conns))
	start := time.Now()
	var group sync.WaitGroup
	for i, conn := range c.conns {
		first := start.Add(c.task.Every * time.Duration(i) / time.Duration(len(c.conns)))
		group.Go(func() { waits[i], errs[i] = c.askOn(conn, first, start.Add(d)) })
	}
	group.Wait()
	answer.Took = time.Since(start)
	var all []time.Duration
	for _, w := range waits {
		all = append(all, w...)
	}
	answer.Requests, answer.Waits = int64(len(all)), waitingOf(all)
	return answer, cmp.Or(errs...) // the others say the same
}

// askOn asks on one connection. If that is not free when it is time to ask, the wait
// for it counts too.
func (c *client) askOn(conn *connection, first, until time.Time) (waits []time.Duration, err error) {
	for next := first; ; next = next.Add(c.task.Every) {
		start := time.Now()
		if c.task.Every > 0 && start.Before(next) {
			time.Sleep(next.Sub(start))
			start = time.Now()
		} else if c.task.Every > 0 {
			start = next
		}
		if err := c.exchange(conn); err != nil {
			return waits, err
		}
		end := time.Now()
		waits = append(waits, end.Sub(start))
		if !end.Before(until) {
			return waits, nil
		}
	}
}

// exchange sends a request and reads its answer.
func (c *client) exchange(conn *connection) error {
	head := "Host: bench\r\nAuthorization: Bearer " + c.task.Token + "\r\n"
	want := "HTTP/1.1 200 "
	if c.task.Path != "" {
		conn.out = fmt.Appendf(conn.out[:0], "GET %s HTTP/1.1\r\n%s\r\n", c.task.Path, head)
	} else {
		f := c.task.Users.fireAt(int(c.next.Add(1)))
		conn.body = fmt.Appendf(conn.body[:0], `{"user_id":%d,"signal_id":%q,"executed":%t}`, f.user, f.signalID(), f.executed)
		conn.out = fmt.Appendf(conn.out[:0], "POST /v1/fires HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			head, len(conn.body), conn.body)
		want = "HTTP/1.1 201 "
	}
	if _, err := conn.Write(conn.out); err != nil {
		return err
	}
	return conn.read(want)
}

// connection is a connection with what is used again for each exchange.
type connection struct {
	net.Conn
	in        *bufio.Reader
	out, body []byte
}

// read reads an answer up to its end or, if it is a stream, its first line.
func (c *connection) read(want string) error {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, []byte(want)) {
		return errAnswer(string(bytes.TrimSpace(line)))
	}
	length := -1
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if length < 0 { // a stream, of which a line shows that it is open
		_, err = c.in.ReadSlice('\n')
		return err
	}
	_, err = c.in.Discard(length)
	return err
}
