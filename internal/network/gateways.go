package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// WayRequest asks for a gateway of a routing domain to come.
type WayRequest struct {
	ProjectID cloud.ProjectID // empty: the caller's
	Kind      cloud.GatewayKind
	Words
	ASN int64
}

// CreateGateway makes a gateway that is attached to nothing.
func (s *Service) CreateGateway(ctx context.Context, r WayRequest) (g *cloud.Gateway, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	if err := s.gateways().may(ctx, r.ProjectID); err != nil {
		return nil, err
	}
	if !slices.Contains([]cloud.GatewayKind{cloud.GatewayInternet, cloud.GatewayEgress, cloud.GatewayVPN}, r.Kind) {
		return nil, cloud.Invalidf("gateway", "kind", "There are no gateways of the kind '%s'.", r.Kind)
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		g = &cloud.Gateway{ID: cloud.GatewayID(cloud.NewID()), ProjectID: r.ProjectID, Kind: r.Kind, Name: r.Name, ASN: r.ASN, Meta: cloud.Meta{Labels: r.Labels}}
		return s.gateways().insert(ctx, s.Tx, g)
	})
	return g, err
}

// Gateway answers one gateway that the caller may see.
func (s *Service) Gateway(ctx context.Context, id cloud.GatewayID) (*cloud.Gateway, error) {
	return s.gateways().get(ctx, id)
}

// ListGateways lists the gateways of the caller's project, or all.
func (s *Service) ListGateways(ctx context.Context, q cloud.Query, keep ...func(*cloud.Gateway) bool) ([]*cloud.Gateway, error) {
	return s.gateways().list(ctx, q, keep)
}

// AttachGateway makes a gateway one of a routing domain. AlreadyExists if the domain has one of the kind, InUse if the gateway is
// attached to another.
func (s *Service) AttachGateway(ctx context.Context, id cloud.GatewayID, router cloud.RouterID) (g *cloud.Gateway, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		r, err := s.ownDomain(ctx, router, "routing domain.update")
		if err != nil {
			return err
		}
		if g, err = s.gateways().own(ctx, id, "update"); err != nil {
			return err
		}
		if err := s.checkAttachable(ctx, g, r); err != nil {
			return err
		}
		g.RouterID = router
		if err := s.gateways().save(ctx, s, g); err != nil {
			return err
		}
		if err := s.followGateway(ctx, g, r); err != nil {
			return err
		}
		return s.settleOutside(ctx, r)
	})
	return g, err
}

func (s *Service) checkAttachable(ctx context.Context, g *cloud.Gateway, r *cloud.Router) error {
	if g.RouterID != "" {
		return cloud.Errorf(cloud.InUse, "gateway", g.ID, "Gateway %s is attached to routing domain %s already.", g.ID, g.RouterID)
	}
	if g.ProjectID != r.ProjectID {
		return cloud.NotFoundf("gateway", g.ID)
	}
	others, err := s.Gateways.List(ctx, cloud.Where(cloud.Eq("router_id", string(r.ID)), cloud.Eq("kind", string(g.Kind))))
	if err != nil || len(others) == 0 {
		return err
	}
	return cloud.Errorf(cloud.AlreadyExists, "attached gateway", others[0].ID, "Routing domain %s has a gateway of that kind already: %s.", r.ID, others[0].ID)
}

// DetachGateway takes a gateway from its routing domain. WrongState if it is not attached to that, and while public addresses need it.
func (s *Service) DetachGateway(ctx context.Context, id cloud.GatewayID, router cloud.RouterID) (g *cloud.Gateway, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		r, err := s.ownDomain(ctx, router, "routing domain.update")
		if err != nil {
			return err
		}
		if g, err = s.gateways().own(ctx, id, "update"); err != nil {
			return err
		}
		if g.RouterID != router {
			return cloud.Errorf(cloud.WrongState, "detached gateway", id, "Gateway %s is not attached to routing domain %s.", id, router)
		}
		if err := s.checkUnmapped(ctx, g); err != nil {
			return err
		}
		g.RouterID = ""
		if err := s.gateways().save(ctx, s, g); err != nil {
			return err
		}
		if err := s.followGateway(ctx, g, r); err != nil {
			return err
		}
		return s.settleOutside(ctx, r)
	})
	return g, err
}

// checkUnmapped refuses to detach what public addresses lead through.
func (s *Service) checkUnmapped(ctx context.Context, g *cloud.Gateway) error {
	if g.Kind != cloud.GatewayInternet {
		return nil
	}
	mapped, err := s.FloatingIPs.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("router_id", string(g.RouterID))}, Limit: 1})
	if err != nil || len(mapped) == 0 {
		return err
	}
	return cloud.Errorf(cloud.WrongState, "gateway", g.ID, "Routing domain %s has public addresses, one of them %s: take them away first.", g.RouterID, mapped[0].Address)
}

// settleOutside gives a domain's router its way out while a gateway that leads there is attached.
func (s *Service) settleOutside(ctx context.Context, r *cloud.Router) error {
	out, err := s.Gateways.Count(ctx, cloud.Eq("router_id", string(r.ID)), cloud.In("kind", []string{string(cloud.GatewayInternet), string(cloud.GatewayEgress)}))
	switch {
	case err != nil:
		return err
	case out == 0:
		err = s.clearGateway(ctx, r)
	case r.Gateway == nil:
		err = s.leadOut(ctx, r)
	}
	if err != nil {
		return err
	}
	r.Revisions++
	return s.saveRouter(ctx, r)
}

// leadOut gives a domain's router its way out: on the cloud's default external network, where nothing leaves under the router's own address.
func (s *Service) leadOut(ctx context.Context, r *cloud.Router) error {
	n, err := s.defaultOutside(ctx)
	if err != nil {
		return err
	}
	if err := s.lockNetwork(ctx, n.ID); err != nil {
		return err
	}
	snat := false
	return s.joinOutside(ctx, r, n, GatewayRequest{NetworkID: n.ID, SNAT: &snat})
}

// DeleteGateway removes a gateway. WrongState while it is attached; routes to it lead nowhere.
func (s *Service) DeleteGateway(ctx context.Context, id cloud.GatewayID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		g, err := s.gateways().held(ctx, s, id, "delete")
		if err != nil {
			return err
		}
		if g.RouterID != "" {
			return cloud.Errorf(cloud.WrongState, "gateway", id, "Gateway %s is attached to routing domain %s: detach it first.", id, g.RouterID)
		}
		if err := s.dropGatewayVPN(ctx, g); err != nil {
			return err
		}
		return s.Gateways.Delete(ctx, id)
	})
}

// mayUse asks whether the caller may use a project's things for another of that project's.
func mayUse(ctx context.Context, resource string, id string, project, of cloud.ProjectID) error {
	if project != of {
		return cloud.NotFoundf(resource, id)
	}
	return policy.Authorize(ctx, policy.Action(resource+".get"), policy.Target{Resource: resource, ID: id, ProjectID: project})
}
