package operator

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
)

// Quota is limits by the names that operators write; -1 is none.
type Quota map[string]int

// keeper is a service that keeps limits of projects.
type keeper struct {
	what   string
	client func(*gophercloud.ProviderClient, gophercloud.EndpointOpts) (*gophercloud.ServiceClient, error)
	path   string // where, before the project
	key    string // of the object in bodies
	names  map[string]string
}

// keepers have every limit under the name that operators write, with the service's own.
var keepers = []keeper{
	{"compute quota", openstack.NewComputeV2, "os-quota-sets", "quota_set", map[string]string{"cores": "cores", "ram_mb": "ram", "instances": "instances", "server_groups": "server_groups"}},
	{"volume quota", openstack.NewBlockStorageV3, "os-quota-sets", "quota_set", map[string]string{"gigabytes": "gigabytes", "volumes": "volumes",
		"snapshots": "snapshots", "backups": "backups", "backup_gigabytes": "backup_gigabytes"}},
	{"network quota", openstack.NewNetworkV2, "quotas", "quota", map[string]string{"networks": "network", "subnets": "subnet", "ports": "port",
		"routers": "router", "floating_ips": "floatingip", "security_groups": "security_group", "security_group_rules": "security_group_rule"}},
}

// ParseQuota reads "cores=20,ram_mb=65536".
func ParseQuota(text string) (Quota, error) {
	known := quotaNames()
	q := Quota{}
	for _, part := range strings.Split(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		n, err := strconv.Atoi(value)
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("there is no quota named '%s'; there are %s", name, strings.Join(known, ", "))
		}
		if err != nil || n < -1 {
			return nil, fmt.Errorf("'%s' is no quota: write %s=NUMBER, -1 for no limit", part, name)
		}
		q[name] = n
	}
	return q, nil
}

func quotaNames() (all []string) {
	for _, k := range keepers {
		all = slices.AppendSeq(all, maps.Keys(k.names))
	}
	slices.Sort(all)
	return all
}

// ensureQuota sets the limits that are given; the others stay.
func (c *Cloud) ensureQuota(ctx context.Context, v VO, project string) error {
	for _, k := range keepers {
		want := object{}
		for ours, theirs := range k.names {
			if n, given := v.Quota[ours]; given {
				want[theirs] = n
			}
		}
		if len(want) == 0 {
			continue
		}
		if err := c.ensureLimits(ctx, k, v.Name, project, want); err != nil {
			return fmt.Errorf("the %s of VO %s cannot be set: %w", k.what, v.Name, err)
		}
	}
	return nil
}

func (c *Cloud) ensureLimits(ctx context.Context, k keeper, vo, project string, want object) error {
	client, err := k.client(c.provider, c.region)
	if err != nil {
		return err
	}
	a := api{client}
	address := a.path(k.path, project)
	have, err := a.get(ctx, address, k.key)
	if err != nil {
		return err
	}
	change := Change{Did: Found, What: k.what, Name: vo}
	if differ := differing(have, want); len(differ) > 0 {
		change.Did, change.Detail = Changed, keys(differ)
		if err := a.call(ctx, http.MethodPut, address, object{k.key: differ}, nil); err != nil {
			return err
		}
	}
	c.tell(change)
	return nil
}
