package engagement

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"iter"
	"math"
	"slices"
	"time"
)

// PageQuery says which page of a list to return. The zero value is the first
// page of DefaultLimit items.
type PageQuery struct {
	Limit int    `json:"limit,omitzero"` // how many items at most: 1 to MaxLimit; 0: DefaultLimit
	After Cursor `json:"after,omitzero"` // Next of the page before; "": from the beginning
}

// Page is one page of a list. See [All] for reading a whole list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  Cursor `json:"next,omitempty"` // where the next page begins; "" if and only if there is none
}

// Cursor is a place in a list, in text that may stand in a URL as it is. Treat it as
// opaque. It is good for the list that returned it, with the same filters, for as
// long as the database exists, whatever is recorded or deleted meanwhile. A damaged
// cursor, and one of another list or filter, is ErrInvalid.
type Cursor string

// All reads a whole list, page by page:
//
//	for user, err := range engagement.All(ctx, db.Users) { … }
//
// It calls list for every page; list may change the query's Limit. After an error it
// ends. Each page shows the moment in which it is read, unless list reads from one
// snapshot (see [DB.View]): an item that changes its place in the meantime may be
// read twice or not at all, any other is read once.
func All[T any](ctx context.Context, list func(context.Context, PageQuery) (Page[T], error)) iter.Seq2[T, error] {
	const limit = 1_000 // items in memory at a time
	return func(yield func(T, error) bool) {
		for q := (PageQuery{Limit: limit}); ; {
			page, err := list(ctx, q)
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			q.After = page.Next
		}
	}
}

// position is where an item stands in a list: the numbers and the text that the
// list is ordered by.
type position struct {
	numbers []int64
	text    string
}

// ascending orders positions by their numbers and then their text.
func ascending(a, b position) int {
	return cmp.Or(slices.Compare(a.numbers, b.numbers), cmp.Compare(a.text, b.text))
}

func descending(a, b position) int { return ascending(b, a) }

// highFirst orders positions by their first number, the highest first, and then as
// ascending does.
func highFirst(a, b position) int {
	return cmp.Or(cmp.Compare(b.numbers[0], a.numbers[0]), ascending(a, b))
}

// cursor encodes a position with a checksum of it and of the list's name.
func (p position) cursor(list string) Cursor {
	var key []byte
	for _, n := range p.numbers {
		key = binary.AppendVarint(key, n)
	}
	key = append(key, p.text...)
	sum := crc32.Update(crc32.ChecksumIEEE([]byte(list)), crc32.IEEETable, key)
	return Cursor(base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint32(nil, sum), key...)))
}

// maxCursorBytes is enough for ids that other programs stored, too: PostgreSQL
// indexes less than 3 KB.
const maxCursorBytes = 4_096

// position decodes a position of some numbers in a list.
func (c Cursor) position(list string, numbers int) (p position, err error) {
	if len(c) > maxCursorBytes {
		return p, invalid("cursor", string(c[:32])+"…", "it is too long")
	}
	key, _ := base64.RawURLEncoding.DecodeString(string(c))
	key = key[min(crc32.Size, len(key)):]
	for range numbers {
		n, size := binary.Varint(key)
		p.numbers, key = append(p.numbers, n), key[max(size, 0):]
	}
	p.text = string(key)
	// A text that this position does not encode to was never returned.
	if p.cursor(list) != c {
		return p, invalid("cursor", string(c), "it is damaged, or of a list with other filters")
	}
	return p, nil
}

// paging is a page to be read: at most limit items of a list, after a position.
type paging struct {
	list  string
	limit int64
	first bool // it is the first page: after is before all items
	after position
	order func(a, b position) int // in which the database lists the items; nil: they are sorted here
}

// of checks q for a list in an order, whose first page comes after the position top.
// A list's name has its filters in it: a cursor is good for one name.
func (q PageQuery) of(list string, top position, order func(a, b position) int) (p paging, err error) {
	p = paging{list: list, first: q.After == "", after: top, order: order}
	if p.limit, err = checkLimit(q.Limit); err == nil && !p.first {
		p.after, err = q.After.position(list, len(top.numbers))
	}
	return p, err
}

// rows is how many rows to ask for. The one more than the limit shows whether there
// is a next page.
func (p paging) rows() int64 { return p.limit + 1 }

// cut returns the rows that the page shows, and where the next page begins. A list
// that another program has damaged may be out of order. If a page does not end after
// the one before it, the error is ErrCorrupt, since paging on might never end.
func cut[T any](p paging, rows []T, at func(T) position) ([]T, Cursor, error) {
	if int64(len(rows)) < p.rows() {
		return rows, "", nil
	}
	rows = rows[:p.limit]
	last := at(rows[p.limit-1])
	if !p.first && p.order != nil && p.order(last, p.after) <= 0 {
		return nil, "", fmt.Errorf("%w: %T %+v is listed out of order", ErrCorrupt, rows[p.limit-1], rows[p.limit-1])
	}
	return rows, last.cursor(p.list), nil
}

// factPaging is a page of facts of some days, newest first.
type factPaging struct {
	paging
	days  daySpan
	since time.Time // when the first of the days begins
}

func (v *view) factPaging(q PageQuery, list string, days daySpan) (factPaging, error) {
	since, end := days.instants(v.loc)
	if end.Before(endOfTime) {
		end = end.Add(-time.Microsecond)
	}
	p, err := q.of(list, factPosition(end, math.MaxInt64, math.MaxInt64, ""), descending)
	return factPaging{p, days, since}, err
}

// factPosition is where a fact stands among others: by time and id. On PostgreSQL
// ids may repeat, so the key follows.
func factPosition(at time.Time, id, userID int64, key string) position {
	return position{[]int64{at.UnixMicro(), id, userID}, key}
}

// before returns the position of the fact that the page comes after.
func (p factPaging) before() (at time.Time, id, userID int64, key string) {
	microseconds := min(max(p.after.numbers[0], 0), endOfTime.UnixMicro()) // what can be stored
	return time.UnixMicro(microseconds).UTC(), p.after.numbers[1], p.after.numbers[2], p.after.text
}

// cutFacts is cut for facts. Queries have no lower bound of time, so facts before the
// days are cut off here. A fact that another program stored may have a day that does
// not fit its time; it is left out as well.
func cutFacts[T any](p factPaging, rows []T, at func(T) position, day func(T) int64) ([]T, Cursor, error) {
	if i := slices.IndexFunc(rows, func(row T) bool { return at(row).numbers[0] < p.since.UnixMicro() }); i >= 0 {
		rows = rows[:i]
	}
	rows, next, err := cut(p.paging, rows, at)
	return slices.DeleteFunc(rows, func(row T) bool { return !p.days.has(Day(day(row))) }), next, err
}
