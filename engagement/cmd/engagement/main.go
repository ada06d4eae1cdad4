// Command engagement works with an engagement database from the shell.
package main

import _ "github.com/spf13/cobra"

func main() {}
