package ec2

import (
	"encoding/xml"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/charon"
	"github.com/nubo-cloud/nubo/internal/spec"
	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// The other end: where its gateway is, and what lies behind it.
const (
	peerAddress = "10.99.0.2"
	peerBehind  = "10.9.0.1"
	peerBlock   = "10.9.0.0/16"
)

// handout is what the owner of the other end reads in a connection's document.
type handout struct {
	Tunnels []struct {
		Theirs string `xml:"customer_gateway>tunnel_outside_address>ip_address"`
		Ours   string `xml:"vpn_gateway>tunnel_outside_address>ip_address"`
		IKE    suite  `xml:"ike"`
		ESP    suite  `xml:"ipsec"`
	} `xml:"ipsec_tunnel"`
}

type suite struct {
	Authentication string `xml:"authentication_protocol"`
	Encryption     string `xml:"encryption_protocol"`
	Lifetime       int    `xml:"lifetime"`
	Group          string `xml:"perfect_forward_secrecy"`
	Secret         string `xml:"pre_shared_key"`
}

// terms are a suite in the words of who sets strongSwan up.
func (s suite) terms() spec.VPNSuite {
	hash := strings.TrimSuffix(strings.TrimPrefix(s.Authentication, "hmac-"), "-96")
	return spec.VPNSuite{Encryption: []string{strings.TrimSuffix(s.Encryption, "-cbc")}, Authentication: []string{hash}, Groups: []string{s.Group}, Lifetime: time.Duration(s.Lifetime) * time.Second}
}

// TestVPN joins a VPC to a site behind a strongSwan that was set up from the connection's document alone: the site reaches a private
// instance, the tunnel's state is told, and not a packet is lost while the daemon is killed and started again.
func TestVPN(t *testing.T) {
	files := cloudtest.Need(t, "qemu-system-x86_64", "qemu-img", "openstack", "nft", "ip")
	if _, err := charon.Program(); err != nil {
		t.Skip("needs strongSwan: ", err)
	}
	s := &site{files: files, groups: map[string]string{}, t: t}
	s.cloud = cloudtest.Start(t, files, cloudtest.Settings{"check_seconds": 2, "shutdown_seconds": 5, "zone_names": map[string]string{"second": "nova"}})
	s.key = cloudtest.NewKey(t, s.cloud.Host.Dir)
	admin := s.cloud.Client(t)
	admin.Run("image create --public --disk-format qcow2 --container-format bare --file " + files.Image + " minimal")
	s.keys = newKeys(t, admin)
	s.api = newClient(s.cloud, s.keys)
	s.imageAndKey()
	s.makeVPC()
	inside := s.pingable()
	connection := s.connect()
	far := cloudtest.NewHost(t)
	s.cloud.Host.Join(t, far, "10.99.0.1/30", peerAddress+"/30")
	s.setUp(far, connection)
	cloudtest.Eventually(t, patience(), func() error { return ping(far, inside, 1) })
	cloudtest.Eventually(t, patience(), func() error { return s.tunnelUp(connection) })
	s.surviveKill(far, inside)
}

// pingable makes an instance that answers pings from the other end, and tells its address.
func (s *site) pingable() string {
	g := must[*ec2.CreateSecurityGroupOutput](s)(s.api.CreateSecurityGroup(background, &ec2.CreateSecurityGroupInput{GroupName: aws.String("vpn"), Description: aws.String("of the test"), VpcId: &s.vpc}))
	must[*ec2.AuthorizeSecurityGroupIngressOutput](s)(s.api.AuthorizeSecurityGroupIngress(background, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: g.GroupId,
		IpPermissions: []types.IpPermission{{IpProtocol: aws.String("icmp"), FromPort: aws.Int32(-1), ToPort: aws.Int32(-1), IpRanges: []types.IpRange{{CidrIp: aws.String(peerBlock)}}}}}))
	id := s.runOne(s.private, *g.GroupId, "inside")
	cloudtest.Check(s.t, ec2.NewInstanceRunningWaiter(s.api, func(o *ec2.InstanceRunningWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background,
		&ec2.DescribeInstancesInput{InstanceIds: []string{id}}, patience()))
	return *s.instance(id).PrivateIpAddress
}

// connect makes the VPN: gateways of both ends, the connection with its route, and what the VPC's table learns of it.
func (s *site) connect() string {
	gw := must[*ec2.CreateVpnGatewayOutput](s)(s.api.CreateVpnGateway(background, &ec2.CreateVpnGatewayInput{Type: types.GatewayTypeIpsec1})).VpnGateway
	must[*ec2.AttachVpnGatewayOutput](s)(s.api.AttachVpnGateway(background, &ec2.AttachVpnGatewayInput{VpcId: &s.vpc, VpnGatewayId: gw.VpnGatewayId}))
	tables := must[*ec2.DescribeRouteTablesOutput](s)(s.api.DescribeRouteTables(background, &ec2.DescribeRouteTablesInput{
		Filters: append(filter("vpc-id", s.vpc), filter("association.main", "true")...)})).RouteTables
	must[*ec2.EnableVgwRoutePropagationOutput](s)(s.api.EnableVgwRoutePropagation(background, &ec2.EnableVgwRoutePropagationInput{RouteTableId: tables[0].RouteTableId, GatewayId: gw.VpnGatewayId}))
	customer := must[*ec2.CreateCustomerGatewayOutput](s)(s.api.CreateCustomerGateway(background, &ec2.CreateCustomerGatewayInput{Type: types.GatewayTypeIpsec1, IpAddress: aws.String(peerAddress),
		BgpAsn: aws.Int32(65001)})).CustomerGateway
	cloudtest.Check(s.t, ec2.NewCustomerGatewayAvailableWaiter(s.api, func(o *ec2.CustomerGatewayAvailableWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background,
		&ec2.DescribeCustomerGatewaysInput{CustomerGatewayIds: []string{*customer.CustomerGatewayId}}, patience()))
	made := must[*ec2.CreateVpnConnectionOutput](s)(s.api.CreateVpnConnection(background, &ec2.CreateVpnConnectionInput{Type: aws.String("ipsec.1"), CustomerGatewayId: customer.CustomerGatewayId,
		VpnGatewayId: gw.VpnGatewayId, Options: &types.VpnConnectionOptionsSpecification{StaticRoutesOnly: aws.Bool(true)}})).VpnConnection
	must[*ec2.CreateVpnConnectionRouteOutput](s)(s.api.CreateVpnConnectionRoute(background, &ec2.CreateVpnConnectionRouteInput{VpnConnectionId: made.VpnConnectionId, DestinationCidrBlock: aws.String(peerBlock)}))
	cloudtest.Check(s.t, ec2.NewVpnConnectionAvailableWaiter(s.api, func(o *ec2.VpnConnectionAvailableWaiterOptions) { o.MinDelay, o.MaxDelay = often, often }).Wait(background,
		&ec2.DescribeVpnConnectionsInput{VpnConnectionIds: []string{*made.VpnConnectionId}}, patience()))
	return *made.VpnConnectionId
}

func (s *site) connection(id string) types.VpnConnection {
	s.t.Helper()
	return must[*ec2.DescribeVpnConnectionsOutput](s)(s.api.DescribeVpnConnections(background, &ec2.DescribeVpnConnectionsInput{VpnConnectionIds: []string{id}})).VpnConnections[0]
}

// setUp has the other end's strongSwan bring the first tunnel up, from what the document says.
func (s *site) setUp(far *cloudtest.Host, connection string) {
	var doc handout
	cloudtest.Check(s.t, xml.Unmarshal([]byte(aws.ToString(s.connection(connection).CustomerGatewayConfiguration)), &doc))
	if len(doc.Tunnels) != 2 {
		s.t.Fatalf("the document has %d tunnels", len(doc.Tunnels))
	}
	d := doc.Tunnels[0]
	d.IKE.Secret = strings.TrimSpace(d.IKE.Secret)
	peer := &charon.Daemon{Dir: filepath.Join(s.t.TempDir(), "peer"), Namespace: far.Namespace()}
	s.t.Cleanup(func() {
		s.tell(filepath.Join(peer.Dir, "run/charon.log"), filepath.Join(s.cloud.StateDir, "vpn/*/run/charon.log"))
		cloudtest.Check(s.t, peer.Remove())
	})
	run(s.t, far, "ip addr add "+peerBehind+"/32 dev lo")
	cloudtest.Check(s.t, peer.Start(background))
	_, err := peer.Apply(background, []charon.Tunnel{{Peers: []netip.Addr{netip.MustParseAddr(d.Ours)}, VPNTunnel: spec.VPNTunnel{ID: "t", Local: netip.MustParseAddr(d.Theirs), LocalIdentity: d.Theirs,
		Peer: d.Ours, PeerIdentity: d.Ours, Secret: d.IKE.Secret, Versions: []int{2}, IKE: d.IKE.terms(), ESP: d.ESP.terms(), Protocol: "esp",
		LocalPrefixes: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}, PeerPrefixes: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}, MTU: 1500, Start: spec.VPNStartNow,
		DPD: spec.VPNDPD{Interval: 10 * time.Second, Timeout: 30 * time.Second, Restart: true}}}})
	cloudtest.Check(s.t, err)
	cloudtest.Eventually(s.t, patience(), func() error { // the tunnel's device is there when the daemon runs
		_, err := far.Command("ip", strings.Fields("route replace 10.20.0.0/16 dev ipsec0 src "+peerBehind)...).CombinedOutput()
		return err
	})
}

