package network

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// PeeringPatience is how long a peering waits for an answer, PeeringMemory how long one that has ended can be read.
const (
	PeeringPatience = 7 * 24 * time.Hour
	PeeringMemory   = time.Hour
)

// PeeringRequest asks for a peering of two routing domains.
type PeeringRequest struct {
	RouterID       cloud.RouterID
	AccepterRouter cloud.RouterID
	// AccepterProject, if not empty, must be the one that the other domain is of.
	AccepterProject cloud.ProjectID
	Words
}

// peers is what ownable has of a peering: it is the asking project's to name.
func (s *Service) peers() ownable[cloud.Peering, cloud.PeeringID] {
	return ownable[cloud.Peering, cloud.PeeringID]{"peering", s.Peerings, func(p *cloud.Peering) parts[cloud.PeeringID] {
		return parts[cloud.PeeringID]{p.ID, p.ProjectID, p.RouterID, &p.Revisions}
	}}
}

// AskPeering asks the owner of another routing domain to join it to one of the caller's. It waits for the answer, or has failed at
// once if their blocks overlap. AlreadyExists if the two are joined or about to be.
func (s *Service) AskPeering(ctx context.Context, r PeeringRequest) (p *cloud.Peering, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		router, err := s.ownDomain(ctx, r.RouterID, "routing domain.update")
		if err != nil {
			return err
		}
		if err := s.peers().may(ctx, router.ProjectID); err != nil {
			return err
		}
		other, err := s.askedDomain(ctx, router, r)
		if err != nil {
			return err
		}
		p = &cloud.Peering{ID: cloud.PeeringID(cloud.NewID()), ProjectID: router.ProjectID, AccepterProject: other.ProjectID, Name: r.Name, Meta: cloud.Meta{Labels: r.Labels},
			RouterID: router.ID, AccepterRouter: other.ID, State: cloud.PeeringPending, Blocks: blocksOf(router), AccepterBlocks: blocksOf(other)}
		if overlap(p.Blocks, p.AccepterBlocks) {
			p.State = cloud.PeeringFailed
		}
		return s.peers().insert(ctx, s.Tx, p)
	})
	return p, err
}

// DomainToPeer finds the routing domain of a short id, to ask for a peering with it. It need not be the caller's to see: who knows
// its id may ask, and hears nothing else of it.
func (s *Service) DomainToPeer(ctx context.Context, short string) (cloud.RouterID, error) {
	r, err := s.Routers.One(ctx, cloud.Eq("short_id", short), cloud.Eq("domain", true))
	if err != nil {
		return "", missing(err, "routing domain", short)
	}
	return r.ID, nil
}

// askedDomain is the other end of a peering that is asked for. It is not the caller's to see.
func (s *Service) askedDomain(ctx context.Context, router *cloud.Router, r PeeringRequest) (*cloud.Router, error) {
	other, err := s.Routers.Get(ctx, r.AccepterRouter)
	if err == nil && (other.Domain == nil || r.AccepterProject != "" && other.ProjectID != r.AccepterProject) {
		err = cloud.NotFoundf("routing domain", r.AccepterRouter)
	}
	if err != nil {
		return nil, missing(err, "routing domain", r.AccepterRouter)
	}
	if other.ID == router.ID {
		return nil, cloud.Invalidf("peering", "accepter_router", "A routing domain has no peering with itself.")
	}
	for _, ends := range [][2]cloud.RouterID{{router.ID, other.ID}, {other.ID, router.ID}} {
		there, err := s.Peerings.List(ctx, cloud.Where(cloud.Eq("router_id", string(ends[0])), cloud.Eq("accepter_router", string(ends[1]))),
			func(p *cloud.Peering) bool { return !s.stateNow(p).Ended() })
		if err != nil {
			return nil, err
		}
		if len(there) > 0 {
			return nil, cloud.Errorf(cloud.AlreadyExists, "peering", there[0].ID, "Routing domains %s and %s have peering %s already.", router.ID, other.ID, there[0].ID)
		}
	}
	return other, nil
}

