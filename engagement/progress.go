package engagement

import "context"

// Progress is told how much of a long operation is done.
type Progress func(done, total int64)

type progressKey struct{}

// ContextWithProgress returns a context with which Open, Cleanup, Verify, Rebuild,
// SetStreakRules, CopyTo and WriteUserExport call report with how far they are, if
// they take long. They call it in the goroutine of their caller.
func ContextWithProgress(ctx context.Context, report Progress) context.Context {
	return context.WithValue(ctx, progressKey{}, report)
}

type progress struct {
	done, total int64
	report      Progress
}

func progressOf(ctx context.Context, total int64) *progress {
	report, _ := ctx.Value(progressKey{}).(Progress)
	return &progress{total: total, report: report}
}

func (p *progress) add(n int) {
	p.done += int64(n)
	if p.report != nil {
		p.report(p.done, max(p.done, p.total))
	}
}
