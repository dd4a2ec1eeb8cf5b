package sim

import (
	"bytes"
	"testing"
)

// A screen answers the handshake however its bytes are cut, and nothing after it.
func TestScreen(t *testing.T) {
	client := append([]byte(rfbVersion), 1, 1)
	want := append([]byte{1, 1, 0, 0, 0, 0}, (&screen{name: "g"}).init()...)
	for size := 1; size <= len(client); size++ {
		s, got := &screen{name: "g"}, []byte(nil)
		for rest := client; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			got = append(got, s.answer(rest[:min(size, len(rest))])...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("in pieces of %d: %v", size, got)
		}
		if more := s.answer(make([]byte, 100)); len(more) != 0 {
			t.Errorf("after the handshake it says %v", more)
		}
	}
}
