package importer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/hydraxdev/engagementdb/engagement"
)

// kind is what a file is made of.
type kind int

const (
	isText kind = iota // of lines
	isHTML
	isJSON
	isSQLite
	isZip
)

// input is a file to be read, more than once if need be.
type input struct {
	file   *os.File
	path   string // where the file stands; "": it is a copy of ours
	size   int64
	kind   kind
	decode encoding.Encoding
}

// openInput finds out what a file is. One that is not a file on the disk, or that
// cannot be read from its beginning, is copied to one that is deleted with close.
func openInput(ctx context.Context, r io.Reader, most int64) (in *input, err error) {
	if most == 0 {
		most = DefaultMaxBytes
	}
	in = &input{}
	if file, isFile := r.(*os.File); isFile {
		if info, statErr := file.Stat(); statErr == nil && info.Mode().IsRegular() {
			in.file, in.path, in.size = file, file.Name(), info.Size()
		}
	}
	if in.file == nil {
		if in.file, err = os.CreateTemp("", "engagement-import-*"); err != nil {
			return nil, fmt.Errorf("%w: %w", engagement.ErrStorage, err)
		}
		if in.size, err = spool(ctx, in.file, r, most); err != nil {
			return nil, errors.Join(err, in.close())
		}
	}
	if in.size > most {
		return nil, errors.Join(errTooLong(most), in.close())
	}
	if err := in.recognize(); err != nil {
		return nil, errors.Join(err, in.close())
	}
	return in, nil
}

func errTooLong(most int64) error { return invalidFile("it has more than %d bytes", most) }

// spool copies a file.
func spool(ctx context.Context, to *os.File, from io.Reader, most int64) (size int64, err error) {
	for buffer := make([]byte, 256<<10); ; {
		n, readErr := from.Read(buffer)
		if size += int64(n); size > most {
			return size, errTooLong(most)
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return size, fmt.Errorf("%w: %w", engagement.ErrStorage, err)
		}
		switch {
		case ctx.Err() != nil:
			return size, ctx.Err()
		case readErr == io.EOF:
			return size, nil
		case errors.Is(readErr, io.ErrUnexpectedEOF):
			return size, invalidFile("it did not arrive whole")
		case readErr != nil:
			return size, fmt.Errorf("read the file: %w", readErr)
		}
	}
}

// close deletes what was copied. A file that the caller has opened stays open.
func (in *input) close() error {
	if in.path != "" {
		return nil
	}
	return errors.Join(in.file.Close(), os.Remove(in.file.Name()))
}

// raw returns the file from its beginning, which is read in a way of its own.
func (in *input) raw(p *pass) io.Reader {
	return &meter{r: io.NewSectionReader(in.file, 0, in.size), p: p}
}

// meter tells how much of a file is read, and ends when its context does.
type meter struct {
	r    io.Reader
	p    *pass
	done int64
}

func (m *meter) Read(b []byte) (int, error) {
	if err := m.p.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(b)
	m.done += int64(n)
	m.p.progress(m.done, m.p.in.size)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: read the file: %w", engagement.ErrStorage, err)
	}
	return n, err
}

// text returns the file as UTF-8, whatever its encoding.
func (in *input) text(p *pass) *bounded {
	return &bounded{r: bufio.NewReaderSize(transform.NewReader(in.raw(p), in.decode.NewDecoder()), 64<<10), left: mostRow}
}

// mostRow is how many bytes one row of a file has at most.
const mostRow = 1 << 20

// errLongRow ends the reading of a file with a row that would not fit into memory.
var errLongRow = errors.New("a row is too long")

// bounded reads until so many bytes have come without a call of next.
type bounded struct {
	r    io.Reader
	left int
	last byte // that was read
}

func (b *bounded) next() { b.left = mostRow }

func (b *bounded) Read(into []byte) (int, error) {
	if b.left <= 0 {
		return 0, errLongRow
	}
	n, err := b.r.Read(into[:min(len(into), b.left)])
	b.left -= n
	if n > 0 {
		b.last = into[n-1]
	}
	return n, err
}

var (
	sqliteMagic = []byte("SQLite format 3\x00")
	zipMagic    = []byte("PK\x03\x04")
	htmlCharset = regexp.MustCompile(`(?i)<meta[^>]{1,200}charset\s*=\s*["']?([a-z0-9_-]{1,40})`)
)

// recognize finds out from the beginning of a file what it is and how it is encoded.
func (in *input) recognize() error {
	head := make([]byte, min(in.size, 64<<10))
	if _, err := io.ReadFull(io.NewSectionReader(in.file, 0, in.size), head); err != nil && err != io.EOF {
		return fmt.Errorf("%w: read the file: %w", engagement.ErrStorage, err)
	}
	switch {
	case len(bytes.TrimSpace(head)) == 0:
		return invalidFile("it is empty")
	case bytes.HasPrefix(head, sqliteMagic):
		in.kind = isSQLite
		return nil
	case bytes.HasPrefix(head, zipMagic):
		in.kind = isZip
		return nil
	}
	in.decode = encodingOf(head)
	text, _, _ := transform.Bytes(in.decode.NewDecoder(), head) // a character that is cut off at the end does not matter
	if bytes.IndexByte(text, 0) >= 0 {
		return invalidFile("it is neither text nor a database or spreadsheet that is known")
	}
	switch begin := bytes.TrimLeft(text, " \t\r\n\ufeff"); {
	case len(begin) == 0:
	case begin[0] == '<':
		in.kind = isHTML
	case begin[0] == '{' || begin[0] == '[':
		in.kind = isJSON
	}
	return nil
}

// encodingOf guesses the encoding of a text by its beginning.
func encodingOf(head []byte) encoding.Encoding {
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case len(head) > 3 && head[0] != 0 && head[1] == 0 && head[3] == 0:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case len(head) > 3 && head[0] == 0 && head[1] != 0 && head[2] == 0:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	if valid := head[:len(head)-cutOff(head)]; utf8.Valid(valid) {
		return unicode.UTF8BOM
	}
	if m := htmlCharset.FindSubmatch(head[:min(len(head), 4<<10)]); m != nil {
		if named, err := htmlindex.Get(string(m[1])); err == nil {
			return named
		}
	}
	return charmap.Windows1252
}

// cutOff returns how many bytes at the end begin a character that is not whole.
func cutOff(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if begin := text[len(text)-n]; utf8.RuneStart(begin) {
			if begin >= utf8.RuneSelf && !utf8.FullRune(text[len(text)-n:]) {
				return n
			}
			break
		}
	}
	return 0
}
