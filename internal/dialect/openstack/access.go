package openstack

import (
	"net/http"
	"strings"
)

// serviceTypes are the names that access rules know a service by.
var serviceTypes = map[string][]string{
	"keystone":  {"identity"},
	"nova":      {"compute"},
	"glance":    {"image"},
	"neutron":   {"network"},
	"cinder":    {"block-storage", "volumev3", "volume", "block-store"},
	"placement": {"placement"},
}

func (s *Service) types() []string {
	if t, ok := serviceTypes[s.Name]; ok {
		return t
	}
	return []string{s.Name}
}

// RequestPath is the path as the client wrote it, with the prefix that was stripped since.
func RequestPath(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	return path
}
