package engagement

// What tests of the public API need to know of the inside.

// CopiedTables names the tables that CopyTo copies.
func CopiedTables() (names []string) {
	for _, t := range copyTables {
		names = append(names, t.name)
	}
	return names
}

// NotCopied are the tables that CopyTo leaves out, and why.
var NotCopied = notCopied
