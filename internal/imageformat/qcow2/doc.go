// Package qcow2 reads and writes the metadata of qcow2 files: enough to make
// an empty overlay in microseconds, to grow one, and to stream raw bytes out as a
// qcow2 file. It is not a block driver: guests' data are QEMU's business.
//
//	| header + extensions | refcount table | refcount blocks | L1 | L2 ... | data ... |
//
// Called by imageformat (header), driver/block/file and driver/block/sim.
// Specification: docs/interop/qcow2.txt of QEMU.
package qcow2
