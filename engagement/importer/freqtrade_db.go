package importer

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mattn/go-sqlite3"

	"github.com/hydraxdev/engagementdb/engagement"
)

// freqtradeColumns are the columns that are read from freqtrade's table trades. A table
// must have them all, except those with an older name: a column that older versions of
// freqtrade called differently, or did not have at all.
var freqtradeColumns = []struct{ name, olderName string }{
	{name: "id"},
	{name: "exchange"},
	{name: "pair"},
	{name: "is_open"},
	{name: "open_date"},
	{name: "close_date"},
	{name: "close_profit_abs"},
	{name: "enter_tag", olderName: "buy_tag"},
}

// readFreqtradeDB reads the closed trades from freqtrade's database, and counts the open
// ones as left out. It does not change the database.
func readFreqtradeDB(p *pass) (err error) {
	if err := p.checkFreqtrade(); err != nil {
		return err
	}
	dsn, done, err := readOnlyDSN(p.in)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	db, err := sql.Open("sqlite3", dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if err := readTrades(p, db); err != nil {
		if errors.Is(err, engagement.ErrInvalid) || isOurs(err) {
			return err
		}
		return databaseError(p.ctx, err)
	}
	return nil
}

// databaseError turns an error of SQLite into ErrBusy, ErrDenied or ErrStorage if the file
// could not be read, and into ErrInvalid if it was read and makes no sense.
func databaseError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if failed, ok := errors.AsType[sqlite3.Error](err); ok {
		switch failed.Code {
		case sqlite3.ErrBusy, sqlite3.ErrLocked:
			return fmt.Errorf("%w: read the database: %w", engagement.ErrBusy, err)
		case sqlite3.ErrPerm, sqlite3.ErrCantOpen, sqlite3.ErrAuth:
			return fmt.Errorf("%w: read the database: %w", engagement.ErrDenied, err)
		case sqlite3.ErrIoErr, sqlite3.ErrFull, sqlite3.ErrNomem:
			return fmt.Errorf("%w: read the database: %w", engagement.ErrStorage, err)
		}
	}
	return invalidFile("its database cannot be read, or was cut off: %s", shortened(err.Error()))
}

// readTrades reads the rows of the table trades in the order of their ids. Its SQL stands
// here and not in queries/, because the table is freqtrade's and differs by its version.
func readTrades(p *pass, db *sql.DB) error {
	known, err := columnsOf(p.ctx, db)
	if err != nil {
		return err
	}
	if len(known) == 0 {
		return invalidFile("its database has no table of trades as %s has it", platforms[Freqtrade])
	}
	columns := make([]string, len(freqtradeColumns))
	for i, column := range freqtradeColumns {
		switch {
		case slices.Contains(known, column.name):
			columns[i] = "CAST(" + column.name + " AS TEXT)"
		case column.olderName != "" && slices.Contains(known, column.olderName):
			columns[i] = "CAST(" + column.olderName + " AS TEXT)"
		case column.olderName != "":
			columns[i] = "NULL"
		default:
			return invalidFile("its table trades has no column %s, as %s has it", column.name, platforms[Freqtrade])
		}
	}
	var total, done int64
	if err := db.QueryRowContext(p.ctx, "SELECT COUNT(*) FROM trades").Scan(&total); err != nil {
		return err
	}
	rows, err := db.QueryContext(p.ctx, "SELECT "+strings.Join(columns, ", ")+" FROM trades ORDER BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text [8]sql.NullString
		if err := rows.Scan(&text[0], &text[1], &text[2], &text[3], &text[4], &text[5], &text[6], &text[7]); err != nil {
			return err
		}
		done++
		p.progress(done, total)
		if text[3].String != "0" {
			p.leaveOut("open")
			continue
		}
		r := freqtradeRow{id: text[0].String, exchange: text[1].String, pair: text[2].String, opened: text[4].String,
			closed: text[5].String, profit: text[6].String, tag: text[7].String}
		r.line, _ = strconv.ParseInt(r.id, 10, 64) // a summary names a row by its id; 0 if that is no number
		if err := p.addFreqtrade(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// columnsOf returns the names of the columns of the table trades, none if there is no such
// table.
func columnsOf(ctx context.Context, db *sql.DB) (names []string, err error) {
	rows, err := db.QueryContext(ctx, "SELECT name FROM pragma_table_info('trades')")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// readOnlyDSN returns the DSN with which SQLite reads a database without changing it or
// making files beside it. done removes what was made for that elsewhere.
//
// How depends on the write-ahead log (-wal) and its shared index (-shm), which SQLite
// keeps beside a database in WAL mode (https://sqlite.org/wal.html):
//
//   - With both, a bot is using the database or was killed. SQLite reads them as they are.
//   - With a log alone, nobody is using the database, but SQLite would have to make the
//     index to read the log. It does so beside a copy in a temporary folder.
//   - With neither, nobody is using the database, and SQLite would make both. It is told
//     that the file does not change (immutable), and makes none.
//   - A database in another mode has no log. SQLite locks it while it reads.
func readOnlyDSN(in *input) (dsn string, done func() error, err error) {
	nothing := func() error { return nil }
	path := in.path
	if path == "" {
		path = in.file.Name()
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", nothing, err
	}
	mode, err := journalMode(in.file)
	if err != nil {
		return "", nothing, err
	}
	query := "mode=ro"
	if mode == inWAL {
		wal, index := isFilled(path+"-wal"), exists(path+"-shm")
		switch {
		case wal && !index:
			dir, copied, err := copyWithLog(path)
			if err != nil {
				return "", nothing, err
			}
			return dsnOf(copied, "mode=rw"), func() error { return os.RemoveAll(dir) }, nil
		case !index:
			query = "immutable=1"
		}
	}
	return dsnOf(path, query), nothing, nil
}

// inWAL is the version of the file format that stands for WAL mode.
const inWAL = 2

// journalMode returns the version of the file format that a database is written in, from
// its header (https://sqlite.org/fileformat.html#file_format_version_numbers).
func journalMode(file *os.File) (byte, error) {
	head := make([]byte, 100)
	if _, err := file.ReadAt(head, 0); err != nil {
		return 0, invalidFile("its database was cut off")
	}
	if !bytes.HasPrefix(head, sqliteMagic) {
		return 0, invalidFile("it changed while it was read")
	}
	return head[18], nil
}

// exists reports whether there is a file.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// isFilled reports whether there is a file that is not empty.
func isFilled(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

// dsnOf returns the URI that SQLite opens a path by, without the right to write.
func dsnOf(path, query string) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query + "&_query_only=1"}
	if !strings.HasPrefix(u.Path, "/") { // a drive of Windows
		u.Path = "/" + u.Path
	}
	return u.String()
}

// copyWithLog copies a database and its log into a new temporary folder, which the caller
// removes. It returns the folder and the copy in it.
func copyWithLog(path string) (dir, copied string, err error) {
	if dir, err = os.MkdirTemp("", "engagement-import-*"); err != nil {
		return "", "", fmt.Errorf("%w: %w", engagement.ErrStorage, err)
	}
	copied = filepath.Join(dir, "trades.sqlite")
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(path+suffix, copied+suffix); err != nil {
			return "", "", errors.Join(fmt.Errorf("%w: %w", engagement.ErrStorage, err), os.RemoveAll(dir))
		}
	}
	return dir, copied, nil
}

func copyFile(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	_, err = io.Copy(target, source)
	return err
}
