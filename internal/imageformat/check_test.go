package imageformat

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/spec"
)

func judgeSample(t *testing.T, s imageSample) {
	t.Helper()
	r, size := bytes.NewReader(s.b), int64(len(s.b))
	err := Check(r, size, s.declared, Limits{})
	if s.refusal == "" {
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		if info, err := Inspect(r, size); s.virtual != 0 && (err != nil || info.VirtualBytes != s.virtual) {
			t.Fatalf("%+v, %v; want %d bytes", info, err, s.virtual)
		}
		return
	}
	var refusal *Refusal
	if !errors.As(err, &refusal) || !errors.Is(err, spec.ErrInvalid) {
		t.Fatalf("got %v, want a refusal", err)
	}
	if !strings.Contains(refusal.Sentence, s.refusal) || !strings.HasSuffix(refusal.Sentence, ".") {
		t.Fatalf("refused for another reason: %s (want %q)", refusal.Sentence, s.refusal)
	}
}

// TestCheck proves that each good file is taken and each bad one is refused, for the reason it is bad.
func TestCheck(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(s.name, func(t *testing.T) { judgeSample(t, s) })
	}
}

// TestCheckRealFiles proves the same on what QEMU writes.
func TestCheckRealFiles(t *testing.T) {
	for _, s := range real(t) {
		t.Run(s.name, func(t *testing.T) { judgeSample(t, s) })
	}
}

// TestLimits proves that limits hold for the file and for the disk inside.
func TestLimits(t *testing.T) {
	q := goodQCOW2(t)
	for _, c := range []struct {
		limits Limits
		ok     bool
	}{
		{Limits{}, true},
		{Limits{VirtualBytesMax: 4 << 20, FileBytesMax: int64(len(q))}, true},
		{Limits{VirtualBytesMax: 4<<20 - 1}, false},
		{Limits{FileBytesMax: int64(len(q)) - 1}, false},
	} {
		if err := Check(bytes.NewReader(q), int64(len(q)), spec.FormatQCOW2, c.limits); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.limits, err)
		}
	}
}

// TestCheckOverlay proves that our own overlays may name their base and nothing else.
func TestCheckOverlay(t *testing.T) {
	own, hostile := overlay(t, "base.raw"), overlay(t, "/etc/passwd")
	if info, err := CheckOverlay(bytes.NewReader(own), int64(len(own)), "base.raw"); err != nil || info.VirtualBytes != 1<<20 {
		t.Fatal(info, err)
	}
	if _, err := CheckOverlay(bytes.NewReader(hostile), int64(len(hostile)), "base.raw"); !errors.Is(err, spec.ErrInvalid) {
		t.Fatal(err)
	}
}

// TestStream proves that a stream agrees with Check however the bytes arrive, and says no before
// the end of a long file.
func TestStream(t *testing.T) {
	for _, s := range samples(t) {
		for _, step := range []int{1 << 20, 4096, 777} {
			stream := NewStream(s.declared, Limits{})
			var early error
			for at := 0; at < len(s.b) && early == nil; at += step {
				_, early = stream.Write(s.b[at:min(at+step, len(s.b))])
			}
			err := early
			if early == nil {
				err = stream.Finish(bytes.NewReader(s.b))
			}
			if (err == nil) != (s.refusal == "") {
				t.Errorf("%s in steps of %d: %v (early %v)", s.name, step, err, early)
			}
		}
	}
	for _, s := range samples(t) {
		switch s.name {
		case "qcow2 as raw", "raw as qcow2", "backing file", "vmdk without capacity", "vhd differencing", "vdi differencing", "luks", "raw as iso", "unknown format":
			stream := NewStream(s.declared, Limits{})
			long := io.MultiReader(bytes.NewReader(s.b), endless{})
			if n, err := io.CopyN(stream, long, 10<<20); err == nil || n > 1<<20 {
				t.Errorf("%s: %d bytes were read before a no (%v)", s.name, n, err)
			}
		}
	}
}

// endless are zeros.
type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestStreamLength proves that a file beyond the limit is stopped there.
func TestStreamLength(t *testing.T) {
	stream := NewStream(spec.FormatRaw, Limits{FileBytesMax: 1 << 20})
	n, err := io.Copy(stream, endless{})
	if !errors.Is(err, spec.ErrInvalid) || n > 1<<20 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if _, err := stream.Write([]byte{0}); !errors.Is(err, spec.ErrInvalid) {
		t.Fatal("it changed its mind")
	}
}

// countingReader counts what is read, to bound the work.
type countingReader struct {
	*bytes.Reader
	n int64
}

func (c *countingReader) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.Reader.ReadAt(p, at)
	c.n += int64(n)
	return n, err
}

// FuzzCheck proves that no bytes make an inspector panic, answer nonsense, read without bound, or let a
// stream refuse what Check takes.
func FuzzCheck(f *testing.F) {
	for _, s := range samples(f) {
		// Long seeds make a fuzzer slow; what is interesting comes first.
		f.Add(s.b[:min(len(s.b), 4096)], string(s.declared))
	}
	f.Fuzz(func(t *testing.T, b []byte, declared string) {
		r := &countingReader{Reader: bytes.NewReader(b)}
		err := Check(r, int64(len(b)), spec.Format(declared), Limits{})
		var refusal *Refusal
		if err != nil && !errors.As(err, &refusal) {
			t.Fatalf("not a refusal: %v", err)
		}
		if r.n > 8*int64(len(b))+1<<20 {
			t.Fatalf("read %d bytes of a file of %d", r.n, len(b))
		}
		if info, ierr := Inspect(r, int64(len(b))); ierr == nil && info.VirtualBytes < 0 {
			t.Fatalf("%+v", info)
		}
		stream := NewStream(spec.Format(declared), Limits{})
		if _, serr := stream.Write(b); serr != nil && err == nil {
			t.Fatalf("the stream refused what Check takes: %v", serr)
		}
	})
}
