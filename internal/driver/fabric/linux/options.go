package linux

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Packages are the Debian packages the driver needs on a host.
var Packages = []string{"nftables"}

// Options are fixed for the life of a Fabric.
type Options struct {
	// StateDir is where documents are kept (in StateDir/fabric).
	StateDir string
	// Name tells this Nubo's namespaces and links from those of others on the
	// host: letters and digits, at most 16. Empty: made of StateDir.
	Name string
	// HostNamespace is the path of the namespace to take for the host's own; empty: this process' own.
	HostNamespace string
	// Metadata answers guests on 169.254.169.254; nil: nobody does.
	Metadata agent.MetadataHandler
	// Upstream are DNS servers ("address" or "address:port") for names that are not
	// ours. Nil: those of /etc/resolv.conf, read again when it changes.
	Upstream []string
	External External
	// NICs are the links of the host that reach physical networks, by the network's name. Frames that no network of ours
	// is meant by stay the host's.
	NICs map[string]string
	// VerifyInterval is how often the kernel is compared with what was applied,
	// 0: 30 s, negative: never.
	VerifyInterval time.Duration
	Log            *slog.Logger
}

// External says how external networks reach the outside.
type External struct {
	// Interface is a bridge of the host, or a NIC without addresses that is then put
	// into one, on which external networks stand. Empty: NAT out of the host's routes, the host itself
	// being the gateway named in the network's subnets.
	Interface string
}

// New makes a Fabric. It touches nothing until it is asked to.
func New(o Options) (*Fabric, error) {
	if o.StateDir == "" {
		return nil, errors.New("fabric: no state directory given")
	}
	if o.Name != "" && (len(o.Name) > 16 || checkID("fabric", o.Name) != nil) {
		return nil, fmt.Errorf("fabric name %q: %w", o.Name, spec.ErrInvalid)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.VerifyInterval == 0 {
		o.VerifyInterval = 30 * time.Second
	}
	host, err := netns.Open(o.HostNamespace)
	if err != nil {
		return nil, fmt.Errorf("host namespace: %w", err)
	}
	docs, err := openDocuments(filepath.Join(o.StateDir, "fabric"))
	if err != nil {
		return nil, err
	}
	f := &Fabric{
		options: o, log: o.Log, host: host, docs: docs, names: newNames(o.Name, o.StateDir),
		networks: map[spec.NetworkID]*network{}, ports: map[spec.PortID]*port{},
		groups: map[spec.GroupID]spec.SecurityGroup{}, stale: map[spec.GroupID]bool{}, routers: map[spec.RouterID]*router{},
		vpns:   map[spec.VPNID]*vpn{},
		closed: make(chan struct{}),
	}
	f.metadata = newMetadataServer(o.Metadata, o.Log)
	f.start(f.patrol)
	return f, nil
}
