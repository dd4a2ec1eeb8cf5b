package neutron

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// pageLinks lead to the pages before and after one that the client asked for by limit. As this API does, only a page that is
// not full ends the list, in the direction it was asked for: behind a full one there may be more, and also where the client
// came from.
func pageLinks[T any](r *http.Request, page openstack.Page, shown []T, id func(T) string) []object {
	if page.Limit == 0 {
		return nil
	}
	first, last := "", ""
	if len(shown) > 0 {
		first, last = id(shown[0]), id(shown[len(shown)-1])
	}
	full := len(shown) >= page.Limit
	var links []object
	if full || page.Reverse {
		links = append(links, pageLink(r, "next", last, false))
	}
	if full || !page.Reverse {
		links = append(links, pageLink(r, "previous", first, true))
	}
	return links
}

// pageLink leads to the page beside a row; beside none, to the first or the last.
func pageLink(r *http.Request, rel, marker string, reverse bool) object {
	q := r.URL.Query()
	q.Del("marker")
	q.Del("page_reverse")
	if marker != "" {
		q.Set("marker", marker)
	}
	if reverse {
		q.Set("page_reverse", "True")
	}
	return object{"rel": rel, "href": openstack.BaseURL(r) + openstack.RequestPath(r) + "?" + q.Encode()}
}
