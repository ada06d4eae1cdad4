package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/hydraxdev/engagementdb/engagement"
)

// progressDelay is how long work lasts before a bar is worth its flicker.
const progressDelay = 500 * time.Millisecond

// progress returns what to report long work to, and what to call when it has
// ended. On a terminal there is a bar on stderr; elsewhere nothing is shown.
func (a *app) progress(cmd *cobra.Command) (report engagement.Progress, finish func()) {
	if !isTerminal(cmd.ErrOrStderr()) {
		return func(int64, int64) {}, func() {}
	}
	b := &progressBar{w: cmd.ErrOrStderr(), delay: progressDelay, start: time.Now()}
	return b.report, b.finish
}

// isTerminal reports whether stream, a reader or writer, is a person's screen.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// progressBar shows one bar after another: an operation that begins anew, such
// as counting after migrating, gets a new one.
type progressBar struct {
	w     io.Writer
	delay time.Duration
	start time.Time
	done  int64
	bar   *progressbar.ProgressBar
}

// Errors are ignored: a bar that cannot be drawn is no reason to stop the work.
func (b *progressBar) report(done, total int64) {
	if done < b.done {
		b.finish()
	}
	b.done = done
	if time.Since(b.start) < b.delay {
		return
	}
	if b.bar == nil {
		b.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(b.w),
			progressbar.OptionShowCount(),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
		)
	}
	if total != b.bar.GetMax64() {
		b.bar.ChangeMax64(total)
	}
	_ = b.bar.Set64(done)
}

// finish takes the bar off the screen.
func (b *progressBar) finish() {
	if b.bar != nil && !b.bar.IsFinished() {
		_ = b.bar.Clear()
	}
	b.bar = nil
}
