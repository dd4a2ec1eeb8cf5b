package charon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/strongswan/govici/vici"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// connection, identity and child are a connection as the daemon reads it (swanctl.conf(5)).
type connection struct {
	Version     string           `vici:"version"`
	LocalAddrs  []string         `vici:"local_addrs"`
	RemoteAddrs []string         `vici:"remote_addrs"`
	Proposals   []string         `vici:"proposals"`
	Aggressive  bool             `vici:"aggressive"`
	Mobike      bool             `vici:"mobike"`
	Unique      string           `vici:"unique"`
	KeyingTries int              `vici:"keyingtries"` // 0: for ever
	DPDDelay    string           `vici:"dpd_delay"`
	DPDTimeout  string           `vici:"dpd_timeout"` // of IKEv1
	RekeyTime   string           `vici:"rekey_time"`
	OverTime    string           `vici:"over_time"`
	RandTime    string           `vici:"rand_time"`
	Local       identity         `vici:"local"`
	Remote      identity         `vici:"remote"`
	Children    map[string]child `vici:"children"`
}

type identity struct {
	Auth string `vici:"auth"`
	ID   string `vici:"id"`
}

type child struct {
	LocalTS      []string `vici:"local_ts"`
	RemoteTS     []string `vici:"remote_ts"`
	ESPProposals []string `vici:"esp_proposals"`
	AHProposals  []string `vici:"ah_proposals"`
	Mode         string   `vici:"mode"`
	RekeyTime    string   `vici:"rekey_time"`
	LifeTime     string   `vici:"life_time"`
	RandTime     string   `vici:"rand_time"`
	StartAction  string   `vici:"start_action"`
	CloseAction  string   `vici:"close_action"`
	DPDAction    string   `vici:"dpd_action"`
}

type shared struct {
	ID     string   `vici:"id"`
	Type   string   `vici:"type"`
	Data   string   `vici:"data"`
	Owners []string `vici:"owners"`
}

// Tunnel is a tunnel with the addresses that its peer has now.
type Tunnel struct {
	spec.VPNTunnel
	Peers []netip.Addr
}

// name tells apart what differs in anything that the daemon is told; see the package's comment.
func (t Tunnel) name(c connection) (string, error) {
	text, err := json.Marshal(struct {
		Connection connection
		Secret     string
	}{c, t.Secret})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return t.ID + "." + hex.EncodeToString(sum[:6]), nil
}

// idOf is the tunnel of a connection's name.
func idOf(name string) string {
	i := strings.LastIndexByte(name, '.')
	return name[:max(i, 0)]
}

func (t Tunnel) connection() (connection, error) {
	ike, err := proposals(t.IKE, true)
	if err != nil {
		return connection{}, err
	}
	c := connection{Version: version(t.Versions), LocalAddrs: []string{t.Local.String()}, Proposals: ike, Aggressive: t.Aggressive,
		Unique: "replace", DPDDelay: seconds(t.DPD.Interval), DPDTimeout: seconds(t.DPD.Timeout),
		RekeyTime: seconds(t.IKE.Lifetime * 9 / 10), OverTime: seconds(t.IKE.Lifetime / 10), RandTime: seconds(t.IKE.Lifetime / 20),
		Local: identity{"psk", t.LocalIdentity}, Remote: identity{"psk", t.PeerIdentity}}
	for _, a := range t.Peers {
		c.RemoteAddrs = append(c.RemoteAddrs, a.String())
	}
	c.Children, err = t.children()
	return c, err
}

// children are one for all that the tunnel carries; IKEv1 agrees upon one pair of prefixes at a time.
func (t Tunnel) children() (map[string]child, error) {
	suite, err := proposals(t.ESP, false)
	if err != nil {
		return nil, err
	}
	base := child{Mode: "tunnel", RekeyTime: seconds(t.ESP.Lifetime * 9 / 10), LifeTime: seconds(t.ESP.Lifetime), RandTime: seconds(t.ESP.Lifetime / 20),
		StartAction: "none", CloseAction: "none", DPDAction: "clear"}
	if t.Transport {
		base.Mode = "transport"
	}
	if t.Protocol == "ah" {
		base.AHProposals = suite
	} else {
		base.ESPProposals = suite
	}
	if t.Start == spec.VPNStartNow {
		base.CloseAction = "start" // and begun by us when it is loaded, see Apply
	}
	if t.DPD.Restart && t.Start == spec.VPNStartNow {
		base.DPDAction = "start"
	}
	prefix := "c"
	if t.Start == spec.VPNStartNow {
		prefix = startedPrefix
	}
	local, peer := texts(t.LocalPrefixes), texts(t.PeerPrefixes)
	if slices.Max(append(t.Versions, 0)) > 1 {
		base.LocalTS, base.RemoteTS = local, peer
		return map[string]child{prefix: base}, nil
	}
	all := map[string]child{}
	for _, l := range local {
		for _, p := range peer {
			base.LocalTS, base.RemoteTS = []string{l}, []string{p}
			all[fmt.Sprintf("%s%d", prefix, len(all))] = base
		}
	}
	return all, nil
}

