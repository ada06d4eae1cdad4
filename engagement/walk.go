package engagement

import (
	"cmp"
	"fmt"
	"iter"
)

// walk yields the rows of a list in their order, size of them in memory at a time,
// and ends after an error. page reads the next size rows after one, or the first ones
// for nil; compare orders rows as the list does. A list that another program has
// damaged may be out of order. If a page does not end after the one before it, the
// error is ErrCorrupt, since going on might never end.
func walk[Row any](size int, compare func(a, b Row) int, page func(after *Row) ([]Row, error)) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var after *Row
		for {
			rows, err := page(after)
			if err == nil && after != nil && len(rows) > 0 && compare(rows[len(rows)-1], *after) <= 0 {
				err = fmt.Errorf("%w: %T %+v is listed out of order", ErrCorrupt, *after, rows[len(rows)-1])
			}
			if err != nil {
				yield(*new(Row), err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			if len(rows) < size {
				return
			}
			after = &rows[len(rows)-1]
		}
	}
}

// byUser hands out the rows of a list that is in the order of users, one user's rows
// at a time.
type byUser[Row any] struct {
	owner func(Row) int64
	pull  func() (Row, error, bool)
	// next is the row that was read last and not yet handed out.
	next  Row
	err   error
	valid bool
}

// rowsByUser returns the rows of a list by user. The caller calls stop when it
// wants no more of them.
func rowsByUser[Row any](list iter.Seq2[Row, error], owner func(Row) int64) (rows *byUser[Row], stop func()) {
	pull, stop := iter.Pull2(list)
	rows = &byUser[Row]{owner: owner, pull: pull}
	rows.advance()
	return rows, stop
}

func (b *byUser[Row]) advance() { b.next, b.err, b.valid = b.pull() }

// of returns a user's rows. Users must be asked for in ascending order.
func (b *byUser[Row]) of(user int64) (own []Row, err error) {
	for ; b.valid; b.advance() {
		switch {
		case b.err != nil:
			return nil, b.err
		case b.owner(b.next) > user:
			return own, nil
		case b.owner(b.next) == user:
			own = append(own, b.next)
		}
	}
	return own, nil
}

// compareKeys orders rows by a key of a user and a text.
func compareKeys(userA int64, textA string, userB int64, textB string) int {
	return cmp.Or(cmp.Compare(userA, userB), cmp.Compare(textA, textB))
}
