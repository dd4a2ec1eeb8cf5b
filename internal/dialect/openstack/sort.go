package openstack

import (
	"net/url"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// SortDescending reads sort (key:dir,…), or sort_key and sort_dir, as Image and Block Storage do: a direction that is
// not named is descending, one direction holds for all keys, and without a key it is created_at.
func SortDescending(q url.Values, columns SortColumns) ([]cloud.Order, error) {
	keys, dirs, err := sortWords(q)
	if err != nil {
		return nil, err
	}
	if len(dirs) > 1 && len(dirs) != len(keys) {
		return nil, cloud.Invalidf("request", "sort_dir", "Number of sort dirs does not match the number of sort keys")
	}
	var order []cloud.Order
	for n, key := range keys {
		column, ok := columns[key]
		if !ok {
			return nil, cloud.Invalidf("request", "sort_key", "Invalid sort key: %s.", key)
		}
		desc, err := descending(dirs, n)
		if err != nil {
			return nil, err
		}
		order = append(order, cloud.Order{Column: column, Desc: desc})
	}
	return order, nil
}

func sortWords(q url.Values) (keys, dirs []string, err error) {
	keys, dirs = q["sort_key"], q["sort_dir"]
	if sort := q.Get("sort"); sort != "" {
		if len(keys) > 0 || len(dirs) > 0 {
			return nil, nil, cloud.Invalidf("request", "sort", "Old and new sorting syntax cannot be combined")
		}
		for _, part := range strings.Split(sort, ",") {
			key, dir, _ := strings.Cut(strings.TrimSpace(part), ":")
			keys, dirs = append(keys, key), append(dirs, dir)
		}
	}
	if len(keys) == 0 {
		keys = []string{"created_at"}
	}
	return keys, dirs, nil
}

func descending(dirs []string, n int) (bool, error) {
	dir := ""
	switch {
	case n < len(dirs):
		dir = dirs[n]
	case len(dirs) == 1:
		dir = dirs[0]
	}
	switch dir {
	case "", "desc":
		return true, nil
	case "asc":
		return false, nil
	}
	return false, cloud.Invalidf("request", "sort_dir", "Invalid sort direction: %s", dir)
}