func blocksOf(r *cloud.Router) []netip.Prefix {
	prefixes := make([]netip.Prefix, len(r.Domain.Blocks))
	for i, b := range r.Domain.Blocks {
		prefixes[i] = b.Prefix
	}
	return prefixes
}

func overlap(a, b []netip.Prefix) bool {
	return slices.ContainsFunc(a, func(p netip.Prefix) bool { return slices.ContainsFunc(b, p.Overlaps) })
}

// stateNow is a peering's state, which may have become expired since it was written.
func (s *Service) stateNow(p *cloud.Peering) cloud.PeeringState {
	if p.State == cloud.PeeringPending && s.Now().Sub(p.CreatedAt) > PeeringPatience {
		return cloud.PeeringExpired
	}
	return p.State
}

// Peering answers one peering that the caller may see: the owner of either end.
func (s *Service) Peering(ctx context.Context, id cloud.PeeringID) (*cloud.Peering, error) {
	p, err := s.Peerings.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "peering", id)
	}
	p.State = s.stateNow(p)
	return p, authorizeEnd(ctx, "peering.get", p)
}

// authorizeEnd asks whether the caller may do something as the owner of either end.
func authorizeEnd(ctx context.Context, action policy.Action, p *cloud.Peering) error {
	if policy.May(ctx, action, policy.Target{ProjectID: p.AccepterProject}) {
		return nil
	}
	return policy.Authorize(ctx, action, policy.Target{Resource: "peering", ID: string(p.ID), ProjectID: p.ProjectID})
}

// ListPeerings lists the peerings that the caller's project is an end of, or all.
func (s *Service) ListPeerings(ctx context.Context, q cloud.Query, keep ...func(*cloud.Peering) bool) (list []*cloud.Peering, err error) {
	if all, own := policy.Visible(ctx, "peering.get"); all {
		list, err = s.Peerings.List(ctx, q, keep...)
	} else {
		list, err = listUnion(ctx, s.Peerings, q, peeringColumn, func(p *cloud.Peering) string { return string(p.ID) }, keep,
			cloud.Eq("project_id", string(own)), cloud.Eq("accepter_project", string(own)))
	}
	for _, p := range list {
		p.State = s.stateNow(p)
	}
	return list, err
}

func peeringColumn(p *cloud.Peering, column string) string {
	return commonColumn(string(p.ID), p.Name, p.ProjectID, &p.Meta, column)
}

// AcceptPeering joins the two domains, as the owner of the one that was asked.
func (s *Service) AcceptPeering(ctx context.Context, id cloud.PeeringID) (*cloud.Peering, error) {
	return s.answerPeering(ctx, id, func(ctx context.Context, p *cloud.Peering) error {
		routers, err := s.Routers.List(ctx, cloud.Where(cloud.In("id", []cloud.RouterID{p.RouterID, p.AccepterRouter})))
		if err != nil {
			return err
		}
		if len(routers) < 2 || overlap(blocksOf(routers[0]), blocksOf(routers[1])) {
			return cloud.Errorf(cloud.WrongState, "peering", id, "The blocks of the routing domains of peering %s overlap by now.", id)
		}
		p.State = cloud.PeeringActive
		return s.joinPeers(ctx, p)
	})
}

// RejectPeering ends a peering that waits for the caller's answer.
func (s *Service) RejectPeering(ctx context.Context, id cloud.PeeringID) (*cloud.Peering, error) {
	return s.answerPeering(ctx, id, func(_ context.Context, p *cloud.Peering) error {
		p.State = cloud.PeeringRejected
		return nil
	})
}

