//go:build unix

package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"
)

func TestAFolderThatIsMadeIsDurable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, make string
		synced     []string
	}{
		{"three new ones, from above", "a/b/c", []string{".", "a", "a/b"}},
		{"one below an old one", "old/new", []string{"old"}},
		{"none", "old", nil},
	} {
		root := t.TempDir()
		if err := os.Mkdir(filepath.Join(root, "old"), 0o755); err != nil {
			t.Fatal(err)
		}
		var synced []string
		err := makeFolder(filepath.Join(root, tt.make), func(path string) error {
			name, err := filepath.Rel(root, path)
			synced = append(synced, name)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.synced, synced); diff != "" {
			t.Errorf("%s: what was synced (-want +got):\n%s", tt.name, diff)
		}
		if info := fileInfo(filepath.Join(root, tt.make)); info == nil || !info.IsDir() {
			t.Errorf("%s: it is not there", tt.name)
		}
	}
}

func TestAFolderIsNotMadeWhereAFileIs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := makeFolder(filepath.Join(path, "below"), syncDir); err == nil {
		t.Error("no error")
	}
}

// A database that is made like another is never more readable than that, nor are
// the files that SQLite keeps beside it.
func TestANewFileIsMadeLikeAnother(t *testing.T) {
	t.Parallel()
	for mode, want := range map[os.FileMode]os.FileMode{0o600: 0o600, 0o660: 0o660, 0o666: 0o666, 0o444: 0o644} {
		original := migrated(t)
		if err := os.Chmod(original.path, mode); err != nil {
			t.Fatal(err)
		}
		asRoot := os.Geteuid() == 0
		if asRoot {
			if err := os.Chown(original.path, 1234, 2345); err != nil {
				t.Fatal(err)
			}
		}
		e := New(filepath.Join(t.TempDir(), "folder", "new.db"), Options{Synchronous: "OFF", Like: original.path})
		if _, err := e.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := e.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		insertDays(t, e, 1)
		for _, name := range []string{"", "-wal", "-shm"} {
			info := fileInfo(e.path + name)
			if info == nil {
				t.Errorf("new.db%s is not there", name)
				continue
			}
			if got := info.Mode().Perm(); got != want {
				t.Errorf("new.db%s of a file with %s has %s, want %s", name, mode, got, want)
			}
			if stat := info.Sys().(*syscall.Stat_t); asRoot && (stat.Uid != 1234 || stat.Gid != 2345) {
				t.Errorf("new.db%s belongs to %d and %d", name, stat.Uid, stat.Gid)
			}
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestABackupBelongsToTheOwnerOfTheFileIfRootMakesIt(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	e := migrated(t)
	if err := os.Chown(e.path, 1234, 2345); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := e.Backup(t.Context(), path, nil); err != nil {
		t.Fatal(err)
	}
	if stat := fileInfo(path).Sys().(*syscall.Stat_t); stat.Uid != 1234 || stat.Gid != 2345 {
		t.Errorf("it belongs to %d and %d", stat.Uid, stat.Gid)
	}
}

func TestWhatKilledBackupsLeftIsSweptByTheNext(t *testing.T) {
	t.Parallel()
	e := migrated(t)
	folder := t.TempDir()
	write := func(names ...string) {
		for _, name := range names {
			path := filepath.Join(folder, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("of users erased later"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	const left, empty, held, own, other = draftFolder + "1", draftFolder + "2", draftFolder + "3", draftFolder + "4", ".backup-5"
	write(left+"/lock", left+"/copy.db", left+"/copy.db-journal", left+"/copy.db-wal", left+"/copy.db-shm",
		held+"/lock", held+"/copy.db", own+"/lock", own+"/copy.db", own+"/mine.txt", other+"/lock", other+"/copy.db")
	if err := os.Mkdir(filepath.Join(folder, empty), 0o700); err != nil {
		t.Fatal(err)
	}
	lock := flock.New(filepath.Join(folder, held, "lock"))
	if ok, err := lock.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for _, name := range []string{"a.db", "b.db"} {
		if err := e.Backup(t.Context(), filepath.Join(folder, name), nil); err != nil {
			t.Fatal(err)
		}
	}
	var found []string
	if err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(folder, path)
			found = append(found, name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	want := []string{"a.db", "b.db", held + "/lock", held + "/copy.db", own + "/mine.txt", other + "/lock", other + "/copy.db"}
	slices.Sort(want)
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for _, name := range []string{left, empty} {
		if fileInfo(filepath.Join(folder, name)) != nil {
			t.Errorf("%s is there", name)
		}
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := e.Backup(t.Context(), filepath.Join(folder, "c.db"), nil); err != nil {
		t.Fatal(err)
	}
	if fileInfo(filepath.Join(folder, held)) != nil {
		t.Errorf("%s is there although nobody holds it any more", held)
	}
}

// Whoever makes a draft may lose it to one who sweeps before it is locked.
func TestDraftsAreMadeWhileOthersSweep(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		e := migrated(t)
		for ctx.Err() == nil {
			e.sweepDrafts(folder)
		}
	}()
	for range 500 {
		path, remove, err := newDraft(folder)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Errorf("a draft that is locked was swept: %v", err)
		}
		if err := remove(); err != nil {
			t.Errorf("remove: %v", err)
		}
	}
	cancel()
	<-swept
	if left := names(t, folder); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
