package qcow2

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
)

const (
	encodeClusterBits  = 16
	encodeClusterBytes = 1 << encodeClusterBits
	encodeL2Entries    = encodeClusterBytes / 8
	encodeRefEntries   = encodeClusterBytes / 2
	copiedFlag         = 1 << 63
)

// Extent is a range of bytes that is not (all) zeros.
type Extent struct{ Offset, Length int64 }

// Encoder streams raw bytes as a qcow2 file without a base, in one pass and
// without a temporary file: the layout is planned from the extents.
type Encoder struct {
	sizeBytes int64
	// data are the numbers of the guest clusters that are stored, ascending.
	data []uint64
	l2   []uint64 // the L1 indexes that have an L2 table, ascending

	refTable, refBlocks, l1 uint64 // clusters each takes
}

// NewEncoder plans the file for a disk of sizeBytes whose bytes outside of extents are zeros.
// Extents ascend and do not overlap.
func NewEncoder(sizeBytes int64, extents []Extent) *Encoder {
	e := &Encoder{sizeBytes: sizeBytes}
	next := uint64(0)
	for _, x := range extents {
		first := max(next, uint64(x.Offset)/encodeClusterBytes)
		end := divideUp(uint64(min(x.Offset+x.Length, sizeBytes)), encodeClusterBytes)
		for c := first; c < end; c++ {
			e.data = append(e.data, c)
			if i := c / encodeL2Entries; len(e.l2) == 0 || e.l2[len(e.l2)-1] != i {
				e.l2 = append(e.l2, i)
			}
		}
		next = max(next, end)
	}
	e.l1 = max(1, divideUp(e.l1Entries()*8, encodeClusterBytes))
	e.planRefcounts()
	return e
}

// planRefcounts finds how many refcount clusters count everything, themselves included.
func (e *Encoder) planRefcounts() {
	for {
		blocks := divideUp(e.clusters(), encodeRefEntries)
		table := divideUp(blocks*8, encodeClusterBytes)
		if blocks == e.refBlocks && table == e.refTable {
			return
		}
		e.refBlocks, e.refTable = blocks, table
	}
}

func (e *Encoder) l1Entries() uint64 {
	return divideUp(uint64(e.sizeBytes), encodeL2Entries*encodeClusterBytes)
}

func (e *Encoder) clusters() uint64 {
	return e.firstData() + uint64(len(e.data))
}

func (e *Encoder) firstL1() uint64   { return 1 + e.refTable + e.refBlocks }
func (e *Encoder) firstL2() uint64   { return e.firstL1() + e.l1 }
func (e *Encoder) firstData() uint64 { return e.firstL2() + uint64(len(e.l2)) }

// Bytes is the length of what Encode writes.
func (e *Encoder) Bytes() int64 { return int64(e.clusters()) * encodeClusterBytes }

// Encode writes the file, reading the stored clusters from src. A src shorter than
// the disk is padded with zeros.
func (e *Encoder) Encode(ctx context.Context, w io.Writer, src io.ReaderAt) error {
	b := bufio.NewWriterSize(w, 256<<10)
	e.writeHeader(b)
	e.writeRefcounts(b)
	e.writeTables(b)
	buffer := make([]byte, encodeClusterBytes)
	for _, c := range e.data {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := src.ReadAt(buffer, int64(c)*encodeClusterBytes)
		if err != nil && err != io.EOF {
			return err
		}
		clear(buffer[n:])
		if _, err := b.Write(buffer); err != nil {
			return err
		}
	}
	return b.Flush()
}

// The write methods leave errors to the bufio.Writer, which keeps the first one for Flush.

func (e *Encoder) writeHeader(b *bufio.Writer) {
	h := encodeHeader(Header{
		ClusterBits: encodeClusterBits, SizeBytes: uint64(e.sizeBytes), L1Entries: uint32(e.l1Entries()),
		L1Offset: e.firstL1() * encodeClusterBytes, RefTableOffset: encodeClusterBytes, RefTableClusters: uint32(e.refTable),
	}, "")
	writePadded(b, h)
}

func (e *Encoder) writeRefcounts(b *bufio.Writer) {
	var table []byte
	for i := range e.refBlocks {
		table = binary.BigEndian.AppendUint64(table, (1+e.refTable+i)*encodeClusterBytes)
	}
	writePadded(b, table)
	var block []byte
	for range e.clusters() {
		block = binary.BigEndian.AppendUint16(block, 1)
	}
	writePadded(b, block)
}

func (e *Encoder) writeTables(b *bufio.Writer) {
	l1 := make([]byte, e.l1*encodeClusterBytes)
	for n, i := range e.l2 {
		binary.BigEndian.PutUint64(l1[8*i:], (e.firstL2()+uint64(n))*encodeClusterBytes|copiedFlag)
	}
	b.Write(l1)
	at := 0
	for _, i := range e.l2 {
		l2 := make([]byte, encodeClusterBytes)
		for ; at < len(e.data) && e.data[at]/encodeL2Entries == i; at++ {
			offset := (e.firstData() + uint64(at)) * encodeClusterBytes
			binary.BigEndian.PutUint64(l2[8*(e.data[at]%encodeL2Entries):], offset|copiedFlag)
		}
		b.Write(l2)
	}
}

// writePadded writes p and zeros up to the next whole cluster.
func writePadded(b *bufio.Writer, p []byte) {
	b.Write(p)
	b.Write(make([]byte, -len(p)&(encodeClusterBytes-1)))
}
