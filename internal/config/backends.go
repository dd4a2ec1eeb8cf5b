package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
)

// VolumeBackend is a directory that volumes are kept in, on a file system of its own perhaps.
type VolumeBackend struct {
	Name string `json:"name"`
	// Directory is absolute; empty: in the state directory. The back end named "default" is where the disks of guests
	// lie, and has none.
	Directory string `json:"directory"`
	// Capabilities are what types of volumes may ask for, such as volume_backend_name, storage_protocol or vendor_name.
	Capabilities map[string]string `json:"capabilities"`
}

// DefaultBackend is the name of the back end that disks of guests lie on.
const DefaultBackend = "default"

// backendName leaves out what separates the parts of a name of a host, a back end and a pool.
var backendName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (c *Config) checkBackends() error {
	names, directories := map[string]bool{}, map[string]bool{}
	for i := range c.VolumeBackends {
		b := &c.VolumeBackends[i]
		if !backendName.MatchString(b.Name) || names[b.Name] {
			return fmt.Errorf("volume_backends: %q: each needs a name of its own, of letters, digits, dots, dashes and underscores", b.Name)
		}
		names[b.Name] = true
		if b.Name == DefaultBackend {
			if b.Directory != "" {
				return errors.New("volume_backends: default lies in the state directory: leave its directory out, or name it otherwise")
			}
			continue
		}
		if b.Directory == "" {
			b.Directory = filepath.Join(c.StateDir, "backends", b.Name)
		}
		if b.Directory = filepath.Clean(b.Directory); !filepath.IsAbs(b.Directory) || directories[b.Directory] {
			return fmt.Errorf("volume_backends: %s: directory %s must be absolute and no other back end's", b.Name, b.Directory)
		}
		directories[b.Directory] = true
	}
	return nil
}

// Backends are the back ends of a host, first the one that disks of guests lie on. Where that is not in the
// configuration it takes no new volumes, unless it is the only one.
func (c *Config) Backends() (all []VolumeBackend, volumesOnFirst bool) {
	all, volumesOnFirst = []VolumeBackend{{Name: DefaultBackend}}, len(c.VolumeBackends) == 0
	for _, b := range c.VolumeBackends {
		if b.Name == DefaultBackend {
			all[0], volumesOnFirst = b, true
			continue
		}
		all = append(all, b)
	}
	return all, volumesOnFirst
}
