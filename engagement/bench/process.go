package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
)

// process is another program that takes orders in JSON and answers each.
type process struct {
	cmd     *exec.Cmd
	orders  io.WriteCloser
	answers *json.Decoder
}

func startProcess(program string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(program, args...)}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.orders, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.answers = json.NewDecoder(out)
	return p, p.cmd.Start()
}

// startSelf starts this program once more.
func startSelf(args ...string) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return startProcess(program, args...)
}

func (p *process) ask(order, answer any) error {
	if err := json.NewEncoder(p.orders).Encode(order); err != nil {
		return err
	}
	return p.answers.Decode(answer)
}

// close lets the process end, and waits for it.
func (p *process) close() error {
	return errors.Join(p.orders.Close(), p.cmd.Wait())
}
