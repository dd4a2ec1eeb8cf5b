package ec2

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// idKind is a sort of id: its prefix, how sentences call it, and what its errors are called.
type idKind struct {
	prefix, noun string
	missingCode  string
	malformed    string
}

var (
	instanceIDs   = idKind{"i", "instance ID", "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"}
	imageIDs      = idKind{"ami", "image id", "InvalidAMIID.NotFound", "InvalidAMIID.Malformed"}
	volumeIDs     = idKind{"vol", "volume", "InvalidVolume.NotFound", "InvalidVolumeID.Malformed"}
	snapshotIDs   = idKind{"snap", "snapshot", "InvalidSnapshot.NotFound", "InvalidSnapshotID.Malformed"}
	keyIDs        = idKind{"key", "key pair", "InvalidKeyPair.NotFound", "InvalidKeyPair.Malformed"}
	groupIDs      = idKind{"sg", "security group", "InvalidGroup.NotFound", "InvalidGroupId.Malformed"}
	ruleIDs       = idKind{"sgr", "security group rule ID", "InvalidSecurityGroupRuleId.NotFound", "InvalidSecurityGroupRuleId.Malformed"}
	prefixListIDs = idKind{"pl", "prefix list ID", "InvalidPrefixListID.NotFound", "InvalidPrefixListID.Malformed"}
	vpcIDs        = idKind{"vpc", "vpc ID", "InvalidVpcID.NotFound", "InvalidVpcID.Malformed"}
	blockIDs      = idKind{"vpc-cidr-assoc", "CIDR block association ID", "InvalidVpcCidrBlockAssociationID.NotFound", "InvalidVpcCidrBlockAssociationID.Malformed"}
	subnetIDs     = idKind{"subnet", "subnet ID", "InvalidSubnetID.NotFound", "InvalidSubnetID.Malformed"}
	sixIDs        = idKind{"subnet-cidr-assoc", "association ID", "InvalidSubnetCidrBlockAssociationID.NotFound", "InvalidSubnetCidrBlockAssociationID.Malformed"}
	portIDs       = idKind{"eni", "networkInterface ID", "InvalidNetworkInterfaceID.NotFound", "InvalidNetworkInterfaceId.Malformed"}
	portUseIDs    = idKind{"eni-attach", "interface attachment", "InvalidAttachmentID.NotFound", "InvalidAttachmentID.Malformed"}
	addressIDs    = idKind{"eipalloc", "allocation ID", "InvalidAllocationID.NotFound", "InvalidAllocationID.Malformed"}
	addressUseIDs = idKind{"eipassoc", "association ID", "InvalidAssociationID.NotFound", "InvalidAssociationID.Malformed"}
	tableIDs      = idKind{"rtb", "routeTable ID", "InvalidRouteTableID.NotFound", "InvalidRouteTableId.Malformed"}
	tableUseIDs   = idKind{"rtbassoc", "association ID", "InvalidAssociationID.NotFound", "InvalidAssociationID.Malformed"}
	internetIDs   = idKind{"igw", "internetGateway ID", "InvalidInternetGatewayID.NotFound", "InvalidInternetGatewayId.Malformed"}
	egressIDs     = idKind{"eigw", "egress only internet gateway ID", "InvalidEgressOnlyInternetGatewayId.NotFound", "InvalidEgressOnlyInternetGatewayId.Malformed"}
	natIDs        = idKind{"nat", "NAT gateway", "NatGatewayNotFound", "NatGatewayMalformed"}
	filterIDs     = idKind{"acl", "networkAcl ID", "InvalidNetworkAclID.NotFound", "InvalidNetworkAclId.Malformed"}
	filterUseIDs  = idKind{"aclassoc", "association ID", "InvalidAssociationID.NotFound", "InvalidAssociationID.Malformed"}
	optionsIDs    = idKind{"dopt", "dhcpOption ID", "InvalidDhcpOptionID.NotFound", "InvalidDhcpOptionsId.Malformed"}
	peerIDs       = idKind{"cgw", "customer gateway ID", "InvalidCustomerGatewayID.NotFound", "InvalidCustomerGatewayId.Malformed"}
	vpnGatewayIDs = idKind{"vgw", "vpn gateway ID", "InvalidVpnGatewayID.NotFound", "InvalidVpnGatewayID.Malformed"}
	connectionIDs = idKind{"vpn", "vpn connection ID", "InvalidVpnConnectionID.NotFound", "InvalidVpnConnectionID.Malformed"}
	peeringIDs    = idKind{"pcx", "vpcPeeringConnection ID", "InvalidVpcPeeringConnectionID.NotFound", "InvalidVpcPeeringConnectionId.Malformed"}
	templateIDs   = idKind{"lt", "launch template ID", "InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.Malformed"}
	batchIDs      = idKind{"r", "reservation", "InvalidReservationID.NotFound", "InvalidReservationID.Malformed"}
)

