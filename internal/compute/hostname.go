package compute

import (
	"regexp"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// hostnameMax bounds a fully qualified name. RFC 1035 bounds its labels.
const hostnameMax = 255

var hostLabel = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// checkHostname refuses what no guest could call itself. A name may be fully qualified: labels with dots between them.
func checkHostname(name string) error {
	fits := len(name) <= hostnameMax
	for _, label := range strings.Split(name, ".") {
		fits = fits && hostLabel.MatchString(label)
	}
	if !fits {
		return cloud.Invalidf(resource, "hostname",
			"Invalid input for field/attribute hostname. Value: %s. A host name has letters, digits and, between them, hyphens; dots part its labels of 63 characters at most.", name)
	}
	return nil
}

// hostname makes a DNS label of the name, as guests expect it.
func hostname(asked, name string, id cloud.InstanceID, n int) string {
	if asked != "" && n == 1 {
		return asked
	}
	label := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		case c == ' ' || c == '_' || c == '.':
			return '-'
		}
		return -1
	}, name)
	if label = strings.Trim(label, "-"); label == "" {
		label = "server-" + string(id)
	}
	return strings.Trim(label[:min(63, len(label))], "-")
}
