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
