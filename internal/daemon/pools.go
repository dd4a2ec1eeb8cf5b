package daemon

import (
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/nubo-cloud/nubo/internal/config"
	blockfile "github.com/nubo-cloud/nubo/internal/driver/block/file"
	"github.com/nubo-cloud/nubo/internal/driver/block/pools"
	blocksim "github.com/nubo-cloud/nubo/internal/driver/block/sim"
)

// pools opens the back ends of a host.
func (d *Daemon) pools(open func(config.VolumeBackend) (pools.Member, error)) (pools.Set, error) {
	var set pools.Set
	backends, volumesOnFirst := d.config.Backends()
	for i, b := range backends {
		m, err := open(b)
		if err != nil {
			return nil, fmt.Errorf("volume back end %s: %w", b.Name, err)
		}
		set = append(set, pools.Pool{Member: m, Name: b.Name, LocalOnly: i == 0 && !volumesOnFirst, Capabilities: b.Capabilities})
	}
	return set, nil
}

func (d *Daemon) openPool(log *slog.Logger) func(config.VolumeBackend) (pools.Member, error) {
	return func(b config.VolumeBackend) (pools.Member, error) {
		if b.Name == config.DefaultBackend {
			b.Directory = filepath.Join(d.config.StateDir, "pool")
		}
		return blockfile.New(blockfile.Options{Dir: b.Directory, Name: b.Name, Logger: log})
	}
}

func (d *Daemon) simulatePool(b config.VolumeBackend) (pools.Member, error) {
	return blocksim.NewPool(blocksim.Options{Name: b.Name, Shared: true, TotalBytes: simulatedPool, Seed: d.config.SimulateSeed}), nil
}
