package engagement_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

// TestZeroValuesAreRefusedByName calls every method of what was never opened.
func TestZeroValuesAreRefusedByName(t *testing.T) {
	t.Parallel()
	for _, zero := range []any{&engagement.DB{}, &engagement.Reader{}, &engagement.Tx{}, engagement.SQL{}} {
		value := reflect.ValueOf(zero)
		for i := range value.NumMethod() {
			method := value.Type().Method(i)
			t.Run(value.Type().String()+" "+method.Name, func(t *testing.T) {
				answers := value.Method(i).Call(zeroArguments(value.Method(i).Type()))
				err, fails := answers[len(answers)-1].Interface().(error)
				if method.Type.Out(len(answers)-1) != reflect.TypeFor[error]() {
					return
				}
				if !fails || !errors.Is(err, engagement.ErrInvalid) {
					t.Errorf("got error %v, want %v", err, engagement.ErrInvalid)
				}
			})
		}
	}
	t.Run("a window by its name", func(t *testing.T) {
		_, err := new(engagement.DB).ParseWindow("30d")
		wantError(t, err, engagement.ErrInvalid)
	})
	t.Run("a row of a caller's own SQL", func(t *testing.T) {
		wantError(t, new(engagement.Tx).SQL().QueryRowContext(t.Context(), "SELECT 1").Scan(new(int)), engagement.ErrInvalid)
	})
}

func zeroArguments(method reflect.Type) []reflect.Value {
	var arguments []reflect.Value
	for i := range method.NumIn() {
		switch in := method.In(i); {
		case in == reflect.TypeFor[context.Context]():
			arguments = append(arguments, reflect.ValueOf(context.Background()))
		case method.IsVariadic() && i == method.NumIn()-1:
		default:
			arguments = append(arguments, reflect.Zero(in))
		}
	}
	return arguments
}

func TestAReportThatWasNeverMadeIsNotOK(t *testing.T) {
	t.Parallel()
	same(t, "Report{}.OK", engagement.Report{}.OK(), false)
	db := openAt(t, freshFile(t), newClock(noon).option())
	report := proven(t, db)
	same(t, "OK", report.OK(), true)
	var read engagement.Report
	noError(t, json.Unmarshal(must(json.Marshal(report))(t), &read))
	same(t, "OK after JSON", read.OK(), true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	report, err := db.Verify(ctx)
	wantError(t, err, context.Canceled)
	same(t, "OK of what was not verified", report.OK(), false)
}