// kindOf is the kind of a noun's ids, by the noun's name in errors.
var kindOf = map[string]idKind{"instance": instanceIDs, "image": imageIDs, "volume": volumeIDs, "snapshot": snapshotIDs, "key pair": keyIDs,
	"security group": groupIDs, "security group rule": ruleIDs, "router": vpcIDs, "subnet": subnetIDs, "port": portIDs, "floating IP": addressIDs,
	"route table": tableIDs, "NAT gateway": natIDs, "packet filter": filterIDs, "DHCP option set": optionsIDs, "VPN peer": peerIDs,
	"VPN connection": connectionIDs, "peering": peeringIDs, "place of NIC": instanceIDs, "routing domain": vpcIDs, "instance template": templateIDs}

// id is how an id of ours is shown; empty for none.
func id[ID ~string](k idKind, id ID) string { return k.of(string(id)) }

func (k idKind) of(id string) string {
	if id == "" {
		return ""
	}
	return k.prefix + "-" + cloud.ShortID(id)
}

// digits are of ids as they are, or as they were long ago.
var digits = regexp.MustCompile(`^([0-9a-f]{17}|[0-9a-f]{8})$`)

// short takes the prefix off an id that a client sent.
func (k idKind) short(text string) (string, error) {
	short, ok := strings.CutPrefix(text, k.prefix+"-")
	if !ok || !digits.MatchString(short) {
		return "", bad(k.malformed, "Invalid id: %q (expecting %q)", text, k.prefix+"-...")
	}
	return short, nil
}

// missing is the fault for what is not there, or not there for the caller.
func (k idKind) missing(texts ...string) error {
	if len(texts) == 1 {
		return bad(k.missingCode, "The %s '%s' does not exist", k.noun, texts[0])
	}
	return bad(k.missingCode, "The %ss '%s' do not exist", k.noun, strings.Join(texts, ", "))
}

// lister answers the rows of the caller's account that meet conditions, in the order of their places.
type lister[T any] func(ctx context.Context, where ...cloud.Cond) ([]T, error)

// find answers the rows of the ids, in their order, each once. One that is not there fails it.
func find[T any](ctx context.Context, k idKind, texts []string, list lister[T], idOf func(T) string) ([]T, error) {
	shorts, err := k.shorts(texts)
	if err != nil || len(shorts) == 0 {
		return nil, err
	}
	rows, err := list(ctx, cloud.In("short_id", shorts))
	if err != nil {
		return nil, err
	}
	byShort := make(map[string]T, len(rows))
	for _, row := range rows {
		byShort[cloud.ShortID(idOf(row))] = row
	}
	found, missing := make([]T, 0, len(shorts)), []string(nil)
	for _, short := range shorts {
		row, ok := byShort[short]
		if !ok {
			missing = append(missing, k.prefix+"-"+short)
			continue
		}
		found = append(found, row)
	}
	if missing != nil {
		return nil, k.missing(missing...)
	}
	return found, nil
}

// findOne is find for one id. An empty one was not given.
func findOne[T any](ctx context.Context, k idKind, text string, list lister[T], idOf func(T) string) (row T, err error) {
	if text == "" {
		return row, missingParameter(fmt.Sprintf("that names the %s", k.noun))
	}
	rows, err := find(ctx, k, []string{text}, list, idOf)
	if err != nil {
		return row, err
	}
	return rows[0], nil
}

// shorts are the ids without prefix, each once.
func (k idKind) shorts(texts []string) ([]string, error) {
	seen, shorts := map[string]bool{}, make([]string, 0, len(texts))
	for _, text := range texts {
		short, err := k.short(text)
		if err != nil {
			return nil, err
		}
		if !seen[short] {
			seen[short] = true
			shorts = append(shorts, short)
		}
	}
	return shorts, nil
}
