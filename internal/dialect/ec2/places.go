package ec2

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

func (a *api) placeActions() []*action {
	return []*action{
		serve("DescribeRegions", a.describeRegions, "RegionNames Filters -AllRegions"),
		serve("DescribeAvailabilityZones", a.describeZones, "ZoneNames ZoneIds Filters -AllAvailabilityZones"),
		serve("DescribeAccountAttributes", a.describeAccount, "AttributeNames"),
	}
}

const optedIn = "opt-in-not-required"

var regionFields = fields[shape.Region]{
	"endpoint":      one(func(r shape.Region) string { return r.Endpoint }),
	"opt-in-status": one(func(r shape.Region) string { return r.OptInStatus }),
	"region-name":   one(func(r shape.Region) string { return r.RegionName }),
}

// describeRegions shows every name that this cloud goes by.
func (a *api) describeRegions(ctx context.Context, in *shape.DescribeRegionsRequest) (*shape.DescribeRegionsResult, error) {
	out := &shape.DescribeRegionsResult{}
	for _, name := range in.RegionNames {
		if !a.isRegion(name) {
			return nil, invalidParameter("Invalid region provided: %s", name)
		}
	}
	for _, name := range a.Config.Regions {
		if len(in.RegionNames) == 0 || slices.Contains(in.RegionNames, name) {
			out.Regions = append(out.Regions, shape.Region{RegionName: name, Endpoint: callOf(ctx).Host, OptInStatus: optedIn})
		}
	}
	kept, err := choose(out.Regions, regionFields, in.Filters, nil)
	out.Regions = kept
	return out, err
}

// zone is a zone of the cloud by its name here: the region's, and a letter by the order of the names.
type zone struct {
	compute.Zone
	name, id string
}

// zones are the cloud's zones, as seen from the region that the caller asks.
func (a *api) zones(ctx context.Context) ([]zone, error) {
	list, err := a.Compute.ListZones(ctx, false)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(x, y compute.Zone) int { return strings.Compare(x.Name, y.Name) })
	region, out := callOf(ctx).Region, make([]zone, len(list))
	for i, z := range list {
		out[i] = zone{z, "", ""}
		out[i].name, out[i].id = NameZone(region, i)
	}
	return out, nil
}

// NameZone is what the nth zone of the cloud, in the order of their names, is called in a region.
func NameZone(region string, n int) (name, id string) {
	return region + letters(n), strings.ReplaceAll(region, "-", "") + "-az" + strconv.Itoa(n+1)
}

// letters counts a, b, …, z, aa, ab, …
func letters(i int) string {
	if i < 26 {
		return string(rune('a' + i))
	}
	return letters(i/26-1) + letters(i%26)
}

// zoneNamed finds a zone by its name here, or by the cloud's own.
func (a *api) zoneNamed(ctx context.Context, name string) (zone, error) {
	list, err := a.zones(ctx)
	if err != nil {
		return zone{}, err
	}
	i := slices.IndexFunc(list, func(z zone) bool { return z.name == name || z.Name == name })
	if i < 0 {
		return zone{}, invalidParameter("Invalid availability zone: [%s]", name)
	}
	return list[i], nil
}

// zoneNames are the names here of the cloud's zones, by their own.
func (a *api) zoneNames(ctx context.Context) (map[string]zone, error) {
	list, err := a.zones(ctx)
	names := make(map[string]zone, len(list))
	for _, z := range list {
		names[z.Name] = z
	}
	return names, err
}

var zoneFields = fields[shape.AvailabilityZone]{
	"group-name":           one(func(z shape.AvailabilityZone) string { return z.GroupName }),
	"message":              func(shape.AvailabilityZone) []string { return nil },
	"opt-in-status":        one(func(z shape.AvailabilityZone) string { return z.OptInStatus }),
	"region-name":          one(func(z shape.AvailabilityZone) string { return z.RegionName }),
	"state":                one(func(z shape.AvailabilityZone) string { return z.State }),
	"zone-id":              one(func(z shape.AvailabilityZone) string { return z.ZoneId }),
	"zone-name":            one(func(z shape.AvailabilityZone) string { return z.ZoneName }),
	"zone-type":            one(func(z shape.AvailabilityZone) string { return z.ZoneType }),
	"parent-zone-id":       func(shape.AvailabilityZone) []string { return nil },
	"parent-zone-name":     func(shape.AvailabilityZone) []string { return nil },
	"network-border-group": one(func(z shape.AvailabilityZone) string { return z.NetworkBorderGroup }),
}

