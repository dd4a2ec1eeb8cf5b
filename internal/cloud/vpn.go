package cloud

import (
	"net/netip"
	"time"
)

// VPNService is where VPN connections of a router end on our side: a host of strongSwan's in a namespace of its own, with an
// address outside and a link to the router.
type VPNService struct {
	ID        VPNServiceID `json:"id"`
	ProjectID ProjectID    `json:"project_id"`
	RouterID  RouterID     `json:"router_id"`
	Meta
	Revisions   int      `json:"revisions"`
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	AdminUp     bool     `json:"admin_up"`
	SubnetID    SubnetID `json:"subnet_id,omitempty"` // the only one that is reached, where connections name no endpoint groups
	// NetworkID is the link to the router. OutsidePorts hold its addresses on the external network: one, or two for who wants a second tunnel.
	NetworkID    NetworkID `json:"network_id,omitempty"`
	OutsidePorts []PortID  `json:"outside_ports,omitempty"`
	// GatewayID: it is that Gateway's, and goes with it.
	GatewayID GatewayID `json:"gateway_id,omitempty"`
	Tags      []string  `json:"tags,omitempty"`
}

// VPNProposal is how keys are agreed upon (IKE) or packets protected (ESP).
type VPNProposal struct {
	ID        VPNProposalID `json:"id"`
	ProjectID ProjectID     `json:"project_id"`
	Meta
	Revisions   int    `json:"revisions"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Use is "ike" or "esp".
	Use string `json:"use"`
	// Encryption ("aes-128", "aes-256-gcm-16"), Authentication ("sha1", "sha256") and Group ("group14") are Neutron's values, lower case.
	Encryption     string        `json:"encryption"`
	Authentication string        `json:"authentication"`
	Group          string        `json:"group"`
	IKEVersion     string        `json:"ike_version,omitempty"`   // "v1" or "v2"; ike only
	Phase1         string        `json:"phase1,omitempty"`        // "main" or "aggressive"; ike only
	Encapsulation  string        `json:"encapsulation,omitempty"` // "tunnel" or "transport"; esp only
	Transform      string        `json:"transform,omitempty"`     // "esp", "ah" or "ah-esp"; esp only
	Lifetime       time.Duration `json:"lifetime"`
}

// EndpointGroup names what is at one end of a VPN connection.
type EndpointGroup struct {
	ID        EndpointGroupID `json:"id"`
	ProjectID ProjectID       `json:"project_id"`
	Meta
	Revisions   int    `json:"revisions"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Kind is "cidr", "subnet", "network", "router" or "vlan"; Endpoints are prefixes or ids accordingly.
	Kind      string   `json:"kind"`
	Endpoints []string `json:"endpoints"`
}

// VPNPeer is the other end's gateway, as its owner described it.
type VPNPeer struct {
	ID        VPNPeerID `json:"id"`
	ProjectID ProjectID `json:"project_id"`
	Meta
	Revisions int        `json:"revisions"`
	Name      string     `json:"name,omitempty"`
	Address   netip.Addr `json:"address"`
	ASN       int64      `json:"asn"`
	Tags      []string   `json:"tags,omitempty"`
}

// VPNConnection joins a VPNService to one peer by one or two IPsec tunnels.
type VPNConnection struct {
	ID        VPNConnectionID `json:"id"`
	ProjectID ProjectID       `json:"project_id"`
	ServiceID VPNServiceID    `json:"service_id"`
	Meta
	Revisions   int    `json:"revisions"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	AdminUp     bool   `json:"admin_up"`
	// PeerID, where a peer was registered. PeerAddress is an address or a name; PeerIdentity is what it calls itself.
	PeerID       VPNPeerID `json:"peer_id,omitempty"`
	PeerAddress  string    `json:"peer_address"`
	PeerIdentity string    `json:"peer_identity"`
	// LocalIdentity is what we call ourselves; empty: our address.
	LocalIdentity string `json:"local_identity,omitempty"`
	// PeerPrefixes are what lies behind the peer; or PeerEndpoints and LocalEndpoints name both ends.
	PeerPrefixes   []netip.Prefix  `json:"peer_prefixes,omitempty"`
	PeerEndpoints  EndpointGroupID `json:"peer_endpoints,omitempty"`
	LocalEndpoints EndpointGroupID `json:"local_endpoints,omitempty"`
	IKE            VPNProposalID   `json:"ike,omitempty"`
	ESP            VPNProposalID   `json:"esp,omitempty"`
	MTU            int             `json:"mtu"`
	// Initiator is "bi-directional" or "response-only".
	Initiator string `json:"initiator"`
	// DPDAction is "clear", "hold", "restart", "disabled" or "restart-by-peer".
	DPDAction   string        `json:"dpd_action"`
	DPDInterval time.Duration `json:"dpd_interval"`
	DPDTimeout  time.Duration `json:"dpd_timeout"`
	// Tunnels: one, or two of a connection through a Gateway.
	Tunnels []VPNTunnel `json:"tunnels"`
	// StaticRoutes: its networks are told, not learned by BGP.
	StaticRoutes bool     `json:"static_routes,omitempty"`
	Tags         []string `json:"tags,omitempty"`
}

// VPNTunnel is one tunnel of a VPNConnection.
type VPNTunnel struct {
	// PortID is the one of its service's OutsidePorts that it ends at.
	PortID PortID `json:"port_id"`
	// Secret is the pre-shared key; Sealed in the store.
	Secret string `json:"-"`
	Sealed []byte `json:"sealed,omitempty"`
	// Inside is the tunnel's own /30, ours the second address, the peer's the third; invalid: none.
	Inside netip.Prefix `json:"inside,omitzero"`
	// Up is what the host said last, ChangedAt when it became so, Reason why it is down.
	Up        bool      `json:"up,omitempty"`
	ChangedAt time.Time `json:"changed_at,omitzero"`
	Reason    string    `json:"reason,omitempty"`
}
