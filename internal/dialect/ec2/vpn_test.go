package ec2_test

import (
	"strings"
	"testing"
)

// TestVPN proves that a VPN connection reads back as it was asked for, that its document says what a customer gateway has to
// know, that its routes come and go, and that what it stands on stays.
func TestVPN(t *testing.T) {
	w := newWorld(t)
	vpc := w.do("CreateVpc", "CidrBlock", "10.1.0.0/16").get("vpc/vpcId")
	cgw := w.do("CreateCustomerGateway", "Type", "ipsec.1", "IpAddress", "198.51.100.9", "BgpAsn", "65001").get("customerGateway/customerGatewayId")
	vgw := w.do("CreateVpnGateway", "Type", "ipsec.1").get("vpnGateway/vpnGatewayId")
	vpn := w.do("CreateVpnConnection", "Type", "ipsec.1", "CustomerGatewayId", cgw, "VpnGatewayId", vgw, "Options.StaticRoutesOnly", "true",
		"Options.TunnelOptions.1.TunnelInsideCidr", "169.254.10.4/30", "Options.TunnelOptions.1.PreSharedKey", "a.fine_secret", "Options.TunnelOptions.1.IKEVersion.1.Value", "ikev2",
		"Options.TunnelOptions.1.Phase1EncryptionAlgorithm.1.Value", "AES256-GCM-16", "Options.TunnelOptions.1.Phase1IntegrityAlgorithm.1.Value", "SHA2-384",
		"Options.TunnelOptions.1.Phase1DHGroupNumber.1.Value", "20", "Options.TunnelOptions.1.StartupAction", "start").get("vpnConnection/vpnConnectionId")
	w.do("CreateVpnConnectionRoute", "VpnConnectionId", vpn, "DestinationCidrBlock", "10.9.0.0/16")
	shown := w.do("DescribeVpnConnections", "VpnConnectionId.1", vpn)
	for path, want := range map[string]string{"options/staticRoutesOnly": "true", "routes/destinationCidrBlock": "10.9.0.0/16", "customerGatewayId": cgw, "vpnGatewayId": vgw,
		"options/tunnelOptionSet/ikeVersionSet/value": "ikev2", "options/tunnelOptionSet/phase1EncryptionAlgorithmSet/value": "AES256-GCM-16",
		"options/tunnelOptionSet/phase1IntegrityAlgorithmSet/value": "SHA2-384", "options/tunnelOptionSet/phase1DHGroupNumberSet/value": "20"} {
		if got := w.only(shown, "vpnConnectionSet/"+path); got != want {
			t.Errorf("%s is %s, not %s", path, got, want)
		}
	}
	outside := shown.texts("vpnConnectionSet/options/tunnelOptionSet/outsideIpAddress")
	document := w.only(shown, "vpnConnectionSet/customerGatewayConfiguration")
	for _, want := range append(outside, "198.51.100.9", "169.254.10.5", "169.254.10.6", "a.fine_secret", "aes-256-gcm-16", "group20", vpn) {
		if !strings.Contains(document, want) {
			t.Errorf("the document lacks %s: %s", want, document)
		}
	}
	if len(outside) != 2 || outside[0] == outside[1] {
		t.Errorf("outside addresses %v", outside)
	}
	w.do("ModifyVpnTunnelOptions", "VpnConnectionId", vpn, "VpnTunnelOutsideIpAddress", outside[1], "TunnelOptions.PreSharedKey", "another_secret")
	if secrets := w.do("DescribeVpnConnections").texts("vpnConnectionSet/options/tunnelOptionSet/preSharedKey"); len(secrets) != 2 || secrets[1] != "another_secret" {
		t.Errorf("secrets %v", secrets)
	}
	w.filtersWork("DescribeVpnConnections", "vpnConnectionSet/vpnConnectionId", map[string]string{"vpn-connection-id": vpn, "customer-gateway-id": cgw, "vpn-gateway-id": vgw,
		"state": "available", "type": "ipsec.1", "bgp-asn": "65001", "option.static-routes-only": "true", "route.destination-cidr-block": "10.9.*"})
	w.attached(vpc, vgw)
	w.refused("IncorrectState", "DeleteCustomerGateway", "CustomerGatewayId", cgw)
	w.refused("IncorrectState", "DeleteVpnGateway", "VpnGatewayId", vgw)
	w.do("DeleteVpnConnectionRoute", "VpnConnectionId", vpn, "DestinationCidrBlock", "10.9.0.0/16")
	w.refused("InvalidRoute.NotFound", "DeleteVpnConnectionRoute", "VpnConnectionId", vpn, "DestinationCidrBlock", "10.9.0.0/16")
	w.do("DeleteVpnConnection", "VpnConnectionId", vpn)
	w.refused("InvalidVpnConnectionID.NotFound", "DescribeVpnConnections", "VpnConnectionId.1", vpn)
	w.do("DeleteVpnGateway", "VpnGatewayId", vgw)
	w.do("DeleteCustomerGateway", "CustomerGatewayId", cgw)
	w.do("DeleteVpc", "VpcId", vpc)
}

// attached attaches and detaches a VPN gateway, while the VPC's table takes its routes.
func (w *world) attached(vpc, vgw string) {
	w.t.Helper()
	w.do("AttachVpnGateway", "VpnGatewayId", vgw, "VpcId", vpc)
	w.filtersWork("DescribeVpnGateways", "vpnGatewaySet/vpnGatewayId", map[string]string{"attachment.vpc-id": vpc, "attachment.state": "attached", "amazon-side-asn": "64512", "vpn-gateway-id": vgw})
	// No host here ever says that it has the tunnels: a customer gateway that dials now would be refused.
	if state := w.do("DescribeVpnConnections").get("vpnConnectionSet/state"); state != "pending" {
		w.t.Errorf("a connection that no host has is %s", state)
	}
	table := w.do("DescribeRouteTables", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", vpc).get("routeTableSet/routeTableId")
	w.do("EnableVgwRoutePropagation", "RouteTableId", table, "GatewayId", vgw)
	if got := w.do("DescribeRouteTables", "RouteTableId.1", table).texts("routeTableSet/routeSet/destinationCidrBlock"); !strings.Contains(strings.Join(got, " "), "10.9.0.0/16") {
		w.t.Errorf("learned routes: %v", got)
	}
	w.refused("VpnGatewayAttachmentLimitExceeded", "AttachVpnGateway", "VpnGatewayId", vgw, "VpcId", vpc)
	w.refused("IncorrectState", "DeleteVpnGateway", "VpnGatewayId", vgw)
	w.do("DetachVpnGateway", "VpnGatewayId", vgw, "VpcId", vpc)
	w.refused("InvalidVpnGatewayAttachment.NotFound", "DetachVpnGateway", "VpnGatewayId", vgw, "VpcId", vpc)
}
