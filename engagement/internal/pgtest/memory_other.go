//go:build !linux

package pgtest

// memory returns "": what is kept there goes to the folder of temporary files.
func memory() string { return "" }
