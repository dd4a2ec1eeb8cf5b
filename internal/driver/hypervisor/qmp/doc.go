// Package qmp speaks QEMU's monitor protocol: one JSON object per line over a
// unix socket, commands answered in order, events in between, file descriptors
// passed beside the bytes.
//
// It knows no command of QEMU and keeps no state of a guest: package qemu does.
// A Client serves many goroutines; the connection ends when either side closes.
//
//	Execute ---> {"execute": ..., "id": n} ---> QEMU
//	       <--- {"return"|"error", "id": n} <---
//	handler <--- {"event": ...}             <---
package qmp