func (a *api) describeZones(ctx context.Context, in *shape.DescribeAvailabilityZonesRequest) (*shape.DescribeAvailabilityZonesResult, error) {
	list, err := a.zones(ctx)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeAvailabilityZonesResult{}
	for _, z := range list {
		out.AvailabilityZones = append(out.AvailabilityZones, z.shown(callOf(ctx).Region))
	}
	for _, by := range []struct {
		names []string
		of    func(shape.AvailabilityZone) string
	}{
		{in.ZoneNames, func(z shape.AvailabilityZone) string { return z.ZoneName }},
		{in.ZoneIds, func(z shape.AvailabilityZone) string { return z.ZoneId }},
	} {
		if out.AvailabilityZones, err = pick(out.AvailabilityZones, by.names, by.of, "Invalid availability zone: [%s]"); err != nil {
			return nil, err
		}
	}
	kept, err := choose(out.AvailabilityZones, zoneFields, in.Filters, nil)
	out.AvailabilityZones = kept
	return out, err
}

func (z zone) shown(region string) shape.AvailabilityZone {
	state := "available"
	if !z.Up {
		state = "impaired"
	}
	return shape.AvailabilityZone{ZoneName: z.name, ZoneId: z.id, RegionName: region, State: state, OptInStatus: optedIn,
		ZoneType: "availability-zone", GroupName: region, NetworkBorderGroup: region}
}

// pick keeps the rows that names name, in their own order; without names, all. A name of none is an error.
func pick[T any](rows []T, names []string, of func(T) string, unknown string) ([]T, error) {
	if len(names) == 0 {
		return rows, nil
	}
	for _, name := range names {
		if !slices.ContainsFunc(rows, func(t T) bool { return of(t) == name }) {
			return nil, invalidParameter(unknown, name)
		}
	}
	return slices.DeleteFunc(slices.Clone(rows), func(t T) bool { return !slices.Contains(names, of(t)) }), nil
}

// describeAccount shows what an account may have and where its instances go by default.
func (a *api) describeAccount(ctx context.Context, in *shape.DescribeAccountAttributesRequest) (*shape.DescribeAccountAttributesResult, error) {
	limits, err := a.Quota.Limits(ctx, cloud.PrincipalOf(ctx).ProjectID)
	if err != nil {
		return nil, err
	}
	vpc, err := a.defaultVPC(ctx)
	if err != nil {
		return nil, err
	}
	all := []shape.AccountAttribute{
		attribute("supported-platforms", "VPC"), attribute("default-vpc", vpc), attribute("max-instances", limit(limits[cloud.QuotaInstances])),
		attribute("vpc-max-elastic-ips", limit(limits[cloud.QuotaFloatingIPs])), attribute("max-elastic-ips", limit(limits[cloud.QuotaFloatingIPs])),
		attribute("vpc-max-security-groups-per-interface", "5"),
	}
	kept, err := pick(all, in.AttributeNames, func(t shape.AccountAttribute) string { return t.AttributeName }, "The account attribute '%s' is invalid")
	return &shape.DescribeAccountAttributesResult{AccountAttributes: kept}, err
}

func attribute(name, value string) shape.AccountAttribute {
	return shape.AccountAttribute{AttributeName: name, AttributeValues: []shape.AccountAttributeValue{{AttributeValue: value}}}
}

// limit is a quota as it is written; there is no word for "no limit".
func limit(n int64) string {
	if n < 0 {
		n = 1 << 30
	}
	return fmt.Sprint(n)
}

// defaultVPC is the account's default VPC; "none" if it has none.
func (a *api) defaultVPC(ctx context.Context) (string, error) {
	routers, err := a.routers(ctx)
	if err != nil {
		return "", err
	}
	for _, r := range routers {
		if r.Domain != nil && r.Domain.Default {
			return id(vpcIDs, r.ID), nil
		}
	}
	return "none", nil
}
