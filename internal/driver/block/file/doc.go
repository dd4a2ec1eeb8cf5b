// Package file keeps volumes, snapshots and images as files in a directory: the
// block driver (agent.Block) of a host that needs no other storage.
//
//	DIR/images/ID/base.FORMAT        raw or qcow2, read-only, never changes
//	DIR/volumes/ID/disk.FORMAT       raw, a qcow2 overlay, or luks
//	              /base.FORMAT       hard link to the image's file, if an overlay
//	              /generation        decimal, of the document made true last
//	DIR/snapshots/ID/...             like a volume
//	DIR/prepared/ID/...              snapshots a hypervisor is still filling
//	DIR/loose/volumes/NAME           not ours: a file of an operator's, or a volume that was let go of, as it was
//	DIR/loose/snapshots/NAME         the same for snapshots
//	DIR/tmp/...                      everything half made; swept by New
//
// What is true is in names and link counts, nowhere else. Formats are in the file names, so nothing
// is ever probed. An object is a directory that is filled and synced in tmp and
// appears by one rename, so nothing half made is ever seen. A base is one inode with a link
// from every volume that needs it: removing the image removes a name, and the kernel frees the bytes
// with the last volume; there is no counter. Chains are one deep: a clone or snapshot of an
// overlay copies the overlay and links the same base.
//
// What is which format:
//   - from an image on a file system with reflinks, and the image is raw: a raw clone without a base;
//   - from an image otherwise: a qcow2 overlay, written natively (package qcow2);
//   - from nothing: sparse raw, the fastest there is, and as thin;
//   - from a volume or snapshot: the format of the source, cloned by reflink or copied without its holes;
//   - encrypted: luks (package luks), into which qemu-img copies what its source holds in clear. Where nothing was
//     written it reads as noise. Copies of it are made of its file, header and all, so they need no key and have the same.
//
// A guest's QEMU can write to its overlay's header. So nothing in it is believed but
// the virtual size: it is checked (imageformat.CheckOverlay) before a tool opens the file, and tools get base and formats from us.
// Tools run unprivileged, without network, and see only the files they are given (sandbox.go).
//
// It knows no guests and does not change owners of files for them: the hypervisor
// driver does. Called by agent; wired in daemon.
package file

// Packages are the Debian packages whose tools the driver uses.
var Packages = []string{"qemu-utils"}
