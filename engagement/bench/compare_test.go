package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// quickBench is a bench that measures only the groups of that name, tiny sizes for a
// moment.
func quickBench(t *testing.T, only string) *bench {
	return &bench{dir: t.TempDir(), rounds: 1, duration: 10 * time.Millisecond, sizes: quickSizes,
		only: regexp.MustCompile(only), progress: t.Output()}
}

func TestAnotherTreesLibraryIsMeasured(t *testing.T) {
	t.Parallel()
	b := quickBench(t, "^(compare: SQLite, 16|million)")
	tree, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if b.other, err = b.buildSubject(t.Context(), tree); err != nil {
		t.Fatal(err)
	}
	b.compare = "another"
	tables, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		title string
		rows  int
	}{{"A million users", 2 * (2 + 3)}, {"Pages written", 2 * 2 * 2}, {"Against another", 2}} {
		if i >= len(tables) || tables[i].title != want.title || len(tables[i].rows) != want.rows {
			t.Fatalf("table %d is not %q with %d rows: %+v", i, want.title, want.rows, tables)
		}
		others := slices.DeleteFunc(tables[i].rows, func(r row) bool { return strings.Contains(r.name, "this commit") })
		if len(others) != want.rows/2 {
			t.Errorf("%d rows of %q are the other's, want %d", len(others), want.title, want.rows/2)
		}
	}
	if _, err := os.Stat(filepath.Join("..", "..", "engagement", "bench", "subject")); !errors.Is(err, os.ErrNotExist) {
		t.Error("something was written to the tree")
	}
}

func TestCommitIsCheckedOut(t *testing.T) {
	t.Parallel()
	if err := exec.Command("git", "rev-parse", "HEAD").Run(); err != nil {
		t.Skip("this is no git repository, or git is not installed: ", err)
	}
	dir := t.TempDir()
	if err := checkOut(t.Context(), "HEAD", dir); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"go.mod", "engagement/db.go", "engagement/bench/go.mod"} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// damage makes a counter of a file wrong.
func damage(t *testing.T, path string) {
	t.Helper()
	db, err := openPool("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "UPDATE user_stats SET total_fires = total_fires + 1 WHERE user_id = 1"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestWrongDatabaseFailsItsGroup(t *testing.T) {
	t.Parallel()
	b := quickBench(t, "")
	for _, test := range []struct {
		name    string
		measure func(t *testing.T, spoil func(path string)) error
	}{
		{"of a library in this process", func(t *testing.T, spoil func(string)) error {
			warm, err := b.libraryFile(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			r := &rivals{bench: b}
			r.add("library", warm, func(path string) (measuring, func() error, error) {
				lib, run, err := b.openMeasured(t.Context(), path, 1)
				return run, func() error { spoil(path); return lib.close() }, err
			}, b.verifyWarm)
			return r.measure(t.Context(), 1)
		}},
		{"of a subject", func(t *testing.T, spoil func(string)) error {
			s, err := b.fileOf(t.Context(), program{name: "this commit"}, false)
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.fires(b.sizes.users, false, 1)(t.Context(), time.Millisecond)
			spoil(filepath.Join(b.dir, "empty-"+strconv.Itoa(b.copies)+".db"))
			return errors.Join(err, s.close())
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := test.measure(t, func(string) {}); err != nil {
				t.Fatal(err)
			}
			if err := test.measure(t, func(path string) { damage(t, path) }); err == nil || !strings.Contains(err.Error(), "figures are wrong") {
				t.Errorf("a wrong counter is reported as %v", err)
			}
		})
	}
}
