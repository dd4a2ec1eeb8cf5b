package luks

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
)

// HeaderBytes is where a disk's own bytes begin, in every file that WriteHeader began.
const HeaderBytes = 2 << 20

const (
	sectorBytes  = 512
	slots        = 8
	stripes      = 4000
	saltBytes    = 32
	digestBytes  = 20
	alignedBytes = 4096
	// iterations of hashing a passphrase: as few as QEMU accepts.
	iterations  = 1000
	slotActive  = 0x00AC71F3
	slotEmpty   = 0x0000DEAD
	headerBytes = 592
)

var magic = []byte("LUKS\xba\xbe")

// The offsets of fields in a header, and in one of its slots. Numbers are big-endian.
const (
	atVersion, atCipher, atMode, atHash      = 6, 8, 40, 72
	atPayload, atKeyBytes, atDigest, atSalt  = 104, 108, 112, 132
	atIterations, atUUID, atSlots, slotBytes = 164, 168, 208, 48

	atSlotIterations, atSlotSalt, atSlotMaterial, atSlotStripes = 4, 8, 40, 44
)

// WriteHeader begins an encrypted disk that the passphrase opens, with a new master key. What follows HeaderBytes is
// the caller's to leave: unwritten bytes read as noise.
func WriteHeader(w io.WriterAt, name string, keyBits int, passphrase string) error {
	modeName, m, err := modeOf(name, keyBits)
	if err != nil {
		return err
	}
	random := make([]byte, keyBits/8+2*saltBytes+16)
	if _, err := rand.Read(random); err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	key, salt, slotSalt, id := random[:keyBits/8], random[keyBits/8:][:saltBytes], random[keyBits/8+saltBytes:][:saltBytes], random[keyBits/8+2*saltBytes:]
	digest, err := pbkdf2.Key(sha256.New, string(key), salt, iterations, digestBytes)
	if err != nil {
		return err
	}
	material, err := seal(m, key, passphrase, slotSalt)
	if err != nil {
		return err
	}
	h := header(modeName, len(key), digest, salt)
	copy(h[atUUID:], fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]))
	putSlots(h[atSlots:], len(key), slotSalt)
	if _, err := w.WriteAt(material, materialAt(0, len(key))); err != nil {
		return err
	}
	_, err = w.WriteAt(h, 0)
	return err
}

// header is all but the name of the disk and its slots.
func header(modeName string, keyBytes int, digest, salt []byte) []byte {
	h := make([]byte, headerBytes)
	copy(h, magic)
	binary.BigEndian.PutUint16(h[atVersion:], 1)
	copy(h[atCipher:], cipherName)
	copy(h[atMode:], modeName)
	copy(h[atHash:], "sha256")
	binary.BigEndian.PutUint32(h[atPayload:], HeaderBytes/sectorBytes)
	binary.BigEndian.PutUint32(h[atKeyBytes:], uint32(keyBytes))
	copy(h[atDigest:], digest)
	copy(h[atSalt:], salt)
	binary.BigEndian.PutUint32(h[atIterations:], iterations)
	return h
}

// putSlots writes eight slots, the first of them in use.
func putSlots(b []byte, keyBytes int, salt []byte) {
	for i := range slots {
		s := b[i*slotBytes:]
		binary.BigEndian.PutUint32(s, slotEmpty)
		binary.BigEndian.PutUint32(s[atSlotMaterial:], uint32(materialAt(i, keyBytes)/sectorBytes))
		binary.BigEndian.PutUint32(s[atSlotStripes:], stripes)
	}
	binary.BigEndian.PutUint32(b, slotActive)
	binary.BigEndian.PutUint32(b[atSlotIterations:], iterations)
	copy(b[atSlotSalt:], salt)
}

func materialAt(slot, keyBytes int) int64 {
	each := (keyBytes*stripes + alignedBytes - 1) / alignedBytes * alignedBytes
	return int64(alignedBytes + slot*each)
}

// seal is a slot's material: the master key, spread and encrypted with the passphrase.
func seal(m mode, key []byte, passphrase string, salt []byte) ([]byte, error) {
	b, err := spread(key)
	if err != nil {
		return nil, err
	}
	slotKey, err := pbkdf2.Key(sha256.New, passphrase, salt, iterations, len(key))
	if err != nil {
		return nil, err
	}
	encrypt, err := m.encrypter(slotKey)
	if err != nil {
		return nil, err
	}
	for n := 0; n*sectorBytes < len(b); n++ {
		encrypt(b[n*sectorBytes:][:sectorBytes], uint64(n))
	}
	return b, nil
}

// spread makes stripes of a key, all of which are needed to read it: so a slot that is wiped is gone although a disk
// may keep some of its old sectors.
func spread(key []byte) ([]byte, error) {
	b := make([]byte, stripes*len(key))
	last := b[(stripes-1)*len(key):]
	if _, err := rand.Read(b[:len(b)-len(key)]); err != nil {
		return nil, fmt.Errorf("stripes: %w", err)
	}
	for i := range stripes - 1 {
		xor(last, b[i*len(key):])
		diffuse(last)
	}
	xor(last, key)
	return b, nil
}

func xor(b, with []byte) {
	for i := range b {
		b[i] ^= with[i]
	}
}

// diffuse hashes b in pieces, each with its number.
func diffuse(b []byte) {
	for n := 0; n*sha256.Size < len(b); n++ {
		piece := b[n*sha256.Size : min(len(b), (n+1)*sha256.Size)]
		sum := sha256.Sum256(append(binary.BigEndian.AppendUint32(nil, uint32(n)), piece...))
		copy(piece, sum[:])
	}
}
