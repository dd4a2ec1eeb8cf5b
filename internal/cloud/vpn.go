package cloud

import (
	"net/netip"
	"slices"
	"time"
)

// VPNService is where VPN connections of a router end on our side: a namespace of its own on the router's host, with an
// address outside and a link to the router.
type VPNService struct {
	ID        VPNServiceID `json:"id"`
	ProjectID ProjectID    `json:"project_id"`
	RouterID  RouterID     `json:"router_id,omitempty"` // empty: its Gateway is attached to none, and it is on no host
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
	// Up is what the host said last of the whole service, ChangedAt when it became so (zero: nothing yet), Reason why it is down.
	Up        bool      `json:"up,omitempty"`
	ChangedAt time.Time `json:"changed_at,omitzero"`
	Reason    string    `json:"reason,omitempty"`
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
	// Encryption ("aes-128", "aes-256-gcm-16"), Authentication ("sha1", "sha256") and Group ("group14") are in VPNWords.
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
	// Kind says what Endpoints are: prefixes, ids or tags.
	Kind      string   `json:"kind"`
	Endpoints []string `json:"endpoints"`
}

// The kinds of endpoint groups.
const (
	EndpointPrefix  = "cidr"
	EndpointSubnet  = "subnet"
	EndpointNetwork = "network"
	EndpointRouter  = "router"
	EndpointVLAN    = "vlan"
)

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

// Who begins a connection.
const (
	InitiatorBoth = "bi-directional"
	InitiatorPeer = "response-only"
)

// What happens to a tunnel whose peer is gone.
const (
	DPDClear         = "clear"           // it is down until the peer begins anew
	DPDHold          = "hold"            // and we begin anew when there is something to send
	DPDRestart       = "restart"         // and we begin anew at once
	DPDRestartByPeer = "restart-by-peer" // as DPDRestart, with all tunnels to that peer
	DPDDisabled      = "disabled"        // nobody looks whether it is there
)

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
	// LocalSelector and PeerSelector are what a connection through a Gateway carries: PeerPrefixes are then what is routed to it.
	LocalSelector netip.Prefix  `json:"local_selector,omitzero"`
	PeerSelector  netip.Prefix  `json:"peer_selector,omitzero"`
	IKE           VPNProposalID `json:"ike,omitempty"`
	ESP           VPNProposalID `json:"esp,omitempty"`
	MTU           int           `json:"mtu"`
	Initiator     string        `json:"initiator"` // InitiatorBoth, or InitiatorPeer
	// DPDAction is what happens when the peer is gone for DPDTimeout.
	DPDAction   string        `json:"dpd_action"`
	DPDInterval time.Duration `json:"dpd_interval"`
	DPDTimeout  time.Duration `json:"dpd_timeout"`
	// Tunnels: one, or two of a connection through a Gateway.
	Tunnels []VPNTunnel `json:"tunnels"`
	// StaticRoutes: its networks are told, not learned by BGP.
	StaticRoutes bool     `json:"static_routes,omitempty"`
	Tags         []string `json:"tags,omitempty"`
}

// Up tells whether any of its tunnels stands.
func (c *VPNConnection) Up() bool {
	return slices.ContainsFunc(c.Tunnels, func(t VPNTunnel) bool { return t.Up })
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
	// Terms are what it may be built of, where its connection names no proposals.
	Terms *VPNTerms `json:"terms,omitempty"`
	// Up is what the host said last, ChangedAt when it became so, Reason why it is down.
	Up        bool      `json:"up,omitempty"`
	ChangedAt time.Time `json:"changed_at,omitzero"`
	Reason    string    `json:"reason,omitempty"`
}

// VPNTerms are the proposals that a tunnel accepts, and when it begins and ends. The words are in VPNWords.
type VPNTerms struct {
	IKEVersions []string `json:"ike_versions"`
	IKE         VPNSuite `json:"ike"`
	ESP         VPNSuite `json:"esp"`
	// DPDAction and DPDTimeout are as those of a connection. Initiate: we begin.
	DPDAction  string        `json:"dpd_action"`
	DPDTimeout time.Duration `json:"dpd_timeout"`
	Initiate   bool          `json:"initiate,omitempty"`
}

// VPNSuite is what one phase of a tunnel may use: any of each, in the order of preference.
type VPNSuite struct {
	Encryption     []string      `json:"encryption"`
	Authentication []string      `json:"authentication"`
	Groups         []string      `json:"groups"`
	Lifetime       time.Duration `json:"lifetime"`
}

// VPNWords are the words that proposals are made of.
var VPNWords = struct{ Encryption, Authentication, Groups []string }{
	Encryption:     append([]string{"3des", "aes-128", "aes-192", "aes-256"}, cipherModes()...),
	Authentication: []string{"sha1", "sha256", "sha384", "sha512", "aes-xcbc", "aes-cmac"},
	Groups: []string{"group2", "group5", "group14", "group15", "group16", "group17", "group18", "group19", "group20", "group21",
		"group22", "group23", "group24", "group25", "group26", "group27", "group28", "group29", "group30", "group31"},
}

// cipherModes are counter mode and those that authenticate by themselves, with the length of what they append.
func cipherModes() (words []string) {
	for _, mode := range []string{"ctr", "ccm-8", "ccm-12", "ccm-16", "gcm-8", "gcm-12", "gcm-16"} {
		for _, bits := range []string{"128", "192", "256"} {
			words = append(words, "aes-"+bits+"-"+mode)
		}
	}
	return words
}
