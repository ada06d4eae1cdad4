// Package browsertest looks at the server's page as people do: with a browser, on the
// made-up community that engagement demo --serve serves.
package browsertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// ErrNoBrowser is what Open fails with where no browser is installed.
var ErrNoBrowser = errors.New("no browser is installed: want chromium-headless-shell, chromium or google-chrome")

// Browser is a browser without a window.
type Browser struct {
	ctx   context.Context
	close func()
}

// Open starts a browser that is installed.
func Open(ctx context.Context) (*Browser, error) {
	for _, name := range []string{"chromium-headless-shell", "chromium", "google-chrome"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		// Containers often lack what a sandbox needs; it sees nothing but our own page.
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)
		allocated, stop := chromedp.NewExecAllocator(ctx, options...)
		ctx, cancel := chromedp.NewContext(allocated)
		if err := chromedp.Do(ctx); err != nil {
			cancel()
			stop()
			return nil, fmt.Errorf("start %s: %w", path, err)
		}
		return &Browser{ctx, func() { cancel(); stop() }}, nil
	}
	return nil, ErrNoBrowser
}

// Close ends the browser.
func (b *Browser) Close() { b.close() }

// Tab is a page in a browser, which shares no cookie with others.
type Tab struct {
	Context context.Context // of what chromedp does in it
	close   func()

	mu    sync.Mutex
	wrong []string
}

// Phone is how wide a phone's screen is.
const Phone = 390

// Tab opens a tab of a width. limit is how long all that is done in it may take.
func (b *Browser) Tab(width int64, limit time.Duration) (*Tab, error) {
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	timed, stop := context.WithTimeout(ctx, limit)
	t := &Tab{Context: timed, close: func() { stop(); cancel() }}
	if err := errors.Join(chromedp.Do(timed, Screen(width)), chromedp.Listen(timed, t.listen)); err != nil {
		t.close()
		return nil, fmt.Errorf("open a tab: %w", err)
	}
	return t, nil
}

// listen keeps what the browser and scripts complain of, such as that the page's policy
// forbids something.
func (t *Tab) listen(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		t.wrong = append(t.wrong, e.ExceptionDetails.Text+" "+e.ExceptionDetails.Exception.Description)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			t.wrong = append(t.wrong, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// Wrong returns what the browser and scripts have complained of since it was last asked.
func (t *Tab) Wrong() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	wrong := t.wrong
	t.wrong = nil
	return wrong
}

// Close closes the tab.
func (t *Tab) Close() { t.close() }

// Do does something in the tab.
func (t *Tab) Do(actions ...chromedp.Action[chromedp.Void]) error {
	return chromedp.Do(t.Context, actions...)
}

// Dark has pages shown to those who like them dark, or light.
func Dark(dark bool) chromedp.Action[chromedp.Void] {
	scheme := map[bool]string{true: "dark", false: "light"}[dark]
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return chromedp.Void{}, err
	}
}

// Screen gives the tab a width.
func Screen(width int64) chromedp.Action[chromedp.Void] {
	if width == Phone {
		return chromedp.EmulateViewport(width, 844, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
	}
	return chromedp.EmulateViewport(width, 900)
}

// Follow goes where the first link leads that a selector finds.
func Follow(selector string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		to, err := chromedp.Evaluate[string](fmt.Sprintf("document.querySelector(%q).href", selector))(ctx, t)
		if err != nil {
			return chromedp.Void{}, fmt.Errorf("find %s: %w", selector, err)
		}
		return chromedp.Navigate(to)(ctx, t)
	}
}

// Demo is a made-up community that is being served.
type Demo struct {
	URL   string `json:"url"`
	Login string `json:"login"` // a link that logs in once
	Token string `json:"token"` // with the scope admin

	cmd *exec.Cmd
}

// Serve builds the command of the repository at root in folder and has it serve a demo.
func Serve(ctx context.Context, root, folder string) (*Demo, error) {
	binary := filepath.Join(folder, "engagement")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./engagement/cmd/engagement")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the command: %w\n%s", err, out)
	}
	d := &Demo{cmd: exec.CommandContext(ctx, binary, "demo", "--serve", "--json", "--addr", "127.0.0.1:0")}
	d.cmd.Stderr = os.Stderr
	d.cmd.Cancel = func() error { return d.cmd.Process.Signal(os.Interrupt) }
	d.cmd.WaitDelay = 20 * time.Second
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(out).Decode(d); err != nil {
		return nil, errors.Join(fmt.Errorf("the demo does not say where it is: %w", err), d.Close())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // until it ends
	return d, nil
}

// Close ends the demo, which deletes its database.
func (d *Demo) Close() error {
	return errors.Join(d.cmd.Cancel(), d.cmd.Wait())
}
