package openstack

import (
	"slices"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// TimeFilter reads a comparison of a time column, "gt:2016-04-18T21:38:54Z"; without an operator it is eq. Times
// are shown to the second in some services, so a comparison is with the whole of it. Either conditions
// come back, or (neq) a function that keeps a time.
func TimeFilter(column, value string) ([]cloud.Cond, func(time.Time) bool, error) {
	op, text, found := strings.Cut(value, ":")
	if !found || !slices.Contains([]string{"gt", "gte", "lt", "lte", "eq", "neq"}, op) {
		op, text = "eq", value
	}
	t, err := parseTime(column, text)
	if err != nil {
		return nil, nil, err
	}
	next := t.Add(time.Second)
	from := func(t time.Time) cloud.Cond { return cloud.Cond{Column: column, Op: cloud.OpGe, Value: t} }
	before := func(t time.Time) cloud.Cond { return cloud.Cond{Column: column, Op: cloud.OpLt, Value: t} }
	switch op {
	case "gt":
		return []cloud.Cond{from(next)}, nil, nil
	case "gte":
		return []cloud.Cond{from(t)}, nil, nil
	case "lt":
		return []cloud.Cond{before(t)}, nil, nil
	case "lte":
		return []cloud.Cond{before(next)}, nil, nil
	case "neq":
		return nil, func(at time.Time) bool { return at.Before(t) || !at.Before(next) }, nil
	}
	return []cloud.Cond{from(t), before(next)}, nil, nil
}

func parseTime(column, text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Truncate(time.Second), nil
		}
	}
	return time.Time{}, cloud.Invalidf("request", column, "Invalid filter value %s. The time must be in ISO 8601 form.", text)
}
