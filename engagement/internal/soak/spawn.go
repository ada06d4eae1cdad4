package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// fault is what the interposer does to a child; see interpose.c.
type fault struct {
	dir    string // whose files are concerned
	kinds  string // the calls that count, of: o r w t s u
	killAt int    // the call in which the child is killed; 0: none
	failAt int    // the first call that fails; 0: none
	// failFor is how many calls fail from there on, and errno how.
	failFor, errno int
	half           bool // a write that fails or dies has written its first half
	log            bool // calls are recorded
}

func (f *fault) environment(library string) []string {
	flag := map[bool]int{true: 1}
	return []string{
		"LD_PRELOAD=" + library, "SOAK_DIR=" + f.dir, "SOAK_KINDS=" + f.kinds,
		fmt.Sprint("SOAK_KILL_AT=", f.killAt), fmt.Sprint("SOAK_FAIL_AT=", f.failAt), fmt.Sprint("SOAK_FAIL_FOR=", f.failFor),
		fmt.Sprint("SOAK_ERRNO=", f.errno), fmt.Sprint("SOAK_HALF=", flag[f.half]), fmt.Sprint("SOAK_LOG=", flag[f.log]),
	}
}

func (f *fault) String() string {
	return fmt.Sprintf("calls of %q: killed at %d, failing from %d for %d with %v, half %v", f.kinds, f.killAt, f.failAt, f.failFor, syscall.Errno(f.errno), f.half)
}

// childRun is how a child runs.
type childRun struct {
	orders
	ledger *ledger
	fault  *fault // nil: nothing is interposed
	// killAfter is how long the child lives from its first record on; 0: until it
	// ends.
	killAfter time.Duration
	// log is where its records go; "": to this process, while it runs.
	log string
}

// said is what a child told beside what went to the ledger.
type said struct {
	complaints []complaint
	faults     int
	killed     bool
}

// childWithin is how long a child may take that nobody kills.
const childWithin = 3 * time.Minute

// runChild runs a child to its end. It fails if the child ends otherwise than it
// should: by a panic, a signal that nobody sent, or not at all.
func (s *soak) runChild(ctx context.Context, r childRun) (*said, error) {
	cmd, stderr, err := s.command(r)
	if err != nil {
		return nil, err
	}
	records, err := r.start(cmd)
	if err != nil {
		return nil, err
	}
	tooLong := time.AfterFunc(childWithin, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) }) // which prints where it hangs
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	what := &said{}
	var heard error
	if records != nil {
		heard = errors.Join(r.listen(records, what, func() { _ = cmd.Process.Kill() }), records.Close())
	}
	err = cmd.Wait()
	if !tooLong.Stop() {
		return what, fmt.Errorf("the child did not end within %s: %s", childWithin, tail(stderr.String(), 6000))
	}
	mayBeKilled := r.killAfter > 0 || (r.fault != nil && r.fault.killAt > 0)
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL && mayBeKilled {
		what.killed = true
	} else if err != nil {
		err = fmt.Errorf("the child: %w: %s", err, tail(stderr.String(), 6000))
		return what, errors.Join(err, heard, ctx.Err())
	}
	return what, errors.Join(heard, ctx.Err())
}

// command returns the command of a child, and where its errors go.
func (s *soak) command(r childRun) (*exec.Cmd, *bytes.Buffer, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	text, err := json.Marshal(r.orders)
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), ordersVariable+"="+string(text), "GOTRACEBACK=all")
	if r.fault != nil {
		cmd.Env = append(cmd.Env, r.fault.environment(s.interposer)...)
	}
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr
	return cmd, stderr, nil
}

// start starts a child and returns its records, nil if they go to a log.
func (r childRun) start(cmd *exec.Cmd) (records *os.File, err error) {
	var end *os.File
	if r.log != "" {
		end, err = os.OpenFile(r.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	} else {
		records, end, err = os.Pipe()
	}
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{end}
	return records, errors.Join(cmd.Start(), end.Close())
}

// listen takes the records of a child until its end, and has it killed when its
// time has come.
func (r childRun) listen(records io.Reader, what *said, kill func()) error {
	begun := false
	return readRecords(records, func(rec record) error {
		if !begun && r.killAfter > 0 {
			time.AfterFunc(r.killAfter, kill)
		}
		begun = true
		return what.hear(rec, r.ledger)
	})
}

// tail returns the end of a text.
func tail(text string, length int) string {
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-length):]
}

// hear takes what a record says.
func (s *said) hear(r record, l *ledger) error {
	switch r.kind {
	case saysBegin:
		l.begin(string(r.data))
	case saysDone:
		l.end(string(r.data))
	case saysError:
		var c complaint
		if err := json.Unmarshal(r.data, &c); err != nil {
			return err
		}
		s.complaints = append(s.complaints, c)
	case 'f':
		s.faults++
	}
	return nil
}

// record is one of a child or of its interposer.
type record struct {
	kind   byte
	file   uint32
	offset int64
	data   []byte
}

const headBytes = 24

// readRecords calls take for each record until the end. A child that is killed
// leaves whole records only.
func readRecords(from io.Reader, take func(record) error) error {
	head := make([]byte, headBytes)
	for {
		if _, err := io.ReadFull(from, head); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the records: %w", err)
		}
		r := record{
			kind: head[0], file: binary.LittleEndian.Uint32(head[4:]), offset: int64(binary.LittleEndian.Uint64(head[8:])),
			data: make([]byte, binary.LittleEndian.Uint64(head[16:])),
		}
		if _, err := io.ReadFull(from, r.data); err != nil {
			return fmt.Errorf("read the records: %w", err)
		}
		if err := take(r); err != nil {
			return err
		}
	}
}
