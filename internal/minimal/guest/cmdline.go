package guest

import (
	"os"
	"strings"
)

// cmdline is the kernel's command line, the last value of each key.
type cmdline map[string]string

func readCmdline() cmdline {
	b, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return cmdline{}
	}
	return parseCmdline(string(b))
}

// parseCmdline splits at blanks outside double quotes.
func parseCmdline(s string) cmdline {
	c := cmdline{}
	quoted := false
	words := strings.FieldsFunc(s, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\n' || r == '\t')
	})
	for _, w := range words {
		key, value, _ := strings.Cut(strings.ReplaceAll(w, `"`, ""), "=")
		c[key] = value
	}
	return c
}
