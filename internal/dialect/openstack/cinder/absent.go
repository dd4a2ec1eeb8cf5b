package cinder

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// absent are the collections of things that this cloud does not have: their lists are empty, which is true, and nothing
// can be added to them.
var absent = map[string]string{
	"consistencygroups": "consistencygroups", "consistencygroups/detail": "consistencygroups",
	"clusters": "clusters",
}

func absentRoutes(s *openstack.Service) {
	for path, key := range absent {
		s.Handle("GET /v3/"+path, func(w http.ResponseWriter, _ *http.Request) error {
			return openstack.WriteJSON(w, http.StatusOK, map[string]any{key: []any{}})
		})
	}
}
