package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"
)

func TestWhatErrorsOfTheSystemMean(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want Class
	}{
		{syscall.ENOSPC, Storage}, {syscall.EDQUOT, Storage}, {syscall.EIO, Storage}, {syscall.EFBIG, Storage},
		{syscall.EMFILE, Storage}, {syscall.ENFILE, Storage}, {syscall.ENOMEM, Storage}, {syscall.ESTALE, Storage},
		{syscall.EACCES, Denied}, {syscall.EPERM, Denied}, {syscall.EROFS, ReadOnly},
		{syscall.ENOTDIR, Refused}, {syscall.ENAMETOOLONG, Refused}, {syscall.EISDIR, Refused}, {syscall.ELOOP, Refused},
		{syscall.ENOENT, Other}, {syscall.EEXIST, Other},
	} {
		for _, err := range []error{
			tt.err, &fs.PathError{Op: "open", Path: "x", Err: tt.err}, &os.LinkError{Op: "link", Old: "a", New: "b", Err: tt.err},
			fmt.Errorf("doing: %w", errors.Join(errors.New("first"), os.NewSyscallError("fsync", tt.err))),
		} {
			if got := ClassOfSystem(err); got != tt.want {
				t.Errorf("ClassOfSystem(%v) = %d, want %d", err, got, tt.want)
			}
		}
	}
	for _, err := range []error{nil, errors.New("disk full"), context.Canceled, sql.ErrTxDone} {
		if got := ClassOfSystem(err); got != Other {
			t.Errorf("ClassOfSystem(%v) = %d, want %d", err, got, Other)
		}
	}
}

func TestAValueThatItsTypeCannotHoldIsCorrupt(t *testing.T) {
	scan := errors.New(`sql: Scan error on column index 0, name "user_id": converting driver.Value type string ("x") to a int64: invalid syntax`)
	for _, tt := range []struct {
		name string
		err  error
		want Class
	}{
		{"nothing", nil, Other},
		{"something else", context.Canceled, Other},
		{"by itself", scan, Corrupt},
		{"wrapped", fmt.Errorf("read: %w", scan), Corrupt},
		{"joined with what closing returned", errors.Join(fmt.Errorf("read: %w", scan), nil), Corrupt},
		{"behind another", fmt.Errorf("%w: %w", context.Canceled, scan), Corrupt},
		{"only told of", fmt.Errorf("read: %v", scan), Other},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ClassOfScan(tt.err); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
