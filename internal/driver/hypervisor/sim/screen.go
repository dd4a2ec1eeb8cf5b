package sim

import "encoding/binary"

// screen is a display that shows nothing: it goes through the handshake of RFB 3.8 without a password (RFC 6143, section 7) and
// then listens.
type screen struct {
	name  string
	heard []byte
	step  int
}

const rfbVersion = "RFB 003.008\n"

// handshake is what a client sends, step by step, as far as it counts: its length, and the answer.
var handshake = []struct {
	bytes  int
	answer func(*screen) []byte
}{
	{len(rfbVersion), func(*screen) []byte { return []byte{1, 1} }}, // one security type: none
	{1, func(*screen) []byte { return []byte{0, 0, 0, 0} }},         // it is accepted
	{1, (*screen).init},
}

func (s *screen) greeting() string { return rfbVersion }

// answer takes what a client sent and says what it gets for it.
func (s *screen) answer(b []byte) (out []byte) {
	s.heard = append(s.heard, b...)
	for s.step < len(handshake) && len(s.heard) >= handshake[s.step].bytes {
		now := handshake[s.step]
		s.heard = s.heard[now.bytes:]
		s.step++
		out = append(out, now.answer(s)...)
	}
	if s.step == len(handshake) {
		s.heard = nil
	}
	return out
}

// init is the size, the format of a pixel and the name.
func (s *screen) init() []byte {
	b := binary.BigEndian.AppendUint16(nil, 640)
	b = binary.BigEndian.AppendUint16(b, 480)
	b = append(b, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(s.name)))
	return append(b, s.name...)
}

// terminal is a serial console that echoes and asks for a login.
type terminal struct{ prompt string }

func (t terminal) greeting() string { return t.prompt }

func (t terminal) answer(b []byte) []byte {
	for _, c := range b {
		if c == '\r' || c == '\n' {
			return append(b, t.prompt...)
		}
	}
	return b
}
