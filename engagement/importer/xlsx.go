package importer

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"
)

const (
	mostXLSX     = 64 << 20  // as it is, for it is read into memory
	mostUnzipped = 512 << 20 // what is in it
	mostInMemory = 16 << 20  // of each of its tables; larger ones go to temporary files
)

// readXLSX reads the rows of all sheets of a spreadsheet, one after the other. A
// formula counts as what it came to when the file was saved; nothing is computed.
func readXLSX(p *pass, t *table) (err error) {
	if p.in.size > mostXLSX {
		return invalidFile("a spreadsheet may have %d bytes, this one has %d; export it as HTML or CSV", mostXLSX, p.in.size)
	}
	file, err := excelize.OpenReader(p.in.raw(p), excelize.Options{
		RawCellValue: true, UnzipSizeLimit: mostUnzipped, UnzipXMLSizeLimit: mostInMemory,
	})
	if err != nil {
		if isOurs(err) {
			return err
		}
		return invalidFile("it is no spreadsheet that can be read, or was cut off: %s", shortened(err.Error()))
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	t.serials = true
	for _, sheet := range file.GetSheetList() {
		if err := readSheet(p, t, file, sheet); err != nil {
			return err
		}
	}
	return t.finish(false)
}

func readSheet(p *pass, t *table, file *excelize.File, sheet string) error {
	rows, err := file.Rows(sheet)
	if err != nil {
		return nil // a sheet of drawings has none
	}
	defer rows.Close()
	for line := int64(1); rows.Next(); line++ {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		cells, err := rows.Columns(excelize.Options{RawCellValue: true})
		if err != nil {
			return unreadableFile(err)
		}
		if len(cells) > mostCells {
			return t.tooLong(line - 1)
		}
		if err := t.row(row{line: line, cells: trimmed(cells)}); err != nil {
			return err
		}
	}
	if err := rows.Error(); err != nil {
		return unreadableFile(err)
	}
	return nil
}

// spelledOut returns a time of a spreadsheet as text: there it may be the number of
// days since the end of 1899.
func spelledOut(text string) string {
	days, err := strconv.ParseFloat(text, 64)
	if err != nil || days < 20_000 || days > 80_000 {
		return text
	}
	seconds := math.Round(days * 24 * 3600)
	return time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).Add(time.Duration(seconds) * time.Second).Format("2006-01-02 15:04:05")
}
