package main

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
)

// sector is what a disk writes as a whole.
const sector = 512

// disk is what a log of calls has made of a file system so far, and what of it
// would be there after a power cut. What was synced is. Of what was not, any part
// may be: a sector is as after any of the writes to it, and a file may be made,
// deleted, grown or cut short, or not yet.
type disk struct {
	names []string // of the log's files, by their number less 1
	files map[string]*entry
}

// entry is a name in a folder.
type entry struct {
	now  *content // nil: there is no such file
	kept *content // what the name stands for on the disk, until its folder is synced
}

// content is that of a file.
type content struct {
	synced []byte
	calls  []record // writes and truncates since
}

func newDisk() *disk { return &disk{files: map[string]*entry{}} }

// holds puts a file on the disk from the start.
func (d *disk) holds(path string, data []byte) {
	c := &content{synced: data}
	d.files[path] = &entry{now: c, kept: c}
}

// play takes one more record of the log.
func (d *disk) play(r record) {
	if r.kind == 'n' {
		d.names = append(d.names, string(r.data))
		return
	}
	if r.file == 0 {
		return // it is not about a file
	}
	name := d.names[r.file-1]
	if r.kind == 's' {
		for path, e := range d.files {
			if filepath.Dir(path) == name {
				e.kept = e.now
			}
		}
	}
	e := d.files[name]
	switch {
	case r.kind == 'c':
		if e == nil {
			e = &entry{}
			d.files[name] = e
		}
		e.now = &content{}
	case e == nil || e.now == nil: // a folder
	case r.kind == 'u':
		e.now = nil
	case r.kind == 'w' || r.kind == 't':
		e.now.calls = append(e.now.calls, r)
	case r.kind == 's':
		e.now.synced = e.now.after(len(e.now.calls))
		e.now.calls = nil
	}
}

// after returns the content after the first n calls.
func (c *content) after(n int) []byte {
	data := slices.Clone(c.synced)
	for _, r := range c.calls[:n] {
		data = resized(data, sizeAfter(len(data), r))
		if r.kind == 'w' {
			copy(data[r.offset:], r.data)
		}
	}
	return data
}

func sizeAfter(size int, r record) int {
	if r.kind == 't' {
		return int(r.offset)
	}
	return max(size, int(r.offset)+len(r.data))
}

func resized(data []byte, size int) []byte {
	if size <= len(data) {
		return data[:size]
	}
	return append(data, make([]byte, size-len(data))...)
}

// The ways in which a disk may treat what was not synced.
const (
	keepsNothing = iota
	keepsAll
	keepsFirst // what was written first
	keepsAny   // each sector as after any of the writes to it
	diskHabits
)

// cut returns the files that are there after a power cut.
func (d *disk) cut(random *rand.Rand) map[string][]byte {
	habit := random.IntN(diskHabits)
	left := map[string][]byte{}
	paths := []string{}
	for path := range d.files {
		paths = append(paths, path)
	}
	slices.Sort(paths) // so that a seed gives the same
	for _, path := range paths {
		e := d.files[path]
		stands := e.now
		if e.kept != e.now && (habit == keepsNothing || (habit != keepsAll && random.IntN(2) == 0)) {
			stands = e.kept
		}
		if stands != nil {
			left[path] = stands.left(random, habit)
		}
	}
	return left
}

// left returns what may be left of a file.
func (c *content) left(random *rand.Rand, habit int) []byte {
	switch {
	case habit == keepsNothing || len(c.calls) == 0:
		return slices.Clone(c.synced)
	case habit == keepsAll:
		return c.after(len(c.calls))
	case habit == keepsFirst:
		n := random.IntN(len(c.calls))
		data := c.after(n)
		if r := c.calls[n]; r.kind == 'w' && len(r.data) > sector { // torn
			whole := random.IntN(len(r.data)/sector) * sector
			data = resized(data, max(len(data), int(r.offset)+whole))
			copy(data[r.offset:], r.data[:whole])
		}
		return data
	}
	return c.mixed(random)
}

// mixed returns the content with each sector as after any of the calls that
// touch it.
func (c *content) mixed(random *rand.Rand) []byte {
	most := len(c.synced)
	size, sizes := most, []int{most}
	for _, r := range c.calls {
		if size = sizeAfter(size, r); size != sizes[len(sizes)-1] {
			sizes = append(sizes, size)
		}
		most = max(most, size)
	}
	touching := map[int][]int{} // sector → calls
	for i, r := range c.calls {
		begin, end := int(r.offset), most
		if r.kind == 'w' {
			end = begin + len(r.data)
		}
		for s := begin / sector; s*sector < end; s++ {
			touching[s] = append(touching[s], i)
		}
	}
	data := resized(slices.Clone(c.synced), most)
	for s := range (most + sector - 1) / sector {
		begin, end := s*sector, min((s+1)*sector, most)
		calls := touching[s]
		for _, i := range calls[:random.IntN(len(calls)+1)] {
			r := c.calls[i]
			from := max(begin, int(r.offset))
			if r.kind == 't' {
				clear(data[from:max(from, end)])
			} else if to := min(end, int(r.offset)+len(r.data)); from < to {
				copy(data[from:to], r.data[from-int(r.offset):])
			}
		}
	}
	return data[:sizes[random.IntN(len(sizes))]]
}
