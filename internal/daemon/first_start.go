package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// firstStart makes what a new cloud has, once. The password is on disk before it is valid,
// so that a crash between the two cannot lose it.
func (d *Daemon) firstStart(ctx context.Context) error {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	password, err := d.adminPassword(ctx)
	if err != nil {
		return err
	}
	made, err := d.services.identity.Bootstrap(ctx, identity.Bootstrap{AdminPassword: password, Region: d.config.Region})
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
	return d.once(ctx, "first-start/public-network", func(ctx context.Context) error {
		return d.services.network.EnsurePublic(ctx, made.AdminProjectID)
	})
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

// adminPassword is the one in admin-openrc.sh, which is written here if the cloud is new.
func (d *Daemon) adminPassword(ctx context.Context) (string, error) {
	path := filepath.Join(d.config.StateDir, "admin-openrc.sh")
	if b, err := os.ReadFile(path); err == nil {
		if m := passwordLine.FindSubmatch(b); m != nil {
			return string(m[1]), nil
		}
	}
	users, err := d.store.Users.Count(ctx)
	if err != nil || users > 0 {
		return "", err // an old cloud whose operator put the file away
	}
	password := cloud.NewHexID()
	if err := writePrivate(filepath.Join(d.config.StateDir, "clouds.yaml"), d.cloudsYAML(password)); err != nil {
		return "", err
	}
	return password, writePrivate(path, d.openrc(password))
}

func (d *Daemon) openrc(password string) string {
	lines := []string{
		"# Source this file to use the cloud as its administrator.",
		"export OS_AUTH_URL=" + d.URL() + "/v3",
		"export OS_IDENTITY_API_VERSION=3",
		"export OS_USERNAME=admin",
		"export OS_PASSWORD=" + password,
		"export OS_PROJECT_NAME=admin",
		"export OS_USER_DOMAIN_NAME=Default",
		"export OS_PROJECT_DOMAIN_NAME=Default",
		"export OS_REGION_NAME=" + d.config.Region,
	}
	if ca := d.caFile(); ca != "" {
		lines = append(lines, "export OS_CACERT="+ca)
	}
	return strings.Join(lines, "\n") + "\n"
}

func (d *Daemon) cloudsYAML(password string) string {
	text := fmt.Sprintf(`clouds:
  nubo:
    auth:
      auth_url: %s/v3
      username: admin
      password: %s
      project_name: admin
      user_domain_name: Default
      project_domain_name: Default
    region_name: %s
    identity_api_version: 3
`, d.URL(), password, d.config.Region)
	if ca := d.caFile(); ca != "" {
		text += "    cacert: " + ca + "\n"
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
