package luks_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/imageformat/luks"
)

// TestQEMUOpens proves that QEMU opens what is written with the passphrase and with no other, that its bytes
// are kept, and that they cannot be read without it.
func TestQEMUOpens(t *testing.T) {
	if _, err := exec.LookPath("qemu-io"); err != nil {
		t.Skip("needs qemu-io (Debian package qemu-utils)")
	}
	for _, c := range []struct {
		cipher string
		bits   int
	}{{"aes-xts-plain64", 256}, {"aes-xts-plain64", 512}, {"aes-cbc-plain64", 256}, {"aes-cbc-essiv:sha256", 128}, {"aes-cbc-essiv:sha256", 256}} {
		t.Run(c.cipher+"/"+strconv.Itoa(c.bits), func(t *testing.T) {
			disk := filepath.Join(t.TempDir(), "disk")
			begin(t, disk, c.cipher, c.bits)
			if out, err := qemuIO(disk, "the right one", "write -P 90 1M 64k"); err != nil {
				t.Fatalf("write: %v: %s", err, out)
			}
			if out, err := qemuIO(disk, "the right one", "read -P 90 1M 64k"); err != nil || strings.Contains(out, "failed") {
				t.Fatalf("read: %v: %s", err, out)
			}
			if _, err := qemuIO(disk, "the wrong one", "read 0 512"); err == nil {
				t.Error("another passphrase opens it")
			}
			b, err := os.ReadFile(disk)
			if err != nil || bytes.Contains(b, bytes.Repeat([]byte{90}, 16)) {
				t.Errorf("the bytes lie open in the file (%v)", err)
			}
		})
	}
}

func begin(t *testing.T, disk, cipher string, bits int) {
	t.Helper()
	f, err := os.Create(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := luks.WriteHeader(f, cipher, bits, "the right one"); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(luks.HeaderBytes + 4<<20); err != nil {
		t.Fatal(err)
	}
}

func qemuIO(disk, passphrase, command string) (string, error) {
	out, err := exec.Command("qemu-io", "--object", "secret,id=key,data="+passphrase, "-c", command,
		"--image-opts", "driver=luks,key-secret=key,file.driver=file,file.filename="+disk).CombinedOutput()
	return string(out), err
}

// TestCheck tells what cannot be encrypted so, in words that name what can.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		cipher string
		bits   int
		good   bool
	}{{luks.DefaultCipher, luks.DefaultKeyBits, true}, {"aes-xts-plain64", 384, false}, {"aes-xts-plain64", 0, false},
		{"aes", 256, false}, {"", 256, false}, {"serpent-xts-plain64", 512, false}, {"aes-cbc-essiv:sha256", 256, true}} {
		err := luks.Check(c.cipher, c.bits)
		if (err == nil) != c.good {
			t.Errorf("%s with %d bits: %v", c.cipher, c.bits, err)
		}
		if err != nil && !strings.Contains(err.Error(), luks.Ciphers) {
			t.Errorf("%v does not say which there are", err)
		}
	}
}
