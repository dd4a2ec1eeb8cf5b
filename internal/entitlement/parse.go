package entitlement

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// namespace is an identifier as RFC 8141 has it, and words.
var namespace = regexp.MustCompile(`^urn:[a-z0-9][a-z0-9-]{0,30}[a-z0-9](:[a-z0-9._~-]+)+$`)

// Parse takes a URN apart. The error is a sentence for whoever wrote it.
func Parse(text string) (e Entitlement, err error) {
	if strings.ContainsAny(text, "?; \t\r\n") {
		return e, fmt.Errorf("'%s' holds a character that an entitlement cannot hold", text)
	}
	urn, authority, stated := strings.Cut(modern(text), "#")
	if e.Authority, err = clear(authority); err != nil || stated && authority == "" || strings.Contains(authority, "#") {
		return e, fmt.Errorf("'%s' does not say who its authority is after '#'", text)
	}
	parts := strings.Split(urn, ":")
	if slices.Contains(parts, "") {
		return e, fmt.Errorf("'%s' has an empty part between colons", text)
	}
	// "urn", an identifier and a word at least make a namespace.
	const least = 3
	at := slices.IndexFunc(parts, func(p string) bool { return p == "group" || p == "res" })
	if at < least || at == len(parts)-1 {
		return e, fmt.Errorf("'%s' is no entitlement, which is written as urn:ID:NAMESPACE:group:GROUP:role=ROLE#AUTHORITY", text)
	}
	if err := e.namespace(parts[:at]); err != nil {
		return e, fmt.Errorf("'%s': %w", text, err)
	}
	read := e.group
	if parts[at] == "res" {
		read = e.capability
	}
	if err := read(parts[at+1:]); err != nil {
		return e, fmt.Errorf("'%s': %w", text, err)
	}
	e.subject = e.spell()
	return e, nil
}

// old is how EGI wrote a role in a VO before the guidelines. Nothing else is written in this way: with further colons
// or at signs it would be anybody's guess which part is the group.
var old = regexp.MustCompile(`(?i)^(urn:mace:egi\.eu):(aai\.egi\.eu):([^:@#=]+)@([^:@#=]+)$`)

// modern writes an entitlement of the old style as it is written today.
func modern(text string) string {
	m := old.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	return m[1] + ":group:" + m[4] + ":role=" + m[3] + "#" + strings.ToLower(m[2])
}

func (e *Entitlement) namespace(parts []string) error {
	e.Namespace = strings.ToLower(strings.Join(parts, ":"))
	if !namespace.MatchString(e.Namespace) {
		return fmt.Errorf("it does not begin with a namespace such as 'urn:mace:egi.eu:'")
	}
	return nil
}

func (e *Entitlement) group(parts []string) (err error) {
	if role, stated := strings.CutPrefix(parts[len(parts)-1], "role="); stated {
		if e.Role, err = clear(role); role == "" || err != nil {
			return fmt.Errorf("'role=%s' is no role", role)
		}
		parts = parts[:len(parts)-1]
	}
	if len(parts) == 0 {
		return fmt.Errorf("it names no group")
	}
	if slices.ContainsFunc(parts, func(p string) bool { return strings.HasPrefix(p, "role=") }) {
		return fmt.Errorf("a role stands last, behind the group that it is in")
	}
	e.Group, err = clears(parts)
	return err
}

func (e *Entitlement) capability(parts []string) (err error) {
	if at := slices.Index(parts, "act"); at >= 0 {
		if at != len(parts)-2 {
			return fmt.Errorf("'act:' is followed by the actions, with commas between them, and by nothing else")
		}
		actions := strings.Split(parts[at+1], ",")
		if e.Actions, err = clears(actions); err != nil || slices.Contains(actions, "") {
			return fmt.Errorf("'%s' is no list of actions", parts[at+1])
		}
		slices.Sort(e.Actions)
		e.Actions = slices.Compact(e.Actions)
		parts = parts[:at]
	}
	if len(parts) == 0 {
		return fmt.Errorf("it names no resource")
	}
	e.Resource, err = clears(parts)
	return err
}

// String is the entitlement in the one spelling that all equal ones have.
func (e *Entitlement) String() string {
	text := e.subject
	if len(e.Actions) > 0 {
		text += ":act:" + strings.Join(spelt(e.Actions), ",")
	}
	if e.Authority != "" {
		text += "#" + spell(e.Authority)
	}
	return text
}

func (e *Entitlement) spell() string {
	if len(e.Resource) > 0 {
		parts := spelt(e.Resource)
		for i, p := range parts {
			if p == "act" { // or it would be read as what stands before actions
				parts[i] = "%61ct"
			}
		}
		return e.Namespace + ":res:" + strings.Join(parts, ":")
	}
	text := e.Namespace + ":group:" + strings.Join(spelt(e.Group), ":")
	if e.Role != "" {
		text += ":role=" + spell(e.Role)
	}
	return text
}

// clear is a part without its percent signs.
func clear(part string) (string, error) {
	plain, err := url.PathUnescape(part)
	if err != nil {
		return "", fmt.Errorf("'%s' has a percent sign without two digits behind it", part)
	}
	return plain, nil
}

func clears(parts []string) ([]string, error) {
	all := make([]string, len(parts))
	for i, p := range parts {
		var err error
		if all[i], err = clear(p); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// spell writes a part so that none of its characters means anything.
func spell(part string) string { return strings.ReplaceAll(url.QueryEscape(part), "+", "%20") }

func spelt(parts []string) []string {
	all := make([]string, len(parts))
	for i, p := range parts {
		all[i] = spell(p)
	}
	return all
}
