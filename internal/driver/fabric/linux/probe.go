package linux

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// probe finds out once what the kernel can do. br_netfilter is preferred where there
// is a choice: it exists on every distribution and is what our tests prove on real packets.
func (f *Fabric) probe(ctx context.Context, inside *netns.Handle) (tracking, error) {
	f.hostLock.Lock()
	defer f.hostLock.Unlock()
	if f.probed != "" {
		return f.probed, nil
	}
	if _, err := exec.LookPath("nft"); err != nil {
		return "", fmt.Errorf("the program nft is missing, install the package nftables: %w", spec.ErrNotSupported)
	}
	if err := nft.Check(ctx, inside, "table bridge nubo_probe { chain c { type filter hook forward priority 0; }; }"); err != nil {
		return "", fmt.Errorf("kernel lacks nftables for bridges (module nf_tables, CONFIG_NF_TABLES_BRIDGE): %v: %w", err, spec.ErrNotSupported)
	}
	// Loading a module is harmless if it is built in or there already, and where it
	// cannot be loaded the next look tells.
	if !hasBridgeNetfilter(inside) {
		_ = exec.CommandContext(ctx, "modprobe", "br_netfilter").Run()
	}
	switch {
	case hasBridgeNetfilter(inside):
		f.probed = trackIP
	case nft.Check(ctx, inside, "table bridge nubo_probe { chain c { ct state new accept; }; }") == nil:
		f.probed = trackBridge
	default:
		return "", fmt.Errorf("kernel has neither br_netfilter nor nf_conntrack_bridge, security groups need one: %w", spec.ErrNotSupported)
	}
	return f.probed, nil
}

func hasBridgeNetfilter(inside *netns.Handle) bool {
	return inside.Do(func() error {
		_, err := os.Stat("/proc/sys/net/bridge/bridge-nf-call-iptables")
		return err
	}) == nil
}
