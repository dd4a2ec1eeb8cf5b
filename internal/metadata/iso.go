package metadata

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
)

// A small writer of ISO 9660 (ECMA-119) with Rock Ridge and Joliet names, for trees
// that are small enough to be in memory. go-diskfs has one too, which needs a working directory and is
// slower by far; a config drive lies on the way of every boot that wants one.
//
//	sector 0-15 nothing | 16 primary descriptor | 17 Joliet descriptor | 18 end |
//	path tables (4) | directories of both trees | files, shared by both
const (
	isoSector         = 2048
	isoFirstFree      = 19
	isoDescriptorID   = "CD001"
	isoDirectoryFlag  = 2
	isoRecordBytes    = 33
	isoRecordBytesMax = 255
)

// isoDate is in every record (2000-01-01 00:00 UTC): equal metadata make equal bytes.
var isoDate = []byte{100, 1, 1, 0, 0, 0, 0}

// isoEntry is one node in one of the two trees.
type isoEntry struct {
	node     *node
	name     string // as it shall be seen
	id       []byte // as the tree encodes it
	parent   *isoEntry
	children []*isoEntry // sorted by id
	number   uint16      // in the path table
	sector   uint32
	bytes    uint32
}

func (e *isoEntry) directory() bool { return e.node.entries != nil }

// isoTree is one of the two: primary or Joliet.
type isoTree struct {
	joliet      bool
	directories []*isoEntry // breadth first: the path table's order
	tableBytes  uint32
	tableSector [2]uint32 // little and big endian
}

// isoImage is the plan of a whole image.
type isoImage struct {
	label string
	trees [2]*isoTree
	files map[*node]uint32 // first sector
	order []*node
	size  uint32 // sectors
}

func writeISO(w io.Writer, root *node, label string) error {
	image := &isoImage{label: label, files: map[*node]uint32{}, size: isoFirstFree}
	for i := range image.trees {
		image.trees[i] = planTree(root, i == 1)
	}
	image.place()
	return image.write(w)
}

// planTree sorts and names the entries, and counts directories.
func planTree(root *node, joliet bool) *isoTree {
	t := &isoTree{joliet: joliet}
	top := &isoEntry{node: root, id: []byte{0}}
	top.parent = top
	t.directories = []*isoEntry{top}
	for i := 0; i < len(t.directories); i++ {
		d := t.directories[i]
		d.number = uint16(i + 1)
		t.tableBytes += uint32(8 + len(d.id) + len(d.id)%2)
		d.children = t.childrenOf(d)
		for _, c := range d.children {
			if c.directory() {
				t.directories = append(t.directories, c)
			}
		}
	}
	for _, d := range t.directories {
		d.bytes = t.directoryBytes(d)
	}
	return t
}

func (t *isoTree) childrenOf(d *isoEntry) []*isoEntry {
	var children []*isoEntry
	taken := map[string]bool{}
	for _, name := range sortedNames(d.node) {
		e := &isoEntry{node: d.node.entries[name], name: name, parent: d}
		if t.joliet {
			e.id = jolietID(name)
		} else {
			e.id = primaryID(name, e.directory(), taken)
		}
		children = append(children, e)
	}
	slices.SortFunc(children, func(a, b *isoEntry) int { return strings.Compare(string(a.id), string(b.id)) })
	return children
}

// primaryID maps a name to what ISO 9660 level 2 allows, differently from its neighbours.
func primaryID(name string, directory bool, taken map[string]bool) []byte {
	stem, extension, dotted := strings.Cut(name, ".")
	stem, extension = dCharacters(stem, 20), dCharacters(extension, 8)
	for n := 0; ; n++ {
		id := stem
		if n > 0 {
			id += fmt.Sprint(n)
		}
		if !directory {
			id += "."
			if dotted {
				id += extension
			}
			id += ";1"
		}
		if !taken[id] {
			taken[id] = true
			return []byte(id)
		}
	}
}

func dCharacters(s string, most int) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(s))
	return clean[:min(len(clean), most)]
}

// jolietID has no version (";1"), as other writers leave it out too.
func jolietID(name string) []byte {
	var id []byte
	for _, u := range utf16.Encode([]rune(name)) {
		id = binary.BigEndian.AppendUint16(id, u)
	}
	return id
}

// directoryBytes: records do not cross sectors.
func (t *isoTree) directoryBytes(d *isoEntry) uint32 {
	sectors, used := uint32(1), 0
	for _, record := range t.records(d) {
		if used+len(record) > isoSector {
			sectors, used = sectors+1, 0
		}
		used += len(record)
	}
	return sectors * isoSector
}

// place gives everything its sectors.
func (m *isoImage) place() {
	take := func(bytes uint32) uint32 {
		at := m.size
		m.size += (bytes + isoSector - 1) / isoSector
		return at
	}
	for _, t := range m.trees {
		t.tableSector = [2]uint32{take(t.tableBytes), take(t.tableBytes)}
	}
	for _, t := range m.trees {
		for _, d := range t.directories {
			d.sector = take(d.bytes)
		}
	}
	for _, t := range m.trees {
		for _, d := range t.directories {
			for _, c := range d.children {
				if c.directory() {
					continue
				}
				if _, placed := m.files[c.node]; !placed {
					m.files[c.node] = take(uint32(len(c.node.content)))
					m.order = append(m.order, c.node)
				}
				c.sector, c.bytes = m.files[c.node], uint32(len(c.node.content))
			}
		}
	}
}

func (m *isoImage) write(w io.Writer) error {
	out := &sectorWriter{w: w}
	out.put(make([]byte, 16*isoSector))
	for _, t := range m.trees {
		out.put(m.descriptor(t))
	}
	out.put(append([]byte{255}, isoDescriptorID+"\x01"...))
	for _, t := range m.trees {
		out.put(t.pathTable(binary.LittleEndian))
		out.put(t.pathTable(binary.BigEndian))
	}
	for _, t := range m.trees {
		for _, d := range t.directories {
			out.put(t.directoryContent(d))
		}
	}
	for _, f := range m.order {
		out.put(f.content)
	}
	return out.err
}

// sectorWriter pads each piece to whole sectors and keeps the first error.
type sectorWriter struct {
	w   io.Writer
	err error
}

func (s *sectorWriter) put(b []byte) {
	for _, piece := range [][]byte{b, make([]byte, -len(b)&(isoSector-1))} {
		if s.err == nil {
			_, s.err = s.w.Write(piece)
		}
	}
}

func sortedNames(n *node) []string {
	var names []string
	for name := range n.entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
