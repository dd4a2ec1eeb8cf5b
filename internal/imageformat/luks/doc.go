// Package luks writes the headers of encrypted disks, LUKS version 1: what QEMU and cryptsetup open with a
// passphrase.
//
//	0        header: cipher, digest of the master key, eight key slots
//	4 KiB    the first slot's material: the master key, spread over 4000 stripes and encrypted with the passphrase
//	2 MiB    the disk's bytes, encrypted with the master key
//
// It reads nothing and encrypts no disk: QEMU does, while a guest runs. QEMU's own tool measures for a second how
// often it can hash a passphrase, to make guessing slow. Passphrases here are random and as long as the
// keys, so nobody guesses them, and a header is written in a millisecond.
//
// Called by driver/block/file; package volume asks it which ciphers there are.
package luks
