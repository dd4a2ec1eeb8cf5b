package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack/glance"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// firstStart makes what a new cloud has, once. The password is on disk before it is valid,
// so that a crash between the two cannot lose it.
func (d *Daemon) firstStart(ctx context.Context) error {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	passwords, err := d.passwords(ctx)
	if err != nil {
		return err
	}
	made, err := d.services.identity.Bootstrap(ctx, identity.Bootstrap{AdminPassword: passwords["admin"], DemoPassword: passwords["demo"], Region: d.config.Region,
		Limits: map[string]map[string]int64{"image": firstImageLimits()}})
	if err != nil {
		return err
	}
	if err := d.services.image.Recover(ctx); err != nil {
		return fmt.Errorf("recover images: %w", err)
	}
	if err := d.services.compute.EnsureFlavors(ctx); err != nil {
		return fmt.Errorf("make flavors: %w", err)
	}
	if err := d.services.volume.EnsureDefaults(ctx); err != nil {
		return fmt.Errorf("make volume type: %w", err)
	}
	if err := d.services.words.EnsureKinds(ctx, glance.ResourceTypes); err != nil {
		return fmt.Errorf("make resource types known: %w", err)
	}
	if err := d.ensureSegments(ctx); err != nil {
		return fmt.Errorf("make segments: %w", err)
	}
	return d.once(ctx, "first-start/public-network", func(ctx context.Context) error {
		if err := d.services.network.EnsurePublic(ctx, made.AdminProjectID); err != nil {
			return err
		}
		return d.services.network.EnsureDefaultPool(ctx, made.AdminProjectID)
	})
}

// ensureSegments makes the ranges of segments what the configuration says, and the segments of networks that are older than they.
func (d *Daemon) ensureSegments(ctx context.Context) error {
	if err := d.services.network.EnsureSegmentRanges(ctx); err != nil {
		return err
	}
	return d.once(ctx, "network/segments", d.services.network.EnsureSegments)
}

// once runs f in a transaction unless an earlier start has done so.
func (d *Daemon) once(ctx context.Context, name string, f func(context.Context) error) error {
	id := cloud.SettingID(name)
	if _, err := d.store.Settings.Get(ctx, id); err == nil || !cloud.Is(err, cloud.NotFound) {
		return err
	}
	return d.store.Update(ctx, func(ctx context.Context) error {
		if err := f(ctx); err != nil {
			return err
		}
		return d.store.Settings.Insert(ctx, &cloud.Setting{ID: id, Value: "done"})
	})
}

var passwordLine = regexp.MustCompile(`(?m)^export OS_PASSWORD=(\S+)$`)

// PasswordIn finds the password in an admin-openrc.sh; empty: there is none.
func PasswordIn(openrc []byte) string {
	if m := passwordLine.FindSubmatch(openrc); m != nil {
		return string(m[1])
	}
	return ""
}

// accounts are the users that the first start makes, each with a project of its name.
var accounts = []string{"admin", "demo"}

// passwords are those in the accounts' openrc files, which are written here if the cloud is new.
func (d *Daemon) passwords(ctx context.Context) (map[string]string, error) {
	users, err := d.store.Users.Count(ctx)
	if err != nil || users > 0 {
		return nil, err // only a new cloud asks for them
	}
	found := map[string]string{}
	for _, name := range accounts {
		path := filepath.Join(d.config.StateDir, name+"-openrc.sh")
		if b, err := os.ReadFile(path); err == nil && PasswordIn(b) != "" {
			found[name] = PasswordIn(b) // an earlier first start was cut short after it wrote the file
			continue
		}
		found[name] = cloud.NewHexID()
		if err := writePrivate(path, d.openrc(name, found[name])); err != nil {
			return nil, err
		}
	}
	return found, writePrivate(filepath.Join(d.config.StateDir, "clouds.yaml"), d.cloudsYAML(found))
}

func (d *Daemon) openrc(name, password string) string {
	lines := []string{
		"# Source this file to use the cloud as " + name + ".",
		"export OS_AUTH_URL=" + d.URL() + "/v3",
		"export OS_IDENTITY_API_VERSION=3",
		"export OS_USERNAME=" + name,
		"export OS_PASSWORD=" + password,
		"export OS_PROJECT_NAME=" + name,
		"export OS_USER_DOMAIN_NAME=Default",
		"export OS_PROJECT_DOMAIN_NAME=Default",
		"export OS_REGION_NAME=" + d.config.Region,
	}
	if ca := d.caFile(); ca != "" {
		lines = append(lines, "export OS_CACERT="+ca)
	}
	return strings.Join(lines, "\n") + "\n"
}

// cloudsYAML names the administrator's account "nubo" and the others "nubo-NAME".
func (d *Daemon) cloudsYAML(passwords map[string]string) string {
	text := "clouds:\n"
	for _, name := range accounts {
		entry := "nubo"
		if name != "admin" {
			entry += "-" + name
		}
		text += fmt.Sprintf(`  %s:
    auth:
      auth_url: %s/v3
      username: %s
      password: %s
      project_name: %s
      user_domain_name: Default
      project_domain_name: Default
    region_name: %s
    identity_api_version: 3
`, entry, d.URL(), name, passwords[name], name, d.config.Region)
		if ca := d.caFile(); ca != "" {
			text += "    cacert: " + ca + "\n"
		}
	}
	return text
}

// writePrivate puts a file in place whole, readable by its owner only.
func writePrivate(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err = f.WriteString(text); err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}
