package metadata

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// both is a number in both byte orders, as ISO 9660 writes most numbers.
func both32(n uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, n), n)
}

func both16(n uint16) []byte {
	return binary.BigEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, n), n)
}

// descriptor is the volume descriptor of a tree (ECMA-119, 8.4 and 8.5).
func (m *isoImage) descriptor(t *isoTree) []byte {
	b := make([]byte, isoSector)
	b[0] = 1
	text := func(at, length int, s string) { copy(b[at:at+length], s+strings.Repeat(" ", max(0, length-len(s)))) }
	if t.joliet {
		b[0] = 2
		copy(b[88:], "%/E") // UCS-2 level 3
		text = func(at, length int, s string) { copy(b[at:at+length], ucs2(s, length)) }
	}
	copy(b[1:], isoDescriptorID)
	b[6] = 1
	text(8, 32, "")
	text(40, 32, m.label)
	copy(b[80:], both32(m.size))
	copy(b[120:], both16(1))
	copy(b[124:], both16(1))
	copy(b[128:], both16(isoSector))
	copy(b[132:], both32(t.tableBytes))
	binary.LittleEndian.PutUint32(b[140:], t.tableSector[0])
	binary.BigEndian.PutUint32(b[148:], t.tableSector[1])
	copy(b[156:], t.record(t.directories[0], []byte{0}, nil))
	for _, field := range [][2]int{{190, 128}, {318, 128}, {446, 128}, {574, 128}, {702, 37}, {739, 37}, {776, 37}} {
		text(field[0], field[1], "")
	}
	for _, at := range []int{813, 830, 847, 864} { // made, changed, ends, begins: not said
		copy(b[at:], "0000000000000000\x00")
	}
	b[881] = 1
	return b
}

// ucs2 pads with spaces to length bytes.
func ucs2(s string, length int) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s + strings.Repeat(" ", length))) {
		b = binary.BigEndian.AppendUint16(b, u)
	}
	return b[:length]
}

// pathTable lists all directories with their parents (ECMA-119, 9.4).
func (t *isoTree) pathTable(order binary.AppendByteOrder) []byte {
	var b []byte
	for _, d := range t.directories {
		b = append(b, byte(len(d.id)), 0)
		b = order.AppendUint32(b, d.sector)
		b = order.AppendUint16(b, d.parent.number)
		b = append(b, d.id...)
		if len(d.id)%2 == 1 {
			b = append(b, 0)
		}
	}
	return b
}

// directoryContent lays the records out, none across a sector's end.
func (t *isoTree) directoryContent(d *isoEntry) []byte {
	var b []byte
	for _, record := range t.records(d) {
		if room := isoSector - len(b)%isoSector; len(record) > room {
			b = append(b, make([]byte, room)...)
		}
		b = append(b, record...)
	}
	return b
}

func (t *isoTree) records(d *isoEntry) [][]byte {
	var self, up []byte
	if !t.joliet {
		if d.parent == d {
			self = []byte{'S', 'P', 7, 1, 0xbe, 0xef, 0}
			self = append(self, "ER\x12\x01\x0a\x00\x00\x01RRIP_1991A"...)
		}
		self, up = append(self, posixAttributes(d)...), posixAttributes(d.parent)
	}
	list := [][]byte{t.record(d, []byte{0}, self), t.record(d.parent, []byte{1}, up)}
	for _, c := range d.children {
		var extra []byte
		if !t.joliet {
			extra = append(rockRidgeName(c.name), posixAttributes(c)...)
		}
		list = append(list, t.record(c, c.id, extra))
	}
	return list
}

// record is a directory record (ECMA-119, 9.1) with system use behind it.
func (t *isoTree) record(e *isoEntry, id, extra []byte) []byte {
	b := make([]byte, 2, isoRecordBytesMax)
	b = append(b, both32(e.sector)...)
	b = append(b, both32(e.bytes)...)
	b = append(b, isoDate...)
	flags := byte(0)
	if e.directory() {
		flags = isoDirectoryFlag
	}
	b = append(b, flags, 0, 0)
	b = append(b, both16(1)...)
	b = append(b, byte(len(id)))
	b = append(b, id...)
	if len(id)%2 == 0 {
		b = append(b, 0)
	}
	b = append(b, extra...)
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	b[0] = byte(len(b))
	return b
}

// rockRidgeName is the NM entry. Our names are short enough for one.
func rockRidgeName(name string) []byte {
	return append([]byte{'N', 'M', byte(5 + len(name)), 1, 0}, name...)
}

// posixAttributes is the PX entry: mode, links, owner and group, all of root, read-only.
func posixAttributes(e *isoEntry) []byte {
	mode, links := uint32(0o100444), uint32(1)
	if e.directory() {
		mode, links = 0o040555, 2
	}
	b := []byte{'P', 'X', 36, 1}
	for _, n := range []uint32{mode, links, 0, 0} {
		b = append(b, both32(n)...)
	}
	return b
}
