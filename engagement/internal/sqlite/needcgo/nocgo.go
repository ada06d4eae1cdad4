//go:build !cgo

package needcgo

// The compiler shows the text, if it is no longer than this.
const _ int = "engagementdb needs cgo for SQLite: install gcc, set CGO_ENABLED=1"
