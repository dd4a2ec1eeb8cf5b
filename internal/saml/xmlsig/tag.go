package xmlsig

import (
	"bytes"
	"slices"
)

const (
	xmlSpace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsSpace = "http://www.w3.org/2000/xmlns/"
)

// readStart reads a start tag, or one that ends itself.
func (s *Scanner) readStart() error {
	if len(s.open) == 0 && s.rooted {
		return malformed("a second root element")
	}
	if len(s.open) >= s.limits.Depth {
		return ErrTooLarge
	}
	raw, err := s.readTag()
	if err != nil {
		return err
	}
	raw, s.empty = bytes.CutSuffix(raw, []byte("/"))
	name, rest := cutName(raw)
	s.token = Token{Kind: StartTag, Attrs: s.token.Attrs[:0], declared: s.token.declared[:0]}
	if s.token.Prefix, s.token.Local, err = s.splitName(name); err != nil {
		return err
	}
	if err := s.readAttributes(rest); err != nil {
		return err
	}
	s.open = append(s.open, openElement{bindings: len(s.bindings)})
	s.bindings = append(s.bindings, s.token.declared...)
	s.rooted = true
	if err := s.resolveNames(); err != nil {
		return err
	}
	s.open[len(s.open)-1].Name = s.token.Name
	return nil
}

// readTag reads up to the ">" that is not in quotes, and leaves it out.
func (s *Scanner) readTag() ([]byte, error) {
	s.raw = s.raw[:0]
	var quote byte // that is open
	for {
		part, err := s.in.ReadSlice('>')
		if s.raw = append(s.raw, part...); len(s.raw) > s.limits.TokenBytes {
			return nil, ErrTooLarge
		}
		if err != nil && len(part) < s.in.Size() {
			return nil, cut(err)
		}
		if quote = quoteAfter(quote, part); quote == 0 && err == nil {
			return s.raw[:len(s.raw)-1], legal(s.raw)
		}
	}
}

// quoteAfter is the quote that is open after a part, given the one open before it.
func quoteAfter(quote byte, part []byte) byte {
	for _, c := range part {
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
	}
	return quote
}

// readAttributes reads what stands behind a tag's name into the token.
func (s *Scanner) readAttributes(rest []byte) error {
	for n := 0; ; n++ {
		trimmed := bytes.TrimLeft(rest, " \t\r\n")
		if len(trimmed) == 0 {
			return nil
		}
		if len(trimmed) == len(rest) {
			return malformed("a tag with something before '%.50s'", rest)
		}
		if n >= s.limits.Attributes {
			return ErrTooLarge
		}
		name, value, after, err := cutAttribute(trimmed)
		if err != nil {
			return err
		}
		if err := s.attribute(name, value); err != nil {
			return err
		}
		rest = after
	}
}

// cutAttribute splits name="value" from the front.
func cutAttribute(raw []byte) (name, value, after []byte, err error) {
	name, rest := cutName(raw)
	rest, found := bytes.CutPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte("="))
	rest = bytes.TrimLeft(rest, " \t\r\n")
	if !found || len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
		return nil, nil, nil, malformed("an attribute '%.50s' without a value", name)
	}
	end := bytes.IndexByte(rest[1:], rest[0])
	if end < 0 {
		return nil, nil, nil, malformed("an attribute '%.50s' without an end", name)
	}
	value = rest[1 : 1+end]
	if bytes.IndexByte(value, '<') >= 0 {
		return nil, nil, nil, malformed("< in an attribute")
	}
	return name, value, rest[2+end:], nil
}

// attribute adds one to the token.
func (s *Scanner) attribute(name, raw []byte) error {
	prefix, local, err := s.splitName(name)
	if err != nil {
		return err
	}
	text, err := s.resolve(raw, ' ')
	if err != nil {
		return err
	}
	switch value := string(text); {
	case prefix == "xmlns":
		return s.declare(local, value)
	case prefix == "" && local == "xmlns":
		return s.declare("", value)
	default:
		s.token.Attrs = append(s.token.Attrs, Attr{Name{Prefix: prefix, Local: local}, value})
		return nil
	}
}

// declare adds a namespace to the token, by the rules of "Namespaces in XML".
func (s *Scanner) declare(prefix, space string) error {
	if _, twice := lookup(s.token.declared, prefix); twice {
		return malformed("two declarations of the prefix '%s'", prefix)
	}
	if prefix == "xmlns" || space == xmlnsSpace || (prefix == "xml") != (space == xmlSpace) || prefix != "" && space == "" {
		return malformed("the prefix '%s' cannot stand for '%.100s'", prefix, space)
	}
	if prefix != "xml" { // is always there
		s.token.declared = append(s.token.declared, Binding{s.intern([]byte(prefix)), space})
	}
	return nil
}

// resolveNames finds the namespaces of a start tag's names, and attributes that are there twice.
func (s *Scanner) resolveNames() (err error) {
	if s.token.Space, err = s.space(s.token.Prefix); err != nil {
		return err
	}
	attrs := s.token.Attrs
	for i := range attrs {
		if attrs[i].Prefix != "" {
			if attrs[i].Space, err = s.space(attrs[i].Prefix); err != nil {
				return err
			}
		}
		if slices.ContainsFunc(attrs[:i], func(a Attr) bool { return a.Is(attrs[i].Space, attrs[i].Local) }) {
			return malformed("two attributes '%s'", attrs[i].Local)
		}
	}
	return nil
}

func (s *Scanner) space(prefix string) (string, error) {
	if prefix == "xml" {
		return xmlSpace, nil
	}
	space, bound := lookup(s.bindings, prefix)
	if !bound && prefix != "" {
		return "", malformed("the prefix '%s' stands for nothing", prefix)
	}
	return space, nil
}

// cutName splits a name from the front.
func cutName(raw []byte) (name, rest []byte) {
	end := bytes.IndexAny(raw, " \t\r\n=/\"'<>&")
	if end < 0 {
		end = len(raw)
	}
	return raw[:end], raw[end:]
}

// splitName checks a name and splits its prefix off.
func (s *Scanner) splitName(raw []byte) (prefix, local string, err error) {
	before, after, prefixed := bytes.Cut(raw, []byte(":"))
	if !prefixed {
		before, after = nil, before
	}
	if prefixed && !isNCName(before) || !isNCName(after) {
		return "", "", malformed("'%.100s' is no name", raw)
	}
	return s.intern(before), s.intern(after), nil
}

func (s *Scanner) intern(name []byte) string {
	if known, found := s.names[string(name)]; found { // without an allocation
		return known
	}
	known := string(name)
	if len(s.names) < 10_000 {
		s.names[known] = known
	}
	return known
}

// isNCName accepts the names without a colon that are ASCII, as all names of the standards are.
func isNCName(raw []byte) bool {
	for i, c := range raw {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_'
		if !letter && (i == 0 || c != '-' && c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return len(raw) > 0
}
