package ec2

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/dialect/wire/awsquery"
)

// Capabilities is the page that says what of the API is served. It is made from the tables that requests are answered by.
func (h *Handler) Capabilities() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What is served of Amazon EC2's API\n\nMade from the code (`go test ./internal/dialect/ec2 -run TestCapabilities -update`); do not edit.\n\n"+
		"%d actions are served, %d others answer `UnsupportedOperation`. A parameter that is refused answers\n`UnsupportedOperation`, too; one \"without effect\" may be given and changes nothing, as nothing here needs it.\nA switch that is off (`false`) is refused nowhere.\n", len(h.actions), len(shape.Unserved))
	b.WriteString("\n| Action | Parameters | Without effect | Refused |\n| --- | --- | --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(h.actions)) {
		honoured, idle, refused := h.actions[name].parameters()
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, strings.Join(honoured, ", "), strings.Join(idle, ", "), strings.Join(refused, ", "))
	}
	b.WriteString("\n## Actions that are not served\n\n")
	line := ""
	for _, name := range shape.Unserved {
		if len(line)+len(name) > 110 {
			b.WriteString(line + "\n")
			line = ""
		}
		line += name + " "
	}
	b.WriteString(line + "\n")
	return b.String()
}

// parameters are an action's members by what becomes of them.
func (act *action) parameters() (honoured, idle, refused []string) {
	for _, name := range awsquery.Members(act.request) {
		effect, taken := act.taken[name]
		switch {
		case effect:
			honoured = append(honoured, name)
		case taken:
			idle = append(idle, name)
		default:
			refused = append(refused, name)
		}
	}
	return honoured, idle, refused
}
