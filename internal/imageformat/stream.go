package imageformat

import (
	"bytes"
	"io"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// streamHeadBytes is how much of a file a Stream keeps: enough to recognise every format.
const streamHeadBytes = 64 << 10

// Stream looks at an image while its bytes arrive, so that a hopeless upload
// ends in its first kilobytes. It keeps only the head, and passes nothing on:
// use it with io.MultiWriter. Its yes is provisional: call Finish at the end.
type Stream struct {
	declared spec.Format
	limits   Limits
	head     []byte
	judged   int // bytes of head at the last look
	written  int64
	virtual  int64 // as far as the head tells; 0: not yet, or the file's own length
	err      error
}

// NewStream begins to look at a file declared to be of a format.
func NewStream(declared spec.Format, limits Limits) *Stream {
	return &Stream{declared: declared, limits: limits.orDefault(), err: checkDeclared(declared)}
}

// Write returns a *Refusal as soon as it is certain that the file will be
// refused; it never does so for one that Finish would accept. Once it has refused it goes on doing so.
func (s *Stream) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	s.written += int64(len(p))
	if s.written > s.limits.FileBytesMax {
		s.err = s.limits.checkFile(s.written)
		return 0, s.err
	}
	if room := streamHeadBytes - len(s.head); room > 0 && !isOpaque(s.declared) {
		s.head = append(s.head, p[:min(room, len(p))]...)
		s.err = s.judge()
	}
	if s.err != nil {
		return 0, s.err
	}
	return len(p), nil
}

// judge looks when the first header is there and when the head is whole.
func (s *Stream) judge() error {
	due := s.judged < 4096 && len(s.head) >= 4096 || s.judged < streamHeadBytes && len(s.head) == streamHeadBytes
	if !due {
		return nil
	}
	s.judged = len(s.head)
	real, err := single(detectHead(s.head))
	if err != nil {
		return err
	}
	whole := len(s.head) == streamHeadBytes
	switch {
	case real == spec.FormatRaw && s.declared == spec.FormatISO && !whole:
		return nil // what makes an ISO comes later
	case real == spec.FormatRaw && s.declared == spec.FormatVHD:
		return nil // a fixed VHD shows itself at its end
	case real == spec.FormatVHDX || real == spec.FormatQCOW2 && !whole:
		// Too early for more than the name.
		return checkMatch(s.declared, real)
	}
	if err := checkMatch(s.declared, real); err != nil {
		return err
	}
	return s.inspectHead(real)
}

func (s *Stream) inspectHead(real spec.Format) error {
	virtual, err := inspectors[real](bytes.NewReader(s.head), int64(len(s.head)), true)
	if err != nil {
		return err
	}
	if real != spec.FormatRaw && real != spec.FormatISO {
		s.virtual = virtual
	}
	return s.limits.checkVirtual(virtual)
}

// VirtualBytes is the size of the disk as far as what was written tells: for
// raw files their length so far, for others what their head says, 0 if nothing yet.
func (s *Stream) VirtualBytes() int64 {
	if isOpaque(s.declared) || s.declared == spec.FormatRaw || s.declared == spec.FormatISO {
		return (s.written + sectorBytes - 1) / sectorBytes * sectorBytes
	}
	return s.virtual
}

// Finish judges the stored file as a whole, as Check does.
func (s *Stream) Finish(r io.ReaderAt) error {
	if s.err != nil {
		return s.err
	}
	return Check(r, s.written, s.declared, s.limits)
}
