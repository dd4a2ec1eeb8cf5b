package openstack

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Page is what a list request says about order and extent.
type Page struct {
	Limit   int  // 0: the client named none
	Empty   bool // the client asked for no rows at all
	Marker  string
	Order   []cloud.Order
	Reverse bool // page_reverse (Network)
}

// SortColumns maps the sort keys a list documents to the store's columns.
type SortColumns map[string]string

// ParsePage reads limit, marker, sort (key:dir,…), sort_key, sort_dir and page_reverse. max caps the limit (0: no
// cap, and a limit of 0 is none). An unknown key or direction is Invalid.
func ParsePage(r *http.Request, columns SortColumns, max int) (Page, error) {
	q := r.URL.Query()
	p := Page{Marker: q.Get("marker"), Reverse: IsTrue(q.Get("page_reverse"))}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return p, cloud.Invalidf("request", "limit", "limit param must be an integer that is not negative, not '%s'.", text)
		}
		p.Limit, p.Empty = n, n == 0 && max > 0
	}
	if max > 0 && p.Limit > max {
		p.Limit = max
	}
	var err error
	p.Order, err = parseOrder(q, columns)
	return p, err
}

func parseOrder(q url.Values, columns SortColumns) ([]cloud.Order, error) {
	keys, dirs := q["sort_key"], q["sort_dir"]
	if sort := q.Get("sort"); sort != "" {
		keys, dirs = nil, nil
		for _, part := range strings.Split(sort, ",") {
			key, dir, _ := strings.Cut(part, ":")
			keys, dirs = append(keys, strings.TrimSpace(key)), append(dirs, strings.TrimSpace(dir))
		}
	}
	var order []cloud.Order
	for i, key := range keys {
		column, ok := columns[key]
		if !ok {
			return nil, cloud.Invalidf("request", "sort_key", "Sort key '%s' is not valid here.", key)
		}
		dir := ""
		if i < len(dirs) {
			dir = dirs[i]
		}
		if dir != "" && dir != "asc" && dir != "desc" {
			return nil, cloud.Invalidf("request", "sort_dir", "Sort direction '%s' must be 'asc' or 'desc'.", dir)
		}
		order = append(order, cloud.Order{Column: column, Desc: dir == "desc"})
	}
	return order, nil
}

// Query makes the store's query of a page and conditions.
func (p Page) Query(where ...cloud.Cond) cloud.Query {
	if p.Empty {
		where = append(where, cloud.In("id", []string{}))
	}
	return cloud.Query{Where: where, Order: p.Order, After: p.Marker, Limit: p.Limit, Reverse: p.Reverse}
}

// NextURL is this request's URL with the marker moved to the last row of a full page.
func NextURL(r *http.Request, path, last string) string {
	q := r.URL.Query()
	q.Set("marker", last)
	q.Del("page_reverse")
	return BaseURL(r) + path + "?" + q.Encode()
}

// IsTrue tells whether a text is a word for true; all others are false.
func IsTrue(s string) bool {
	switch strings.ToLower(s) {
	case "true", "1", "t", "yes", "y", "on":
		return true
	}
	return false
}

// ParseBool reads a boolean as the services' query strings write it.
func ParseBool(field, s string) (bool, error) {
	if IsTrue(s) {
		return true, nil
	}
	switch strings.ToLower(s) {
	case "false", "0", "f", "no", "n", "off":
		return false, nil
	}
	return false, cloud.Invalidf("request", field, "'%s' is not a boolean for %s.", s, field)
}
