package luks

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/xts"
)

// The cipher of disks for which none was named.
const (
	DefaultCipher  = "aes-xts-plain64"
	DefaultKeyBits = 512
)

// mode is how AES is used on sectors, under the names that headers have for it.
type mode struct {
	keyBits []int
	// encrypter answers what encrypts one sector in place.
	encrypter func(key []byte) (func(sector []byte, number uint64), error)
}

const cipherName = "aes"

// modes are what QEMU can open too.
var modes = map[string]mode{
	"xts-plain64":      {[]int{256, 512}, encryptXTS},
	"cbc-plain64":      {[]int{128, 256}, func(key []byte) (func([]byte, uint64), error) { return encryptCBC(key, nil) }},
	"cbc-essiv:sha256": {[]int{128, 256}, encryptESSIV},
}

// Ciphers says for people which ciphers and sizes of keys there are.
const Ciphers = "aes-xts-plain64 with keys of 256 or 512 bits, aes-cbc-essiv:sha256 and aes-cbc-plain64 with 128 or 256"

// Check tells whether a disk can be encrypted so; its error is for the person who asked.
func Check(name string, keyBits int) error {
	_, _, err := modeOf(name, keyBits)
	return err
}

func modeOf(name string, keyBits int) (string, mode, error) {
	if rest, ok := strings.CutPrefix(name, cipherName+"-"); ok {
		if m := modes[rest]; slices.Contains(m.keyBits, keyBits) {
			return rest, m, nil
		}
	}
	return "", mode{}, fmt.Errorf("cipher %s with a key of %d bits is not among %s", name, keyBits, Ciphers)
}

func encryptXTS(key []byte) (func([]byte, uint64), error) {
	c, err := xts.NewCipher(aes.NewCipher, key)
	if err != nil {
		return nil, err
	}
	return func(sector []byte, number uint64) { c.Encrypt(sector, sector, number) }, nil
}

// encryptESSIV encrypts the numbers of sectors with a hash of the key before they become initial vectors.
func encryptESSIV(key []byte) (func([]byte, uint64), error) {
	sum := sha256.Sum256(key)
	salt, err := aes.NewCipher(sum[:])
	if err != nil {
		return nil, err
	}
	return encryptCBC(key, salt)
}

func encryptCBC(key []byte, salt cipher.Block) (func([]byte, uint64), error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return func(sector []byte, number uint64) {
		iv := make([]byte, aes.BlockSize)
		binary.LittleEndian.PutUint64(iv, number)
		if salt != nil {
			salt.Encrypt(iv, iv)
		}
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(sector, sector)
	}, nil
}
