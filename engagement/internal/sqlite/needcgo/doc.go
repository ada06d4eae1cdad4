// Package needcgo does not compile without cgo, and says why. Who imports it is
// not compiled then either, and fails in no other words.
package needcgo
