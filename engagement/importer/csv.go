package importer

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// readCSV reads the rows of a text, whichever of comma, semicolon and tab is between
// their cells.
func readCSV(p *pass, t *table) error {
	comma, err := separatorOf(p)
	if err != nil {
		return err
	}
	text := p.in.text(p)
	reader := csv.NewReader(text)
	reader.Comma, reader.FieldsPerRecord, reader.LazyQuotes, reader.ReuseRecord = comma, -1, true, true
	for {
		text.next()
		cells, err := reader.Read()
		line := lineOf(reader, cells)
		switch {
		case errors.Is(err, io.EOF):
			return t.finish(text.last != '\n' && text.last != '\r')
		case errors.Is(err, errLongRow):
			return t.tooLong(line)
		case err != nil:
			return unreadableFile(err)
		}
		if err := t.row(row{line: line, cells: trimmed(cells)}); err != nil {
			return err
		}
	}
}

func lineOf(reader *csv.Reader, cells []string) int64 {
	if len(cells) == 0 {
		return 0
	}
	line, _ := reader.FieldPos(0)
	return int64(line)
}

// tooLong ends the reading of a table at a row that would not fit into memory.
func (t *table) tooLong(line int64) error {
	if err := t.release(); err != nil {
		return err
	}
	return errTooLongRow(line)
}

func errTooLongRow(line int64) error {
	if line > 0 {
		return invalidFile("the row after line %d has more than %d bytes; what stands before it was read", line, mostRow)
	}
	return invalidFile("it has a row of more than %d bytes; what stands before it was read", mostRow)
}

// unreadableFile passes on what is about the disk or the caller's context, and refuses
// a file for all else.
func unreadableFile(err error) error {
	if isOurs(err) {
		return err
	}
	return invalidFile("it cannot be read: %s", shortened(err.Error()))
}

// separatorOf returns the sign that makes most cells of one of the first lines.
func separatorOf(p *pass) (rune, error) {
	text := p.in.text(p)
	lines := bufio.NewReader(io.LimitReader(text, 64<<10))
	best, most := ',', 0
	for range 200 {
		line, err := lines.ReadString('\n')
		for _, separator := range []rune{',', ';', '\t'} {
			if n := strings.Count(line, string(separator)); n > most {
				best, most = separator, n
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				break
			}
			return 0, err
		}
	}
	return best, nil
}
