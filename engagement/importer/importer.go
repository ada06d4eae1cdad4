package importer

import (
	"context"
	"errors"
	"io"

	"github.com/hydraxdev/engagementdb/engagement"
)

// Import reads a file and records its trades. Trades have keys, so a file may be
// imported again: what is stored already is a duplicate and changes nothing.
//
// Each thousand trades, with their fires, are one transaction. If Import is interrupted
// or fails, what was recorded before stays, and importing the file again goes on. With
// [Options.Strict] the file is read twice, and nothing is recorded unless all of it can
// be.
//
// A row that cannot be read, or is in conflict with what is stored, stops nothing: the
// summary has it. ErrInvalid, an [engagement.InvalidError] with field and reason, refuses
// the file as a whole, which is then no export that is known, was cut off or is too
// long, or a setting: the account, the time zone or the user where the file does not
// name them, which is noticed before anything is recorded. The summary that comes
// with an error says what was recorded before it.
//
// Import keeps at most a chunk of trades in memory, and of an XLSX its texts. An
// [os.File] of the disk is read in place, anything else is copied to a temporary file
// first. A database of freqtrade is opened for reading and not changed; if it is in use
// it must be given as an os.File, so that what is beside it is read too.
func Import(ctx context.Context, db *engagement.DB, r io.Reader, o Options) (report Summary, err error) {
	if err := o.check(); err != nil {
		return Summary{}, err
	}
	in, err := openInput(ctx, r, o.MaxBytes)
	if err != nil {
		return Summary{}, err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	if o.Strict {
		report, err := read(ctx, db, in, o, true)
		if err == nil {
			err = strictly(report)
		}
		if err != nil || o.DryRun {
			return report, err
		}
	}
	return read(ctx, db, in, o, o.DryRun)
}

// strictly refuses a file of which not all can be recorded.
func strictly(r Summary) error {
	failed := int64(len(r.Problems)) + r.MoreProblems
	if failed == 0 {
		return nil
	}
	first := r.Problems[0]
	return invalidFile("%d of its rows cannot be recorded, the first in line %d: %s; nothing was recorded", failed, first.Line, first.Reason)
}

// read reads a file once.
func read(ctx context.Context, db *engagement.DB, in *input, o Options, dry bool) (Summary, error) {
	zone, err := parseZone(o.TimeZone)
	if err != nil {
		return Summary{}, err
	}
	p := &pass{ctx: ctx, db: db, o: o, in: in, zone: zone, dry: dry, report: Summary{
		Format: o.Format, DryRun: dry, LeftOut: []LeftOut{}, Totals: []Total{}, Problems: []RowProblem{},
	}}
	if o.Fires {
		p.report.Fires = &FireCounts{}
	}
	err = p.read()
	if flushErr := p.flushAfter(err); err == nil || isOurs(flushErr) {
		err = flushErr
	}
	p.report.PnL = p.sum.units()
	return p.report, err
}

// flushAfter records what was read before a file turned out to be cut off.
func (p *pass) flushAfter(err error) error {
	if err != nil && !errors.Is(err, engagement.ErrInvalid) {
		return nil
	}
	return p.flush()
}

func (p *pass) read() error {
	switch p.in.kind {
	case isSQLite:
		if err := p.only(Freqtrade); err != nil {
			return err
		}
		return readFreqtradeDB(p)
	case isJSON:
		if err := p.only(Freqtrade); err != nil {
			return err
		}
		return readFreqtrade(p)
	}
	if p.o.Format == Freqtrade {
		return invalidFile("it is neither a database nor JSON, as %s has them", platforms[Freqtrade])
	}
	t := &table{pass: p}
	switch p.in.kind {
	case isZip:
		t.decimals.mark = '.' // cells have numbers as they are
		return readXLSX(p, t)
	case isHTML:
		return readHTML(p, t)
	}
	return readCSV(p, t)
}

// only refuses a file of another format than the one that is asked for.
func (p *pass) only(format Format) error {
	if p.o.Format != "" && p.o.Format != format {
		return invalidFile("it is no table of trades, as %s writes it", platforms[p.o.Format])
	}
	if p.o.User == 0 {
		return invalid("user id", p.o.User, "say whose trades these are")
	}
	p.report.Format = format
	return nil
}

// isOurs reports whether an error is of the disk, the database or the caller's context,
// and not about what a file contains.
func isOurs(err error) bool {
	if err == nil || errors.Is(err, engagement.ErrInvalid) {
		return false
	}
	for _, known := range []error{
		context.Canceled, context.DeadlineExceeded, engagement.ErrStorage, engagement.ErrBusy, engagement.ErrUnavailable, engagement.ErrDenied,
		engagement.ErrSchema, engagement.ErrCorrupt, engagement.ErrReadOnly, engagement.ErrClosed,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
