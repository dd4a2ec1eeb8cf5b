package network

import (
	"context"
	"net/netip"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// EndpointGroupRequest asks for an endpoint group. What is in it is for life.
type EndpointGroupRequest struct {
	ProjectID         cloud.ProjectID // empty: the caller's
	Name, Description string
	Kind              string
	Endpoints         []string
}

// CreateEndpointGroup makes an endpoint group.
func (s *Service) CreateEndpointGroup(ctx context.Context, r EndpointGroupRequest) (g *cloud.EndpointGroup, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	if err := policy.Authorize(ctx, "endpoint group.create", vpnTarget("endpoint group", r.ProjectID, "")); err != nil {
		return nil, err
	}
	if r.ProjectID == "" {
		return nil, cloud.Invalidf("endpoint group", "project_id", "An endpoint group needs a project.")
	}
	if len(r.Endpoints) == 0 {
		return nil, cloud.Invalidf("endpoint group", "none", "No endpoints specified for endpoint group '%s'", r.Name)
	}
	g = &cloud.EndpointGroup{ID: cloud.EndpointGroupID(cloud.NewID()), ProjectID: r.ProjectID, Name: r.Name, Description: r.Description,
		Kind: r.Kind, Endpoints: r.Endpoints}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		for _, e := range g.Endpoints {
			if err := s.checkEndpoint(ctx, g, e); err != nil {
				return err
			}
		}
		return s.EndpointGroups.Insert(ctx, g)
	})
	return g, err
}

// checkEndpoint refuses what is not of a group's kind, or not there.
func (s *Service) checkEndpoint(ctx context.Context, g *cloud.EndpointGroup, e string) error {
	var err error
	switch g.Kind {
	case cloud.EndpointPrefix:
		err = notThere(netip.ParsePrefix(e))
	case cloud.EndpointVLAN:
		if tag, _ := strconv.Atoi(e); tag < 1 || tag > 4094 {
			err = cloud.NotFoundf("tag", e)
		}
	case cloud.EndpointSubnet:
		return s.checkGroupedSubnet(ctx, cloud.SubnetID(e))
	case cloud.EndpointNetwork:
		_, err = s.Network(ctx, cloud.NetworkID(e))
	case cloud.EndpointRouter:
		_, err = s.Router(ctx, cloud.RouterID(e))
	default:
		return cloud.Invalidf("endpoint group", "type", "Invalid input for type. Reason: '%s' is not in ['cidr', 'network', 'router', 'subnet', 'vlan'].", g.Kind)
	}
	if cloud.Is(err, cloud.NotFound) {
		return cloud.Invalidf("endpoint group", "endpoints", "Endpoint '%s' is invalid for group type '%s': there is no such thing", e, g.Kind)
	}
	return err
}

// notThere is NotFound for what does not parse.
func notThere(p netip.Prefix, err error) error {
	if err != nil {
		return cloud.NotFoundf("prefix", p.String())
	}
	return nil
}

func (s *Service) checkGroupedSubnet(ctx context.Context, id cloud.SubnetID) error {
	sub, err := s.Subnet(ctx, id)
	if cloud.Is(err, cloud.NotFound) {
		return cloud.Invalidf("endpoint group", "subnet", "Subnet %s in endpoint group does not exist", id)
	}
	if err != nil {
		return err
	}
	return s.lockNetwork(ctx, sub.NetworkID) // it must not go meanwhile
}

// EndpointGroup answers one endpoint group that the caller may see.
func (s *Service) EndpointGroup(ctx context.Context, id cloud.EndpointGroupID) (*cloud.EndpointGroup, error) {
	g, err := s.EndpointGroups.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "endpoint group", id)
	}
	return g, policy.Authorize(ctx, "endpoint group.get", vpnTarget("endpoint group", g.ProjectID, string(id)))
}

// ListEndpointGroups lists the endpoint groups that the caller may see.
func (s *Service) ListEndpointGroups(ctx context.Context, q cloud.Query, keep ...func(*cloud.EndpointGroup) bool) ([]*cloud.EndpointGroup, error) {
	return s.EndpointGroups.List(ctx, visible(ctx, "endpoint group.get", q), keep...)
}

// UpdateEndpointGroup changes what an endpoint group is called.
func (s *Service) UpdateEndpointGroup(ctx context.Context, id cloud.EndpointGroupID, name, description *string) (g *cloud.EndpointGroup, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if g, err = s.ownEndpointGroup(ctx, id, "endpoint group.update"); err != nil {
			return err
		}
		apply(&g.Name, name)
		apply(&g.Description, description)
		g.Revisions++
		return s.EndpointGroups.Update(ctx, g)
	})
	return g, err
}

// lockEndpointGroup makes whoever changes, deletes or names an endpoint group wait for each other.
func (s *Service) lockEndpointGroup(ctx context.Context, id cloud.EndpointGroupID) error {
	return s.Tx.Lock(ctx, "endpoint group/"+string(id))
}

func (s *Service) ownEndpointGroup(ctx context.Context, id cloud.EndpointGroupID, action policy.Action) (*cloud.EndpointGroup, error) {
	if err := s.lockEndpointGroup(ctx, id); err != nil {
		return nil, err
	}
	g, err := s.EndpointGroup(ctx, id)
	if err != nil {
		return nil, err
	}
	return g, policy.Authorize(ctx, action, vpnTarget("endpoint group", g.ProjectID, string(id)))
}

// DeleteEndpointGroup removes an endpoint group that no connection names.
func (s *Service) DeleteEndpointGroup(ctx context.Context, id cloud.EndpointGroupID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.ownEndpointGroup(ctx, id, "endpoint group.delete"); err != nil {
			return err
		}
		n, err := s.VPNConnections.Count(ctx, cloud.Eq("endpoint_groups", string(id)))
		if err != nil {
			return err
		}
		if n > 0 {
			return cloud.Invalidf("endpoint group", "in use", "Endpoint group %s is in use and cannot be deleted", id)
		}
		return s.EndpointGroups.Delete(ctx, id)
	})
}
