package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (b *bench) exports() *section {
	return &section{
		table: table{
			title: "Memory of an export",
			note: "WriteUserExport of a user with a million fires to a writer that counts bytes, each time in a new " +
				"process. Peaks above idle, with the database open, sampled every 2 ms: the Go runtime's objects, all its " +
				"memory, and the process's resident memory, which also holds SQLite's.",
			columns: []string{"what", "Go objects, MiB", "Go memory, MiB", "resident, MiB", "fires", "fires/s", "MiB written", "target"},
		},
		groups: []group{{name: "export", run: b.exportRounds}},
	}
}

func (b *bench) exportRounds(ctx context.Context) ([]row, error) {
	path, err := b.exportFile(ctx)
	if err != nil {
		return nil, err
	}
	var objects, runtime, resident, fires, rate, written series
	for range b.rounds {
		e, err := exportElsewhere(ctx, path)
		if err == nil && e.Fires != int64(b.sizes.exported) {
			err = fmt.Errorf("%d fires were exported, want %d", e.Fires, b.sizes.exported)
		}
		if err != nil {
			return nil, err
		}
		const MiB = 1 << 20
		objects = append(objects, float64(e.Peak.Objects-e.Idle.Objects)/MiB)
		runtime = append(runtime, float64(e.Peak.Runtime-e.Idle.Runtime)/MiB)
		resident = append(resident, float64(e.Peak.Resident-e.Idle.Resident)/MiB)
		fires = append(fires, float64(e.Fires))
		rate = append(rate, float64(e.Fires)/e.Took.Seconds())
		written = append(written, float64(e.Bytes)/MiB)
	}
	worst := max(slices.Max(runtime), slices.Max(resident))
	return []row{{"WriteUserExport", []cell{figure(objects), figure(runtime), figure(resident), figure(fires[:1]),
		figure(rate), figure(written[:1]), verdict(worst < 32, "< 32 MiB above idle")}}}, nil
}

// exported is what one export took.
type exported struct {
	Idle, Peak   memory
	Fires, Bytes int64
	Took         time.Duration
}

// exportOnce is the first argument of a process that makes one export, of the
// database that the second names, and prints what it took.
const exportOnce = "export-once"

// exportElsewhere exports in a process of its own: what a process has freed may
// stay resident and serve again, so that an export seems to need nothing.
func exportElsewhere(ctx context.Context, path string) (e exported, err error) {
	program, err := os.Executable()
	if err != nil {
		return e, err
	}
	cmd := exec.CommandContext(ctx, program, exportOnce, path)
	cmd.Stderr = os.Stderr
	printed, err := cmd.Output()
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(printed, &e)
}

func printExport(ctx context.Context, path string, w io.Writer) error {
	e, err := export(ctx, path)
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(e)
}

func export(ctx context.Context, path string) (e exported, err error) {
	db, err := engagement.Open(ctx, path, engagement.WithClock(communityClock))
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	debug.FreeOSMemory() // after a collection
	if e.Idle, err = memoryNow(); err != nil {
		return e, err
	}
	sampled := e.Idle.watch()
	ctx = engagement.ContextWithProgress(ctx, func(done, _ int64) { e.Fires = done })
	var sink counter
	start := time.Now()
	err = db.WriteUserExport(ctx, &sink, exportedUser)
	e.Took, e.Bytes = time.Since(start), int64(sink)
	var watching error
	e.Peak, watching = sampled()
	return e, errors.Join(err, watching)
}

// counter is a writer that only counts.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// memory is how many bytes the process uses.
type memory struct {
	Objects  int64 // on Go's heap, live or not yet collected
	Runtime  int64 // all that the Go runtime holds
	Resident int64 // of the whole process
}

func memoryNow() (m memory, err error) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	value := func(i int) int64 { return int64(samples[i].Value.Uint64()) }
	m = memory{Objects: value(0), Runtime: value(1) - value(2)}
	m.Resident, err = residentBytes()
	return m, err
}

func residentBytes() (int64, error) {
	const path = "/proc/self/statm"
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(content))
	if len(fields) < 2 {
		return 0, fmt.Errorf("%s holds %q", path, content)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// watch samples the memory until the function that it returns is called, which
// returns the peaks, m included.
func (m memory) watch() func() (memory, error) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	var err error
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(2 * time.Millisecond)
		defer ticker.Stop()
		for err == nil {
			select {
			case <-stop:
				return
			case <-ticker.C:
			}
			var now memory
			now, err = memoryNow()
			m.Objects, m.Runtime = max(m.Objects, now.Objects), max(m.Runtime, now.Runtime)
			m.Resident = max(m.Resident, now.Resident)
		}
	}()
	return func() (memory, error) {
		close(stop)
		<-stopped
		return m, err
	}
}
