package quota

import (
	"context"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// PartCounter counts a project's use of a part of a resource: its volumes of one type.
type PartCounter func(ctx context.Context, p cloud.ProjectID, part string) (int64, error)

// Part is the resource that stands for a part of another one. It is unlimited unless somebody limits it.
func Part(resource, part string) string { return resource + partSeparator + part }

const partSeparator = "/"

// Cut finds the resource and the part that a name made by Part stands for.
func Cut(name string) (resource, part string, ok bool) { return strings.Cut(name, partSeparator) }

// RegisterParts says how the use of each part of a resource is counted. Call it while wiring only.
func (s *Service) RegisterParts(resource string, c PartCounter) { s.parts[resource] = c }

// known tells whether there is a quota of that name.
func (s *Service) known(name string) bool {
	if resource, _, ok := Cut(name); ok {
		return s.parts[resource] != nil
	}
	_, ok := cloud.DefaultLimits[name]
	return ok
}
