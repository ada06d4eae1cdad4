package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

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
