package engagement

import "time"

// WithRetries sets how long an operation is tried again, which takes tests too long.
func WithRetries(d time.Duration) Option {
	return func(o *options) error { o.tryFor = d; return nil }
}
