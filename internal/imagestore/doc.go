// Package imagestore keeps the files of images that were uploaded to the control
// plane, in a directory of its own.
//
//	DIR/images/ID/SHA256    the file, read-only; its name is its checksum
//	DIR/tmp/...             uploads under way; swept by Open
//
// Bytes are hashed (MD5, SHA-256, SHA-512) by goroutines of their own while they are written, so an upload runs
// at the speed of the disk or of the slowest hash. A file appears whole, checked and durable, by one
// rename, or not at all. It never changes afterwards: hosts on the same file system link to it (see
// LocalPath) instead of copying.
//
// It knows no formats, quotas or states of images: the image use cases do, whose
// interface (image.Bytes) it implements. Wired in daemon.
package imagestore
