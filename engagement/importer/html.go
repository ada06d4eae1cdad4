package importer

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// mostSpan is how many columns one cell of a table may take up.
const mostSpan = 64

// mostCells is how many cells a row may have.
const mostCells = 1_024

// htmlRow is a row that is being read.
type htmlRow struct {
	row
	cell   strings.Builder
	span   int  // of the cell that is being read; 0: none is
	hidden bool // it is not shown
	bytes  int
}

// readHTML reads the rows of all tables of a page, one after the other, without
// keeping the page.
func readHTML(p *pass, t *table) error {
	text := p.in.text(p)
	z := html.NewTokenizer(text)
	z.SetMaxBuf(mostRow)
	var line int64 = 1
	var r htmlRow
	inTable, closed := false, false
	for {
		text.next()
		kind := z.Next()
		if kind == html.ErrorToken {
			switch err := z.Err(); {
			case errors.Is(err, io.EOF) && inTable && !closed:
				if err := t.release(); err != nil { // whose row has ended
					return err
				}
				t.short = line
				return t.finish(true)
			case errors.Is(err, io.EOF):
				return t.finish(false)
			case errors.Is(err, html.ErrBufferExceeded), errors.Is(err, errLongRow):
				return t.tooLong(line)
			default:
				return unreadableFile(err)
			}
		}
		newlines := int64(bytes.Count(z.Raw(), []byte{'\n'}))
		switch kind {
		case html.TextToken:
			if r.span > 0 {
				r.bytes += len(z.Raw())
				r.cell.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, hasAttr := z.TagName()
			switch atom.Lookup(name) {
			case atom.Table:
				inTable, closed = true, false
			case atom.Tr:
				r = htmlRow{row: row{line: line}}
			case atom.Td, atom.Th:
				r.end()
				r.begin(z, hasAttr)
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			switch atom.Lookup(name) {
			case atom.Td, atom.Th:
				r.end()
			case atom.Table:
				closed = true
			case atom.Tr:
				r.end()
				if err := t.row(r.row); err != nil {
					return err
				}
				r = htmlRow{}
			}
		}
		line += newlines
		if r.bytes > mostRow || len(r.cells) > mostCells {
			return t.tooLong(r.line)
		}
	}
}

// begin begins a cell.
func (r *htmlRow) begin(z *html.Tokenizer, hasAttr bool) {
	r.span, r.hidden = 1, false
	for hasAttr {
		var key, value []byte
		key, value, hasAttr = z.TagAttr()
		switch string(key) {
		case "colspan":
			if n, err := strconv.Atoi(string(value)); err == nil && n > 0 && n <= mostSpan {
				r.span = n
			}
		case "class":
			r.hidden = strings.Contains(" "+string(value)+" ", " hidden ")
		case "title":
			if r.comment == "" && len(r.cells) == 0 {
				r.comment = string(value)
			}
		}
	}
}

// end ends the cell that is being read. It takes up as many columns as it spans, so
// that what is below one another in the page has the same place.
func (r *htmlRow) end() {
	if r.span == 0 {
		return
	}
	text := strings.Join(strings.Fields(r.cell.String()), " ")
	r.cell.Reset()
	if r.hidden {
		if text != "" {
			r.comment = text
		}
	} else {
		r.cells = append(r.cells, text)
		r.cells = append(r.cells, make([]string, r.span-1)...)
	}
	r.span = 0
}
