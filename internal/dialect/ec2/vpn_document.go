package ec2

import (
	"encoding/xml"
	"slices"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// configuration is the document that the owner of a customer gateway sets it up from. Clients read it by its elements.
type configuration struct {
	XMLName           xml.Name         `xml:"vpn_connection"`
	ID                string           `xml:"id,attr"`
	CustomerGatewayID string           `xml:"customer_gateway_id"`
	VPNGatewayID      string           `xml:"vpn_gateway_id"`
	Type              string           `xml:"vpn_connection_type"`
	Tunnels           []tunnelDocument `xml:"ipsec_tunnel"`
}

type tunnelDocument struct {
	CustomerGateway endDocument   `xml:"customer_gateway"`
	VPNGateway      endDocument   `xml:"vpn_gateway"`
	IKE             ikeDocument   `xml:"ike"`
	IPsec           ipsecDocument `xml:"ipsec"`
}

type endDocument struct {
	Outside string `xml:"tunnel_outside_address>ip_address"`
	Inside  string `xml:"tunnel_inside_address>ip_address"`
	Mask    string `xml:"tunnel_inside_address>network_mask"`
	Bits    int    `xml:"tunnel_inside_address>network_cidr"`
	ASN     int64  `xml:"bgp>asn,omitempty"`
	Hold    int    `xml:"bgp>hold_time,omitempty"`
}

type ikeDocument struct {
	Authentication string `xml:"authentication_protocol"`
	Encryption     string `xml:"encryption_protocol"`
	Lifetime       int    `xml:"lifetime"`
	Group          string `xml:"perfect_forward_secrecy"`
	Mode           string `xml:"mode"`
	Secret         string `xml:"pre_shared_key"`
}

type ipsecDocument struct {
	Protocol       string `xml:"protocol"`
	Authentication string `xml:"authentication_protocol"`
	Encryption     string `xml:"encryption_protocol"`
	Lifetime       int    `xml:"lifetime"`
	Group          string `xml:"perfect_forward_secrecy"`
	Mode           string `xml:"mode"`
	ClearDF        bool   `xml:"clear_df_bit"`
	Fragment       bool   `xml:"fragmentation_before_encryption"`
	MSS            int    `xml:"tcp_mss_adjustment"`
	Interval       int    `xml:"dead_peer_detection>interval"`
	Retries        int    `xml:"dead_peer_detection>retries"`
}

// document is the connection's configuration. Of what its tunnels accept it names one of each.
func (r connectionRow) document() (string, error) {
	c := configuration{ID: id(connectionIDs, r.ID), CustomerGatewayID: id(peerIDs, r.PeerID), VPNGatewayID: id(vpnGatewayIDs, r.gateway.ID), Type: ipsec}
	for _, t := range r.Tunnels {
		first := t.Inside.Masked().Addr().Next()
		theirs := endDocument{Outside: r.peer.Address.String(), Inside: first.Next().String(), Mask: "255.255.255.252", Bits: t.Inside.Bits()}
		ours := endDocument{Outside: r.addresses[t.PortID], Inside: first.String(), Mask: "255.255.255.252", Bits: t.Inside.Bits()}
		if !r.StaticRoutes {
			theirs.ASN, theirs.Hold, ours.ASN, ours.Hold = r.peer.ASN, 30, r.gateway.ASN, 30
		}
		c.Tunnels = append(c.Tunnels, tunnelDocument{theirs, ours, ikeOf(t), ipsecOf(t)})
	}
	text, err := xml.MarshalIndent(c, "", "  ")
	return xml.Header + string(text), err
}

func ikeOf(t cloud.VPNTunnel) ikeDocument {
	s := t.Terms.IKE
	return ikeDocument{Authentication: s.Authentication[0], Encryption: blockMode(s.Encryption[0]), Lifetime: int(s.Lifetime / time.Second), Group: preferred(s.Groups),
		Mode: "main", Secret: t.Secret}
}

func ipsecOf(t cloud.VPNTunnel) ipsecDocument {
	s := t.Terms.ESP
	const tries = 3
	return ipsecDocument{Protocol: "esp", Authentication: "hmac-" + s.Authentication[0] + onlyIf(s.Authentication[0] == "sha1", "-96"), Encryption: blockMode(s.Encryption[0]),
		Lifetime: int(s.Lifetime / time.Second), Group: preferred(s.Groups), Mode: "tunnel", ClearDF: true, Fragment: true, MSS: 1379,
		Interval: int(t.Terms.DPDTimeout/time.Second) / tries, Retries: tries}
}

// blockMode says the mode of a cipher that has none in its name.
func blockMode(cipher string) string {
	if strings.Count(cipher, "-") == 1 {
		return cipher + "-cbc"
	}
	return cipher
}

// preferred is the group that is neither weak nor unknown to old software, if it is accepted.
func preferred(groups []string) string {
	if slices.Contains(groups, "group14") {
		return "group14"
	}
	return groups[0]
}
