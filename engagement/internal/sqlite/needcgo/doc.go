// Package needcgo does not compile without cgo, and says why. Packages that import it
// are not compiled then, so this is the only error.
package needcgo
