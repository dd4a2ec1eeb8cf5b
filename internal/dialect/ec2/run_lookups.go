package ec2

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// defaultSubnet is the subnet of a request that names none: the account's default one in the zone. The account's default VPC is made
// when it is first needed.
func (a *api) defaultSubnet(ctx context.Context, zone string) (*cloud.Subnet, error) {
	router, err := a.Network.EnsureDefaultDomain(ctx, cloud.PrincipalOf(ctx).ProjectID)
	if cloud.Is(err, cloud.NotFound) {
		return nil, bad("VPCIdNotSpecified", "No default VPC for this user")
	}
	if err != nil {
		return nil, err
	}
	subnets, err := a.subnets(ctx, cloud.Eq("router_id", router.ID))
	if err != nil {
		return nil, err
	}
	for _, s := range subnets {
		if s.Default && (zone == "" || s.Zone == zone) {
			return s, nil
		}
	}
	return nil, bad("MissingInput", "No default subnet for the availability zone: name a subnet, or make a default one.")
}

// labelParts puts the tags that a request asks for on the volumes and interfaces of the instances that it made.
func (a *api) labelParts(ctx context.Context, made []*cloud.Instance, specs []shape.TagSpecification) error {
	makes := []string{"instance", "volume", "network-interface"}
	onVolumes, err := tagsFor(specs, "volume", makes...)
	if err != nil {
		return err
	}
	onPorts, err := tagsFor(specs, "network-interface", makes...)
	if err != nil {
		return err
	}
	for _, in := range made {
		if err := a.labelDisks(ctx, in, onVolumes); err != nil {
			return err
		}
		if err := a.labelCards(ctx, in, onPorts); err != nil {
			return err
		}
	}
	return nil
}

func (a *api) labelDisks(ctx context.Context, in *cloud.Instance, add map[string]string) error {
	if len(add) == 0 {
		return nil
	}
	for _, d := range in.Disks {
		if d.Local {
			continue
		}
		if err := a.labelVolume(ctx, string(d.VolumeID), setAll(add)); err != nil {
			return err
		}
	}
	return nil
}

func (a *api) labelCards(ctx context.Context, in *cloud.Instance, add map[string]string) error {
	if len(add) == 0 {
		return nil
	}
	ports, err := a.ports(ctx, cloud.Eq("instance_id", in.ID))
	if err != nil {
		return err
	}
	for _, p := range ports {
		if err := a.labelPort(ctx, string(p.ID), setAll(add)); err != nil {
			return err
		}
	}
	return nil
}