func (s *Service) answerPeering(ctx context.Context, id cloud.PeeringID, answer func(context.Context, *cloud.Peering) error) (*cloud.Peering, error) {
	return s.changePeering(ctx, id, func(ctx context.Context, p *cloud.Peering) error {
		t := policy.Target{Resource: "peering", ID: string(id), ProjectID: p.AccepterProject}
		if !policy.May(ctx, "peering.answer", t) {
			return cloud.Errorf(cloud.Forbidden, "peering", id, "Peering %s is answered by the owner of routing domain %s.", id, p.AccepterRouter)
		}
		if p.State != cloud.PeeringPending {
			return cloud.Errorf(cloud.WrongState, "peering", id, "Peering %s does not wait for an answer: it is %s.", id, p.State)
		}
		return answer(ctx, p)
	})
}

// DeletePeering ends a peering, as the owner of either end. Routes to it lead nowhere. It can be read for a while.
func (s *Service) DeletePeering(ctx context.Context, id cloud.PeeringID) (*cloud.Peering, error) {
	return s.changePeering(ctx, id, func(ctx context.Context, p *cloud.Peering) error {
		if err := authorizeEnd(ctx, "peering.delete", p); err != nil {
			return err
		}
		if p.State.Ended() && p.State != cloud.PeeringFailed {
			return cloud.Errorf(cloud.WrongState, "peering", id, "Peering %s has ended: it is %s.", id, p.State)
		}
		p.State = cloud.PeeringDeleted
		return s.partPeers(ctx, p)
	})
}

// changePeering changes a peering with the routers of both ends locked.
func (s *Service) changePeering(ctx context.Context, id cloud.PeeringID, change func(context.Context, *cloud.Peering) error) (p *cloud.Peering, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if p, err = s.Peering(ctx, id); err != nil {
			return err
		}
		for _, r := range slices.Sorted(slices.Values([]cloud.RouterID{p.RouterID, p.AccepterRouter})) {
			if err := s.lockRouter(ctx, r); err != nil {
				return err
			}
		}
		if p, err = s.Peering(ctx, id); err != nil { // again: it may have been answered while we waited
			return err
		}
		if err := change(ctx, p); err != nil {
			return err
		}
		p.Revisions++
		s.nudgeRouter(ctx, p.RouterID)
		s.nudgeRouter(ctx, p.AccepterRouter)
		return s.Peerings.Update(ctx, p)
	})
	return p, err
}

// joinPeers makes the link of a peering.
func (s *Service) joinPeers(ctx context.Context, p *cloud.Peering) error {
	n, subnets, err := s.newLink(ctx, p.RouterID, p.AccepterRouter)
	if err != nil {
		return err
	}
	p.NetworkID = n.ID
	for _, end := range []cloud.RouterID{p.RouterID, p.AccepterRouter} {
		if err := s.endLink(ctx, n, subnets, &cloud.Port{Owner: cloud.OwnerRouterLink, RouterID: end}, end == p.RouterID); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) partPeers(ctx context.Context, p *cloud.Peering) error {
	if p.NetworkID == "" {
		return nil
	}
	id := p.NetworkID
	p.NetworkID = ""
	return s.dropLink(ctx, id)
}

// TrimPeerings notes which peerings nobody answered in time, and forgets those that ended before a moment.
func (s *Service) TrimPeerings(ctx context.Context, before time.Time) (int, error) {
	waiting, err := s.Peerings.List(ctx, cloud.Where(cloud.Eq("state", string(cloud.PeeringPending))))
	if err != nil {
		return 0, err
	}
	for _, p := range waiting {
		if s.stateNow(p) != cloud.PeeringExpired {
			continue
		}
		p.State = cloud.PeeringExpired
		if err := s.Peerings.Update(ctx, p); err != nil && !cloud.Is(err, cloud.Conflict) && !cloud.Is(err, cloud.NotFound) {
			return 0, err
		}
	}
	ended := []string{string(cloud.PeeringFailed), string(cloud.PeeringRejected), string(cloud.PeeringExpired), string(cloud.PeeringDeleted)}
	old := cloud.Where(cloud.In("state", ended), cloud.Cond{Column: "updated_at", Op: cloud.OpLt, Value: before})
	return cloud.Trim(ctx, s.Tx, s.Peerings, old, func(p *cloud.Peering) cloud.PeeringID { return p.ID })
}
