package neutron

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// writeParts answers a list of what is part of other resources' rows: all of it is at hand, and any attribute sorts it.
func (a *api) writeParts(w http.ResponseWriter, r *http.Request, many string, parts []object) error {
	columns := openstack.SortColumns{}
	for _, key := range r.URL.Query()["sort_key"] {
		if len(parts) == 0 || parts[0][key] != nil {
			columns[key] = key
		}
	}
	page, err := openstack.ParsePage(r, columns, 0)
	if err != nil {
		return err
	}
	sortParts(parts, page.Order)
	shown, found := cloud.PageOf(parts, page.Query(), partID)
	if !found {
		return cloud.Invalidf("request", "marker", "Marker %s could not be found.", page.Marker)
	}
	body := object{many: pick(shown, r)}
	if links := pageLinks(r, page, shown, partID); len(links) > 0 {
		body[many+"_links"] = links
	}
	return openstack.WriteJSON(w, http.StatusOK, body)
}

// sortParts orders by attributes, and what is equal by id. Numbers are compared as such.
func sortParts(parts []object, order []cloud.Order) {
	if len(order) == 0 {
		return // as they were made
	}
	order = append(slices.Clone(order), cloud.Order{Column: "id", Desc: order[len(order)-1].Desc})
	slices.SortStableFunc(parts, func(a, b object) int {
		for _, o := range order {
			c := compareValues(a[o.Column], b[o.Column])
			if o.Desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
}

func compareValues(a, b any) int {
	if x, ok := a.(int); ok {
		if y, ok := b.(int); ok {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

func partID(o object) string { return fmt.Sprint(o["id"]) }
