package metadata

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"unicode/utf16"
)

// A small writer of FAT16 with long names, for the same trees as the ISO writer. go-diskfs 1.9 was
// tried: fsck.vfat finds fault with its directories and with the length of its tables.
//
//	boot sector | FAT | FAT again | root directory | clusters of one sector
const (
	fatSector       = 512
	fatSectors      = 32 << 10 // of the disk: 16 MiB, sparse
	fatTableSectors = 128
	fatRootSectors  = 32
	fatRootAt       = 1 + 2*fatTableSectors
	fatDataAt       = fatRootAt + fatRootSectors
	fatClusters     = fatSectors - fatDataAt
	fatEnd          = 0xffff
	fatEntryBytes   = 32
	fatNameChars    = 13 // of a long name, in one entry

	fatReadOnly  = 0x01
	fatLabel     = 0x08
	fatDirectory = 0x10
	fatLongName  = 0x0f
	fatDate      = 20<<9 | 1<<5 | 1 // 2000-01-01
)

// fatDisk is a disk being written; clusters are handed out in order.
type fatDisk struct {
	f     *os.File
	table []byte
	next  int // cluster
}

func writeVFAT(f *os.File, root *node) error {
	if err := f.Truncate(fatSectors * fatSector); err != nil {
		return err
	}
	d := &fatDisk{f: f, table: []byte{0xf8, 0xff, 0xff, 0xff}, next: 2}
	label := fatEntry([]byte(fmt.Sprintf("%-11s", driveLabel)), fatLabel, 0, 0)
	content, err := d.entries(root, 0)
	if err != nil {
		return err
	}
	if content = append(label, content...); len(content) > fatRootSectors*fatSector {
		return fmt.Errorf("%d entries do not fit a FAT root directory", len(content)/fatEntryBytes)
	}
	for at, b := range map[int][]byte{0: bootSector(), 1: d.table, 1 + fatTableSectors: d.table, fatRootAt: content} {
		if _, err := f.WriteAt(b, int64(at)*fatSector); err != nil {
			return err
		}
	}
	return nil
}

func bootSector() []byte {
	le := binary.LittleEndian
	b := make([]byte, fatSector)
	copy(b, "\xeb\x3c\x90nubo    ")
	le.PutUint16(b[11:], fatSector)
	b[13], b[14], b[16] = 1, 1, 2 // sectors in a cluster, before the tables; tables
	le.PutUint16(b[17:], fatRootSectors*fatSector/fatEntryBytes)
	le.PutUint16(b[19:], fatSectors)
	b[21] = 0xf8 // a fixed disk
	le.PutUint16(b[22:], fatTableSectors)
	le.PutUint16(b[24:], 32) // sectors and heads: nobody asks
	le.PutUint16(b[26:], 64)
	b[36], b[38] = 0x80, 0x29
	copy(b[39:], "nubo") // serial number
	copy(b[43:], fmt.Sprintf("%-11sFAT16   ", driveLabel))
	b[510], b[511] = 0x55, 0xaa
	return b
}

// entries writes everything below a directory and answers the directory's own
// entries. own is its first cluster, 0 for the root.
func (d *fatDisk) entries(dir *node, own int) ([]byte, error) {
	var list []byte
	for i, name := range sortedNames(dir) {
		e := dir.entries[name]
		first, attributes := 0, byte(fatReadOnly)
		var err error
		if e.entries != nil {
			attributes = fatDirectory
			first, err = d.subdirectory(e, own)
		} else {
			first, err = d.write(e.content)
		}
		if err != nil {
			return nil, err
		}
		short := shortName(name, i)
		list = append(list, longName(name, short)...)
		list = append(list, fatEntry(short, attributes, first, len(e.content))...)
	}
	return list, nil
}

// subdirectory takes the directory's clusters before those of what is in it, whose ".." names them.
func (d *fatDisk) subdirectory(dir *node, parent int) (int, error) {
	length := 2 * fatEntryBytes
	for name := range dir.entries {
		length += (1 + (len(utf16.Encode([]rune(name)))+fatNameChars-1)/fatNameChars) * fatEntryBytes
	}
	first, err := d.take(length)
	if err != nil {
		return 0, err
	}
	content, err := d.entries(dir, first)
	if err != nil {
		return 0, err
	}
	dots := append(fatEntry([]byte(".          "), fatDirectory, first, 0), fatEntry([]byte("..         "), fatDirectory, parent, 0)...)
	_, err = d.f.WriteAt(append(dots, content...), clusterAt(first))
	return first, err
}

// write stores a file and answers its first cluster; an empty one has none.
func (d *fatDisk) write(content []byte) (int, error) {
	if len(content) == 0 {
		return 0, nil
	}
	first, err := d.take(len(content))
	if err != nil {
		return 0, err
	}
	_, err = d.f.WriteAt(content, clusterAt(first))
	return first, err
}

func clusterAt(n int) int64 { return int64(fatDataAt+n-2) * fatSector }

// take chains enough clusters for some bytes.
func (d *fatDisk) take(bytes int) (int, error) {
	first, n := d.next, (bytes+fatSector-1)/fatSector
	if first+n > fatClusters+2 {
		return 0, fmt.Errorf("the files do not fit %d bytes", fatSectors*fatSector)
	}
	for i := 1; i < n; i++ {
		d.table = binary.LittleEndian.AppendUint16(d.table, uint16(first+i))
	}
	d.table = binary.LittleEndian.AppendUint16(d.table, fatEnd)
	d.next += n
	return first, nil
}

func fatEntry(short []byte, attributes byte, cluster, bytes int) []byte {
	b := make([]byte, fatEntryBytes)
	copy(b, short)
	b[11] = attributes
	for _, at := range []int{16, 18, 24} { // made, read, changed
		binary.LittleEndian.PutUint16(b[at:], fatDate)
	}
	binary.LittleEndian.PutUint16(b[26:], uint16(cluster))
	binary.LittleEndian.PutUint32(b[28:], uint32(bytes))
	return b
}

// shortName is unique in its directory and seen by nobody who reads long names.
func shortName(name string, index int) []byte {
	extension := ""
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		extension = dCharacters(name[dot+1:], 3)
	}
	return []byte(fmt.Sprintf("NUBO%04d%-3s", index, extension))
}

// longName is the chain of entries before a short one, last part first.
func longName(name string, short []byte) []byte {
	var sum byte
	for _, c := range short {
		sum = sum<<7 | sum>>1
		sum += c
	}
	units := utf16.Encode([]rune(name))
	parts := (len(units) + fatNameChars - 1) / fatNameChars
	if len(units)%fatNameChars != 0 {
		units = append(units, 0)
	}
	for len(units) < parts*fatNameChars {
		units = append(units, 0xffff)
	}
	var list []byte
	for part := parts; part > 0; part-- {
		b := make([]byte, fatEntryBytes)
		b[0], b[11], b[13] = byte(part), fatLongName, sum
		if part == parts {
			b[0] |= 0x40
		}
		for i, u := range units[(part-1)*fatNameChars:][:fatNameChars] {
			binary.LittleEndian.PutUint16(b[longNamePlaces[i]:], u)
		}
		list = append(list, b...)
	}
	return list
}

// longNamePlaces are where an entry has its characters.
var longNamePlaces = [fatNameChars]int{1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30}
