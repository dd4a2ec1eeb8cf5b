package mapping

import (
	"fmt"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// searchTime bounds one search: an expression may take for ever on a text that a stranger chose.
const searchTime = 100 * time.Millisecond

// expressions makes expressions ready that are written as Python reads them. The standard library's lack what sites use
// (conditions on what is around a match), and see other digits, letters and ends of lines.
func expressions(texts []string) ([]*regexp2.Regexp, error) {
	all := make([]*regexp2.Regexp, len(texts))
	for i, text := range texts {
		re, err := regexp2.Compile(fromPython(text), regexp2.None)
		if err != nil {
			return nil, fmt.Errorf("'%s' is no regular expression", text)
		}
		re.MatchTimeout = searchTime
		all[i] = re
	}
	return all, nil
}

// fromPython writes a Python expression as the .NET one that regexp2 takes: named groups, the end of the text, a repetition
// without a lower bound and brackets within brackets are written in other ways.
func fromPython(text string) string {
	var out strings.Builder
	inClass := false
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, `\Z`) && !inClass:
			out.WriteString(`\z`)
			i++
		case rest[0] == '\\' && len(rest) > 1:
			out.WriteString(rest[:2])
			i++
		case inClass:
			inClass = rest[0] != ']'
			if rest[0] == '[' {
				out.WriteByte('\\')
			}
			out.WriteByte(rest[0])
		case rest[0] == '[':
			begin := classBegin(rest)
			out.WriteString(begin)
			i += len(begin) - 1
			inClass = true
		case strings.HasPrefix(rest, "(?P<"):
			out.WriteString("(?<")
			i += len("(?P<") - 1
		case strings.HasPrefix(rest, "(?P=") && strings.Contains(rest, ")"):
			end := strings.IndexByte(rest, ')')
			out.WriteString(`\k<` + rest[len("(?P="):end] + ">")
			i += end
		case strings.HasPrefix(rest, "{,"):
			out.WriteString("{0,")
			i++
		default:
			out.WriteByte(rest[0])
		}
	}
	return out.String()
}

// classBegin is a class up to where a bracket would close it: the first one after "[" or "[^" does not.
func classBegin(text string) string {
	n := 1
	for _, c := range "^]" {
		if n < len(text) && rune(text[n]) == c {
			n++
		}
	}
	return text[:n]
}
