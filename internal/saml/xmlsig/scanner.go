package xmlsig

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// Scanner reads a document token by token.
type Scanner struct {
	in     *bufio.Reader
	limits Limits
	raw    []byte // the piece being read
	text   []byte // a text with its entities resolved
	token  Token
	names  map[string]string // so that a name that comes a million times is one string

	markup   bool // "<" was read
	empty    bool // a tag that ends itself was read: its end is next
	begun    bool // something was read
	rooted   bool // the root element has begun
	open     []openElement
	bindings []Binding // in scope
	outer    int       // how many of them came from outside

	tap *canonical // is told of each token
}

type openElement struct {
	Name
	bindings int // in scope outside
}

// NewScanner reads from r.
func NewScanner(r io.Reader, limits Limits) *Scanner {
	return &Scanner{in: bufio.NewReaderSize(&bounded{r, limits.Bytes}, 64<<10), limits: limits, names: map[string]string{}}
}

// bounded is a reader that fails where a document grows too large.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// Next reads a token; io.EOF says that the document ended well. After an error there is no going on.
func (s *Scanner) Next() (*Token, error) {
	if err := s.next(); err != nil {
		return nil, err
	}
	if s.tap != nil {
		s.tap.write(&s.token, s.bindings)
	}
	return &s.token, nil
}

func (s *Scanner) next() error {
	if s.empty {
		s.empty = false
		return s.close(s.open[len(s.open)-1].Name)
	}
	for {
		if !s.markup {
			if found, err := s.readText(); err != nil || found {
				return err
			}
		}
		s.markup = false
		if found, err := s.readMarkup(); err != nil || found {
			return err
		}
	}
}

// readText reads up to the next "<", which it consumes. There may be no text.
func (s *Scanner) readText() (found bool, err error) {
	err = s.read("<")
	if errors.Is(err, io.EOF) {
		return false, s.finish()
	} else if err != nil {
		return false, err
	}
	s.markup = true
	text := s.raw[:len(s.raw)-1]
	if !s.begun {
		text = bytes.TrimPrefix(text, []byte("\uFEFF"))
		s.begun = len(text) > 0
	}
	if len(s.open) == 0 {
		return false, s.outside(text)
	}
	if len(text) == 0 {
		return false, nil
	}
	if bytes.Contains(text, []byte("]]>")) {
		return false, malformed("]]> in a text")
	}
	s.token.Kind = Text
	s.token.Text, err = s.resolve(text, '\n')
	return true, err
}

// finish is called at the end of the bytes.
func (s *Scanner) finish() error {
	if len(s.open) > 0 || !s.rooted {
		return malformed("the document ends too early")
	}
	if err := s.outside(s.raw); err != nil {
		return err
	}
	return io.EOF
}

// outside checks a text outside of the root.
func (s *Scanner) outside(text []byte) error {
	if len(bytes.Trim(text, " \t\r\n")) > 0 {
		return malformed("a text outside of the root element")
	}
	return nil
}

// readMarkup reads what follows "<". Comments and the XML declaration are no tokens.
func (s *Scanner) readMarkup() (found bool, err error) {
	first := !s.begun
	s.begun = true
	next, err := s.in.Peek(3)
	if err != nil {
		return false, cut(err)
	}
	switch {
	case string(next) == "!--":
		return false, s.readComment()
	case string(next) == "![C":
		return s.readCDATA()
	case next[0] == '!':
		return false, ErrDTD
	case next[0] == '?':
		return false, s.readDeclaration(first)
	case next[0] == '/':
		return true, s.readEnd()
	}
	return true, s.readStart()
}

// cut is the error for an end of bytes in the midst of something.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return malformed("the document ends too early")
	}
	return err
}

func (s *Scanner) readComment() error {
	if !s.limits.Comments {
		return ErrComment
	}
	if err := s.read("-->"); err != nil {
		return cut(err)
	}
	const begin, end = "!--", "-->"
	if len(s.raw) < len(begin+end) || bytes.Index(s.raw[len(begin):], []byte("--")) != len(s.raw)-len(begin+end) {
		return malformed("-- in a comment")
	}
	return nil
}

func (s *Scanner) readCDATA() (bool, error) {
	const begin, end = "![CDATA[", "]]>"
	if err := s.read(end); err != nil {
		return false, cut(err)
	}
	text, found := bytes.CutPrefix(s.raw, []byte(begin))
	if !found || len(s.open) == 0 {
		return false, malformed("a misplaced <![")
	}
	s.token.Kind = Text
	s.token.Text = ends(text[:len(text)-len(end)])
	return len(s.token.Text) > 0, nil
}

// readDeclaration accepts the XML declaration and refuses other processing instructions.
func (s *Scanner) readDeclaration(first bool) error {
	if err := s.read("?>"); err != nil {
		return cut(err)
	}
	text, found := bytes.CutPrefix(s.raw, []byte("?xml"))
	if !found || !first || len(text) < 3 || !isSpace(text[0]) {
		return ErrComment
	}
	parts := strings.ToLower(strings.ReplaceAll(string(text), "'", `"`))
	if !strings.Contains(parts, `version="1.0"`) || strings.Contains(parts, "encoding") && !strings.Contains(parts, `encoding="utf-8"`) {
		return malformed("only XML 1.0 in UTF-8 is read")
	}
	return nil
}

func (s *Scanner) readEnd() error {
	if err := s.read(">"); err != nil {
		return cut(err)
	}
	raw := bytes.TrimRight(s.raw[1:len(s.raw)-1], " \t\r\n")
	if len(s.open) == 0 {
		return malformed("an end tag too many")
	}
	name := s.open[len(s.open)-1].Name
	prefix, local, err := s.splitName(raw)
	if err != nil || prefix != name.Prefix || local != name.Local {
		return malformed("</%.100s> where %s ends", raw, name.Local)
	}
	return s.close(name)
}

func (s *Scanner) close(name Name) error {
	last := len(s.open) - 1
	s.bindings = s.bindings[:s.open[last].bindings]
	s.open = s.open[:last]
	s.token = Token{Kind: EndTag, Name: name, Attrs: s.token.Attrs[:0], declared: s.token.declared[:0]}
	return nil
}

// read reads into raw up to and with a mark, which holds no ">" but at its end. The error is io.EOF where it does not come.
func (s *Scanner) read(mark string) error {
	s.raw = s.raw[:0]
	for {
		part, err := s.in.ReadSlice(mark[len(mark)-1])
		s.raw = append(s.raw, part...)
		if len(s.raw) > s.limits.TokenBytes {
			return ErrTooLarge
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil:
			return err
		case bytes.HasSuffix(s.raw, []byte(mark)):
			return legal(s.raw)
		}
	}
}
