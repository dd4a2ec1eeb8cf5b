package openstack_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/network"
	"github.com/nubo-cloud/nubo/internal/store"
)

func (x *reader) seedVPN(db *store.Store, project cloud.ProjectID) {
	x.families["/network/v2.0/vpn/vpnservices"] = rowsOf(db.VPNServices, func(id cloud.VPNServiceID, n int) *cloud.VPNService {
		return &cloud.VPNService{ID: id, ProjectID: project, Meta: meta(n), Name: word(n), Description: word(n + 1), AdminUp: n%3 == 0,
			RouterID: cloud.RouterID(seeded(n % 5)), SubnetID: cloud.SubnetID(seeded(n % 7))}
	})
	// IPsec policies lie in the same table, and are listed by the same code.
	x.families["/network/v2.0/vpn/ikepolicies"] = rowsOf(db.VPNProposals, func(id cloud.VPNProposalID, n int) *cloud.VPNProposal {
		return &cloud.VPNProposal{ID: id, ProjectID: project, Use: network.UseIKE, Meta: meta(n), Name: word(n), Description: word(n + 1), Encryption: pick(n, "aes-128", "aes-256"),
			Authentication: pick(n, "sha1", "sha256", "sha512"), Group: pick(n, "group5", "group14"), IKEVersion: pick(n, "v1", "v2"), Phase1: pick(n, "main", "aggressive"), Lifetime: time.Hour}
	})
	x.families["/network/v2.0/vpn/endpoint-groups"] = rowsOf(db.EndpointGroups, func(id cloud.EndpointGroupID, n int) *cloud.EndpointGroup {
		return &cloud.EndpointGroup{ID: id, ProjectID: project, Meta: meta(n), Name: word(n), Description: word(n + 1), Kind: pick(n, "cidr", "subnet"), Endpoints: []string{"10.0.0.0/8"}}
	})
	x.families["/network/v2.0/vpn/ipsec-site-connections"] = rowsOf(db.VPNConnections, func(id cloud.VPNConnectionID, n int) *cloud.VPNConnection {
		sealed, err := x.cloud.Services().Network.Secrets.Seal(context.Background(), string(id)+"-0", "secret")
		must(x.t, err)
		return &cloud.VPNConnection{ID: id, ProjectID: project, Meta: meta(n), Name: word(n), Description: word(n + 1), AdminUp: n%3 == 0, ServiceID: cloud.VPNServiceID(seeded(n % 5)),
			IKE: cloud.VPNProposalID(seeded(n % 3)), ESP: cloud.VPNProposalID(seeded(n % 4)), PeerAddress: fmt.Sprintf("198.51.100.%d", n%200), PeerIdentity: word(n), LocalIdentity: word(n + 2),
			PeerPrefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, LocalEndpoints: cloud.EndpointGroupID(seeded(n % 2)), PeerEndpoints: cloud.EndpointGroupID(seeded(n % 6)),
			MTU: 1400 + n%10, Initiator: pick(n, cloud.InitiatorBoth, cloud.InitiatorPeer), DPDAction: cloud.DPDHold, Tunnels: []cloud.VPNTunnel{{Sealed: sealed}}}
	})
}
