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

// Together returns n users whose facts share commits, user 1 first.
func (db *DB) Together(n int) (users []int64) {
	lane := func(user int64) uint64 { return laneOf(user, len(db.lanes)) }
	for user := int64(1); len(users) < n; user++ {
		if lane(user) == lane(1) {
			users = append(users, user)
		}
	}
	return users
}
