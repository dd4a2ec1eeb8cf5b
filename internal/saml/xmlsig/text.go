package xmlsig

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// legal refuses bytes that are no characters of XML.
func legal(raw []byte) error {
	plain := true
	for _, c := range raw {
		if c < ' ' && !isSpace(c) {
			return malformed("a control character")
		}
		plain = plain && c < utf8.RuneSelf
	}
	if plain {
		return nil
	}
	if !utf8.Valid(raw) || bytes.Contains(raw, []byte("\uFFFE")) || bytes.Contains(raw, []byte("\uFFFF")) {
		return malformed("bytes that are no text in UTF-8")
	}
	return nil
}

// ends writes line ends as XML has them.
func ends(text []byte) []byte {
	if bytes.IndexByte(text, '\r') < 0 {
		return text
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(text, []byte("\r"), []byte("\n"))
}

// resolve writes a text as it is meant: line ends, then entities, and for an attribute (end is ' ') white space as blanks, except where it
// was written as a reference.
func (s *Scanner) resolve(raw []byte, end byte) ([]byte, error) {
	raw = ends(raw)
	if end == '\n' && bytes.IndexByte(raw, '&') < 0 {
		return raw, nil
	}
	s.text = s.text[:0]
	for {
		plain, rest, more := bytes.Cut(raw, []byte("&"))
		for _, c := range plain {
			if end == ' ' && isSpace(c) {
				c = ' '
			}
			s.text = append(s.text, c)
		}
		if !more {
			return s.text, nil
		}
		name, rest, closed := bytes.Cut(rest, []byte(";"))
		char, err := reference(string(name))
		if err != nil || !closed {
			return nil, malformed("'&%.20s' is no entity of XML", name)
		}
		s.text = utf8.AppendRune(s.text, char)
		raw = rest
	}
}

// entities are the only ones there are: others need a document type.
var entities = map[string]rune{"lt": '<', "gt": '>', "amp": '&', "quot": '"', "apos": '\''}

// reference is the character that an entity or number stands for.
func reference(name string) (rune, error) {
	if char, found := entities[name]; found {
		return char, nil
	}
	digits, base := strings.TrimPrefix(name, "#"), 10
	if strings.HasPrefix(digits, "x") {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 21)
	char := rune(n)
	if err != nil || digits == name || n < ' ' && !isSpace(byte(n)) || !utf8.ValidRune(char) || char == 0xFFFE || char == 0xFFFF {
		return 0, malformed("no character")
	}
	return char, nil
}
