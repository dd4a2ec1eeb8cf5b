package nova

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/policy"
)

type keeps = func(*cloud.Instance) bool

// narrowing reads the values of one key of the query. It narrows q, or answers what tells the servers to keep.
type narrowing = func(q *compute.ListQuery, key string, values []string) (keeps, error)

// never is the version from which owners are heard on a filter that is for administrators alone.
const never = 1 << 30

type serverFilter struct {
	// owners are heard on it from this version on; before, the key is passed over.
	owners int
	narrow narrowing
}

// serverFilters are all but those of project, address and time of change.
var serverFilters = map[string]serverFilter{
	"uuid":              {never, column("id")},
	"image":             {0, column("image_id")},
	"flavor":            {0, column("flavor_id")},
	"reservation_id":    {0, column("reservation_id")},
	"user_id":           {83, column("user_id")},
	"key_name":          {83, column("key_name")},
	"availability_zone": {83, column("zone")},
	"config_drive":      {83, flagColumn("config_drive")},
	"auto_disk_config":  {never, flagColumn("grow_root")},
	"locked":            {73, flagColumn("locked")},
	"created_at":        {83, timeColumn("created_at")},
	"launched_at":       {83, timeColumn("launched_at")},
	"terminated_at":     {83, timeColumn("terminated_at")},
	"host":              {never, onHost},
	"node":              {never, onHost},
	"status":            {0, withStatus},
	"name":              {0, pattern(func(in *cloud.Instance) string { return in.Name })},
	"hostname":          {never, pattern(func(in *cloud.Instance) string { return in.Hostname })},
	"description":       {never, pattern(func(in *cloud.Instance) string { return deref(in.Description) })},
	"access_ip_v4":      {never, pattern(func(in *cloud.Instance) string { return in.AccessV4 })},
	"access_ip_v6":      {never, pattern(func(in *cloud.Instance) string { return in.AccessV6 })},
	"vm_state":          {83, shown(func(in *cloud.Instance) string { return stateOf(in).VM })},
	"task_state":        {83, shown(taskOf)},
	"power_state":       {83, shown(func(in *cloud.Instance) string { return strconv.Itoa(stateOf(in).Power) })},
	"progress":          {83, shown(func(in *cloud.Instance) string { return strconv.Itoa(progress(in, stateOf(in))) })},
	"launch_index":      {never, shown(func(in *cloud.Instance) string { return strconv.Itoa(in.LaunchIndex) })},
	"locked_by":         {never, shown(func(in *cloud.Instance) string { return in.LockedBy })},
	"root_device_name":  {never, shown(rootDevice)},
	"kernel_id":         {never, shown(func(in *cloud.Instance) string { return in.ImageProperties["kernel_id"] })},
	"ramdisk_id":        {never, shown(func(in *cloud.Instance) string { return in.ImageProperties["ramdisk_id"] })},
	"tags":              {26, tagged(allTags)},
	"tags-any":          {26, tagged(anyTag)},
	"not-tags":          {26, tagged(func(in *cloud.Instance, tags []string) bool { return !allTags(in, tags) })},
	"not-tags-any":      {26, tagged(func(in *cloud.Instance, tags []string) bool { return !anyTag(in, tags) })},
}

// versioned are the filters that came later for everybody.
var versioned = map[string]int{"locked": 73, "tags": 26, "tags-any": 26, "not-tags": 26, "not-tags-any": 26}

// filterServers narrows q by what the query says, and answers what decides the rest, or nil.
func filterServers(r *http.Request, q *compute.ListQuery) (keeps, error) {
	all := policy.May(r.Context(), "instance.filter_all", policy.Target{})
	var checks []keeps
	for key, values := range r.URL.Query() {
		f, known := serverFilters[key]
		if !known || values[0] == "" || !atLeast(r, versioned[key]) || !all && !atLeast(r, f.owners) {
			continue
		}
		check, err := f.narrow(q, key, values)
		if err != nil {
			return nil, err
		}
		if check != nil {
			checks = append(checks, check)
		}
	}
	if len(checks) == 0 {
		return nil, nil
	}
	return func(in *cloud.Instance) bool {
		return !slices.ContainsFunc(checks, func(f keeps) bool { return !f(in) })
	}, nil
}

// column compares a column of the store's; of several values one must fit.
func column(name string) narrowing {
	return func(q *compute.ListQuery, _ string, values []string) (keeps, error) {
		q.Where = append(q.Where, cloud.In(name, values))
		return nil, nil
	}
}

func flagColumn(name string) narrowing {
	return func(q *compute.ListQuery, key string, values []string) (keeps, error) {
		on, err := openstack.ParseBool(key, values[0])
		q.Where = append(q.Where, cloud.Eq(name, on))
		return nil, err
	}
}

// timeColumn takes a moment, to the second.
func timeColumn(name string) narrowing {
	return func(q *compute.ListQuery, key string, values []string) (keeps, error) {
		t, err := parseTime(key, values[0])
		where, _, _ := openstack.TimeFilter(name, t.UTC().Format("2006-01-02T15:04:05")) // no other operator, and a time that was read
		q.Where = append(q.Where, where...)
		return nil, err
	}
}

func onHost(q *compute.ListQuery, _ string, values []string) (keeps, error) {
	q.Host = values[0]
	return nil, nil
}

func withStatus(_ *compute.ListQuery, _ string, values []string) (keeps, error) {
	upper := make([]string, len(values))
	for i, s := range values {
		upper[i] = strings.ToUpper(s)
	}
	return func(in *cloud.Instance) bool { return statusMatches(in, upper) }, nil
}

// pattern takes a regular expression, as Nova does.
func pattern(field func(*cloud.Instance) string) narrowing {
	return func(_ *compute.ListQuery, key string, values []string) (keeps, error) {
		re, err := regexp.Compile(values[0])
		if err != nil {
			return nil, notPattern(key, values[0])
		}
		return func(in *cloud.Instance) bool { return re.MatchString(field(in)) }, nil
	}
}

// shown compares what no column has as it is shown.
func shown(field func(*cloud.Instance) string) narrowing {
	return func(_ *compute.ListQuery, _ string, values []string) (keeps, error) {
		return func(in *cloud.Instance) bool { return slices.Contains(values, field(in)) }, nil
	}
}

func taskOf(in *cloud.Instance) string {
	task, _ := stateOf(in).Task.(string)
	return task
}

// tagged takes tags behind commas.
func tagged(fits func(*cloud.Instance, []string) bool) narrowing {
	return func(_ *compute.ListQuery, _ string, values []string) (keeps, error) {
		tags := strings.Split(values[0], ",")
		return func(in *cloud.Instance) bool { return fits(in, tags) }, nil
	}
}

func allTags(in *cloud.Instance, tags []string) bool {
	return !slices.ContainsFunc(tags, func(t string) bool { return !slices.Contains(in.Tags, t) })
}

func anyTag(in *cloud.Instance, tags []string) bool {
	return slices.ContainsFunc(tags, func(t string) bool { return slices.Contains(in.Tags, t) })
}
