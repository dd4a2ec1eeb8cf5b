package mapping

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// format puts values into the places of a template: "{0}" is the first, "{}" the next, "{{" a brace. One value is put as it is,
// others as Python writes a list, which list reads again.
//
// Source: https://docs.python.org/3/library/string.html#format-string-syntax, without conversions and widths.
func format(template string, values [][]string) (string, error) {
	var out strings.Builder
	next, numbered := 0, false
	for i := 0; i < len(template); i++ {
		c := template[i]
		if c != '{' && c != '}' {
			out.WriteByte(c)
			continue
		}
		if i+1 < len(template) && template[i+1] == c {
			out.WriteByte(c)
			i++
			continue
		}
		end := strings.IndexByte(template[i:], '}')
		if c == '}' || end < 0 {
			return "", fmt.Errorf("a brace in '%s' has no other: '{{' and '}}' are those that stay", template)
		}
		name := template[i+1 : i+end]
		n, err := strconv.Atoi(name)
		switch {
		case name == "" && !numbered:
			n, next = next, next+1
		case name == "" || err != nil || n < 0 || next > 0:
			return "", fmt.Errorf("'{%s}' in '%s' is no place: places are all '{}', or all numbers", name, template)
		default:
			numbered = true
		}
		if n >= len(values) {
			return "", fmt.Errorf("'%s' wants more values than the remote parts give, which are %d", template, len(values))
		}
		out.WriteString(written(values[n]))
		i += end
	}
	return out.String(), nil
}

// written is one value as it is, none and several as a list.
func written(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quote(v)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// quote writes a text as Python shows it.
func quote(text string) string {
	mark := '\''
	if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		mark = '"'
	}
	var out strings.Builder
	out.WriteRune(mark)
	for _, r := range text {
		switch {
		case r == mark || r == '\\':
			out.WriteString(`\` + string(r))
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case unicode.IsPrint(r):
			out.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&out, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			fmt.Fprintf(&out, `\U%08x`, r)
		}
	}
	out.WriteRune(mark)
	return out.String()
}

// An element of a list is a quoted text, or a number, which stays as it is written.
var (
	quoted   = regexp.MustCompile(`^'(?:[^'\\\n]|\\.)*'|^"(?:[^"\\\n]|\\.)*"`)
	number   = regexp.MustCompile(`^[-+]?\d+(?:\.\d+)?`)
	escaped  = regexp.MustCompile(`(?s)\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)`)
	oneChar  = map[string]string{`\n`: "\n", `\r`: "\r", `\t`: "\t", `\\`: `\`, `\'`: `'`, `\"`: `"`, `\a`: "\a", `\b`: "\b", `\f`: "\f", `\v`: "\v"}
	blankSet = " \t\r\n"
)

// list reads a list that Python wrote; any other text is a list of itself.
func list(text string) []string {
	rest, ok := strings.CutPrefix(strings.TrimLeft(text, " \t"), "[")
	if !ok {
		return []string{text}
	}
	items := []string{}
	for {
		rest = strings.TrimLeft(rest, blankSet)
		if end, ok := strings.CutPrefix(rest, "]"); ok && strings.Trim(end, blankSet) == "" {
			return items
		}
		item := quoted.FindString(rest)
		if item != "" {
			items = append(items, unquote(item))
		} else if item = number.FindString(rest); item != "" {
			items = append(items, item)
		} else {
			return []string{text}
		}
		rest = strings.TrimLeft(rest[len(item):], blankSet)
		if after, ok := strings.CutPrefix(rest, ","); ok {
			rest = after
		} else if !strings.HasPrefix(rest, "]") {
			return []string{text}
		}
	}
}

func unquote(item string) string {
	return escaped.ReplaceAllStringFunc(item[1:len(item)-1], func(e string) string {
		if one, ok := oneChar[e]; ok {
			return one
		}
		if n, err := strconv.ParseUint(e[min(2, len(e)):], 16, 32); err == nil && len(e) > 2 {
			return string(rune(n))
		}
		return e
	})
}