// tell shows what both ends logged of a test that failed.
func (s *site) tell(patterns ...string) {
	for _, pattern := range patterns {
		logs, _ := filepath.Glob(pattern)
		for _, log := range logs {
			text, err := os.ReadFile(log)
			if s.t.Failed() {
				s.t.Logf("%s: %v\n%s", log, err, text)
			}
		}
	}
}

func run(t *testing.T, h *cloudtest.Host, line string) {
	t.Helper()
	args := strings.Fields(line)
	if out, err := h.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
}

// ping sends pings through the tunnel, five a second, and fails if one is lost.
func ping(from *cloudtest.Host, to string, count int) error {
	out, err := from.Command("ping", "-I", peerBehind, "-i", "0.2", "-W", "2", "-c", fmt.Sprint(count), to).CombinedOutput()
	if err != nil || !received.Match(out) {
		return fmt.Errorf("ping %s: %v: %s", to, err, out)
	}
	return nil
}

var received = regexp.MustCompile(` 0% packet loss`)

// tunnelUp tells whether the connection shows one of its tunnels up.
func (s *site) tunnelUp(connection string) error {
	for _, v := range s.connection(connection).VgwTelemetry {
		if v.Status == types.TelemetryStatusUp {
			return nil
		}
	}
	return errNotYet
}

// surviveKill kills the daemon under pings, and starts it again.
func (s *site) surviveKill(far *cloudtest.Host, inside string) {
	pings := make(chan error, 1)
	go func() { pings <- ping(far, inside, 60) }()
	time.Sleep(2 * time.Second) // of the twelve that the pings take
	s.cloud.Kill()
	s.cloud.Serve()
	if err := <-pings; err != nil {
		s.t.Error(err)
	}
}
