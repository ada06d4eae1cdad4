package engagement

import (
	"cmp"
	"errors"
	"iter"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// pagesOf walks a list of numbers in pages, and counts how many are read.
func pagesOf(list []int64, size int, reads *int) iter.Seq2[int64, error] {
	return walk(size, cmp.Compare[int64], func(after *int64) (page []int64, err error) {
		*reads++
		for _, n := range list {
			if (after == nil || n > *after) && len(page) < size {
				page = append(page, n)
			}
		}
		return page, nil
	})
}

func TestAWalkYieldsEachRowOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size, most := rapid.IntRange(1, 5).Draw(t, "size"), rapid.IntRange(0, 20).Draw(t, "rows")
		list := make([]int64, most)
		for i := range list {
			list[i] = int64(i) - 7
		}
		wanted := rapid.IntRange(1, 25).Draw(t, "wanted")
		got, reads := []int64{}, 0
		for n, err := range pagesOf(list, size, &reads) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, n); len(got) == wanted {
				break
			}
		}
		if diff := gocmp.Diff(list[:min(wanted, most)], got); diff != "" {
			t.Error(diff)
		}
		if enough := min(wanted, most)/size + 1; reads > enough {
			t.Errorf("%d pages were read, %d are enough", reads, enough)
		}
	})
}

func TestAWalkEnds(t *testing.T) {
	failed := errors.New("failed")
	for _, tt := range []struct {
		name  string
		pages [][]int64
		err   error // of the page behind them
		want  error
		yield []int64
	}{
		{"with a short page", [][]int64{{1, 2}, {3}}, failed, nil, []int64{1, 2, 3}},
		{"with an empty page", [][]int64{{1, 2}, {}}, failed, nil, []int64{1, 2}},
		{"at an error", [][]int64{{1, 2}}, failed, failed, []int64{1, 2}},
		{"at the same page again", [][]int64{{1, 2}, {1, 2}}, failed, ErrCorrupt, []int64{1, 2}},
		{"at a page that goes back", [][]int64{{1, 2}, {3, 1}}, failed, ErrCorrupt, []int64{1, 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []int64
			var err error
			for n, failure := range walk(2, cmp.Compare[int64], func(*int64) ([]int64, error) {
				if len(tt.pages) == 0 {
					return nil, tt.err
				}
				page := tt.pages[0]
				tt.pages = tt.pages[1:]
				return page, nil
			}) {
				if err = failure; err == nil {
					got = append(got, n)
				}
			}
			if diff := gocmp.Diff(tt.yield, got); diff != "" || !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v; rows: %s", err, tt.want, diff)
			}
		})
	}
}

func TestRowsByUser(t *testing.T) {
	type row struct{ user, n int64 }
	failed := errors.New("failed")
	rows, stop := rowsByUser(func(yield func(row, error) bool) {
		for _, r := range []row{{-3, 1}, {-3, 2}, {1, 3}, {4, 4}, {4, 5}} {
			if !yield(r, nil) {
				return
			}
		}
		yield(row{}, failed)
	}, func(r row) int64 { return r.user })
	defer stop()
	for _, tt := range []struct {
		user int64
		want []row
		err  error
	}{
		{-4, nil, nil}, {-3, []row{{-3, 1}, {-3, 2}}, nil}, {2, nil, nil}, {4, nil, failed}, {5, nil, failed},
	} {
		got, err := rows.of(tt.user)
		if diff := gocmp.Diff(tt.want, got, gocmp.AllowUnexported(row{})); diff != "" || !errors.Is(err, tt.err) {
			t.Errorf("user %d: error %v, want %v; rows: %s", tt.user, err, tt.err, diff)
		}
	}
}