func texts(prefixes []netip.Prefix) (out []string) {
	for _, p := range prefixes {
		out = append(out, p.String())
	}
	return out
}

// version is what the daemon calls one of IKE; 0 is any.
func version(versions []int) string {
	if len(versions) == 1 {
		return fmt.Sprint(versions[0])
	}
	return "0"
}

func seconds(d time.Duration) string {
	return fmt.Sprintf("%ds", int(d.Round(time.Second)/time.Second))
}

// Apply makes these tunnels, and no others, the daemon's. Those that are as they were go on. It answers why some cannot be, by id.
//
// New ones come before old ones go: a peer that loses one dials again at once, and is refused by nothing; some dial once. New ones
// are begun when the old ones are gone: before, the daemon would make them a part of what is about to go.
func (d *Daemon) Apply(ctx context.Context, tunnels []Tunnel) (refused map[string]string, err error) {
	s, err := d.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("charon: %w", err)
	}
	defer s.Close()
	have, err := names(ctx, s)
	if err != nil {
		return nil, err
	}
	want, refused, err := prepare(tunnels)
	if err != nil {
		return nil, err
	}
	old := slices.DeleteFunc(slices.Clone(have), func(name string) bool { return want[name] != nil })
	for _, name := range old {
		unloadSecret(ctx, s, name)
	}
	fresh := map[string]*prepared{}
	for name, p := range want {
		if slices.Contains(have, name) {
			continue
		}
		if err := p.load(ctx, s, name); err != nil {
			refused[p.tunnel.ID] = err.Error()
			continue
		}
		fresh[name] = p
	}
	for _, name := range old {
		if err := unload(ctx, s, name); err != nil {
			return nil, err
		}
	}
	for name, p := range fresh {
		p.start(ctx, s, name)
	}
	return refused, nil
}

// prepared is a tunnel in the daemon's words.
type prepared struct {
	tunnel     Tunnel
	connection connection
}

// prepare puts tunnels into the daemon's words, by name; refused are those that have none there, by id.
func prepare(tunnels []Tunnel) (want map[string]*prepared, refused map[string]string, err error) {
	want, refused = map[string]*prepared{}, map[string]string{}
	for _, t := range tunnels {
		c, err := t.connection()
		if err != nil {
			refused[t.ID] = err.Error()
			continue
		}
		name, err := t.name(c)
		if err != nil {
			return nil, nil, err
		}
		want[name] = &prepared{t, c}
	}
	return want, refused, nil
}

func names(ctx context.Context, s *vici.Session) ([]string, error) {
	m, err := call(ctx, s, "get-conns", nil)
	if err != nil {
		return nil, fmt.Errorf("charon's connections: %w", err)
	}
	list, _ := m.Get("conns").([]string)
	return list, nil
}

// load brings the secret first: the daemon may begin at once.
func (p *prepared) load(ctx context.Context, s *vici.Session, name string) error {
	if _, err := call(ctx, s, "load-shared", shared{ID: name, Type: "IKE", Data: p.tunnel.Secret, Owners: []string{p.tunnel.LocalIdentity, p.tunnel.PeerIdentity}}); err != nil {
		return fmt.Errorf("the secret: %w", err)
	}
	if _, err := call(ctx, s, "load-conn", map[string]connection{name: p.connection}); err != nil {
		return fmt.Errorf("strongSwan on the host refuses it: %w", err)
	}
	return nil
}

// start begins what is ours to begin. What fails, or is not done because we end, whoever watches does; see restart.
func (p *prepared) start(ctx context.Context, s *vici.Session, name string) {
	for child := range p.connection.Children {
		if strings.HasPrefix(child, startedPrefix) {
			initiate(ctx, s, name, child)
		}
	}
}

// initiate has the daemon begin a child, and does not wait for it: what comes of it is told as any state is.
func initiate(ctx context.Context, s *vici.Session, name, child string) {
	_, _ = call(ctx, s, "initiate", map[string]string{"ike": name, "child": child, "timeout": "-1"})
}

// unload leaves the connection first, so that nothing brings its tunnel back.
func unload(ctx context.Context, s *vici.Session, name string) error {
	if _, err := call(ctx, s, "unload-conn", map[string]string{"name": name}); err != nil {
		return fmt.Errorf("charon's connection %s: %w", name, err)
	}
	// No tunnel is an error to the daemon and none to us.
	_, _ = call(ctx, s, "terminate", map[string]string{"ike": name, "force": "yes", "timeout": "-1"})
	return nil
}

// unloadSecret is for a connection that goes: its tunnel needs the secret no more. None is an error to the daemon and none to us.
func unloadSecret(ctx context.Context, s *vici.Session, name string) {
	_, _ = call(ctx, s, "unload-shared", map[string]string{"id": name})
}
