package placement

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/inventory"
)

// projectUsages adds up before 1.38, then tells types of consumers apart: one that is asked for, all as one ("all"), or each.
func (a *api) projectUsages(w http.ResponseWriter, r *http.Request) error {
	if err := since(r, 9); err != nil {
		return err
	}
	known := []string{"project_id", "user_id"}
	if atLeast(r, 38) {
		known = append(known, "consumer_type")
	}
	if err := onlyKeys(r, known...); err != nil {
		return err
	}
	q := r.URL.Query()
	if q.Get("project_id") == "" {
		return cloud.Invalidf("request", "project_id", "Invalid query string parameters: 'project_id' is a required property")
	}
	byType, err := a.Inventory.ProjectUsage(r.Context(), cloud.ProjectID(q.Get("project_id")), cloud.UserID(q.Get("user_id")))
	if err != nil {
		return err
	}
	if !atLeast(r, 38) {
		return write(w, r, http.StatusOK, zeroTime, map[string]any{"usages": together(byType).Held})
	}
	out := map[string]any{}
	wanted := q.Get("consumer_type")
	if wanted == "all" {
		if len(byType) > 0 {
			out["all"] = usage(together(byType))
		}
		byType = nil
	}
	for kind, u := range byType {
		if wanted == "" || wanted == kind {
			out[kind] = usage(u)
		}
	}
	return write(w, r, http.StatusOK, zeroTime, map[string]any{"usages": out})
}

func usage(u inventory.Usage) map[string]int {
	m := map[string]int{"consumer_count": u.Consumers}
	for class, n := range u.Held {
		m[class] = n
	}
	return m
}

func together(byType map[string]inventory.Usage) inventory.Usage {
	sum := inventory.Usage{Held: map[string]int{}}
	for _, u := range byType {
		sum.Consumers += u.Consumers
		for class, n := range u.Held {
			sum.Held[class] += n
		}
	}
	return sum
}
