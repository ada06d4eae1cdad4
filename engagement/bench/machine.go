package main

import (
	"bufio"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/hydraxdev/engagementdb/engagement"
)

// writeHeader says when, how and on what was measured. What cannot be found out
// is called unknown.
func writeHeader(w io.Writer, dir string, args []string) error {
	version, _, _ := sqlite3.Version()
	_, err := fmt.Fprintf(w, `# Benchmark

- Date: %s
- Command: %s
- Machine: %d CPUs, %s; %s/%s; databases on %s
- Versions: %s, SQLite %s in C (mattn/go-sqlite3), %s in Go (modernc.org/sqlite)

Figures are medians of the rounds (min..max). In each round all rows of a group
are measured in turn, short measurements interleaved; ratios are taken round by
round.
`,
		time.Now().UTC().Format("2006-01-02 15:04 UTC"), commandLine(args),
		runtime.NumCPU(), orUnknown(cpuModel()), runtime.GOOS, runtime.GOARCH,
		orUnknown(filesystem(dir)),
		runtime.Version(), version, orUnknown(moderncVersion()))
	return err
}

// commandLine is the command without the secrets of a DSN.
func commandLine(args []string) string {
	words := []string{"go run ."}
	for _, arg := range args {
		flag, value, ok := strings.Cut(arg, "=")
		if ok && strings.HasPrefix(flag, "-") && strings.Contains(value, "://") {
			arg = flag + "=" + engagement.RedactDSN(value)
		} else if strings.Contains(arg, "://") {
			arg = engagement.RedactDSN(arg)
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

func orUnknown(s string, err error) string {
	if err != nil || s == "" {
		return "unknown"
	}
	return s
}

func moderncVersion() (version string, err error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return "", err
	}
	err = db.QueryRow("SELECT sqlite_version()").Scan(&version)
	return version, errors.Join(err, db.Close())
}

// eachLine calls fn with the lines of a file.
func eachLine(path string, fn func(line string)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fn(lines.Text())
	}
	return errors.Join(lines.Err(), file.Close())
}

func cpuModel() (model string, err error) {
	err = eachLine("/proc/cpuinfo", func(line string) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
		}
	})
	return model, err
}

// filesystem returns the type of the file system that dir is on: that of the
// longest mount point above it.
func filesystem(dir string) (kind string, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	longest := ""
	err = eachLine("/proc/self/mounts", func(line string) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			return
		}
		point := strings.TrimSuffix(fields[1], "/")
		if (dir == point || strings.HasPrefix(dir, point+"/")) && len(point) >= len(longest) {
			longest, kind = point, fields[2]
		}
	})
	return kind, err
}
