package ec2

import "testing"

// TestMatches proves the wildcards.
func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, value string
		want           bool
	}{
		{"a", "a", true}, {"a", "A", false}, {"a*", "abc", true}, {"*c", "abc", true}, {"*b*", "abc", true}, {"a*c*", "abcb", true}, {"a?c", "abc", true},
		{"a?c", "ac", false}, {`a\*`, "a*", true}, {`a\*`, "ab", false}, {`\?`, "?", true}, {`\?`, "x", false}, {"*", "", true}, {"?", "", false},
		{"a*b*c", "aXbYbZc", true}, {"*aab", "aaaab", true}, {`a\`, `a\`, true}, {"é?", "éa", true},
	} {
		if got := matches(c.pattern, c.value); got != c.want {
			t.Errorf("matches(%q, %q) = %v", c.pattern, c.value, got)
		}
	}
}
