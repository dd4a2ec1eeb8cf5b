package network

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// VPNPeerRequest tells of another's gateway.
type VPNPeerRequest struct {
	ProjectID cloud.ProjectID // empty: the caller's
	Words
	Address netip.Addr
	ASN     int64
}

func (s *Service) vpnPeers() ownable[cloud.VPNPeer, cloud.VPNPeerID] {
	return ownable[cloud.VPNPeer, cloud.VPNPeerID]{"VPN peer", s.VPNPeers, func(p *cloud.VPNPeer) parts[cloud.VPNPeerID] {
		return parts[cloud.VPNPeerID]{p.ID, p.ProjectID, "", &p.Revisions}
	}}
}

// CreateVPNPeer registers another's gateway.
func (s *Service) CreateVPNPeer(ctx context.Context, r VPNPeerRequest) (p *cloud.VPNPeer, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	if err := s.vpnPeers().may(ctx, r.ProjectID); err != nil {
		return nil, err
	}
	if !r.Address.IsValid() || r.Address.IsUnspecified() || r.Address.IsMulticast() || r.Address.IsLoopback() || r.Address.Zone() != "" {
		return nil, cloud.Invalidf("VPN peer", "address", "Peer address %s is nobody's.", r.Address)
	}
	if r.ASN < 1 || r.ASN > 1<<32-1 {
		return nil, cloud.Invalidf("VPN peer", "asn", "The number of an autonomous system is 1 to 4294967295, not %d.", r.ASN)
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		p = &cloud.VPNPeer{ID: cloud.VPNPeerID(cloud.NewID()), ProjectID: r.ProjectID, Name: r.Name, Address: r.Address, ASN: r.ASN, Meta: cloud.Meta{Labels: r.Labels}}
		return s.vpnPeers().insert(ctx, s.Tx, p)
	})
	return p, err
}

// VPNPeer answers one peer that the caller may see.
func (s *Service) VPNPeer(ctx context.Context, id cloud.VPNPeerID) (*cloud.VPNPeer, error) {
	return s.vpnPeers().get(ctx, id)
}

// ListVPNPeers lists the peers of the caller's project, or all.
func (s *Service) ListVPNPeers(ctx context.Context, q cloud.Query, keep ...func(*cloud.VPNPeer) bool) ([]*cloud.VPNPeer, error) {
	return s.vpnPeers().list(ctx, q, keep)
}

// lockVPNPeer makes whoever deletes or uses a peer wait for each other.
func (s *Service) lockVPNPeer(ctx context.Context, id cloud.VPNPeerID) error {
	return s.Tx.Lock(ctx, "VPN peer/"+string(id))
}

// DeleteVPNPeer forgets a peer. InUse while a connection leads to it.
func (s *Service) DeleteVPNPeer(ctx context.Context, id cloud.VPNPeerID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.lockVPNPeer(ctx, id); err != nil {
			return err
		}
		if _, err := s.vpnPeers().own(ctx, id, "delete"); err != nil {
			return err
		}
		n, err := s.VPNConnections.Count(ctx, cloud.Eq("peer_id", string(id)))
		if err == nil && n > 0 {
			err = cloud.Errorf(cloud.InUse, "VPN peer", id, "VPN peer %s has connections: delete them first.", id)
		}
		if err != nil {
			return err
		}
		return s.VPNPeers.Delete(ctx, id)
	})
}
