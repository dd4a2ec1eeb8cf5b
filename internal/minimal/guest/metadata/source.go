package metadata

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/nubo-cloud/nubo/internal/minimal/guest/web"
)

// ErrNone says that a source answered and holds no metadata.
var ErrNone = errors.New("no metadata here")

// FromDir reads a mounted config drive.
func FromDir(dir string) (*Instance, error) {
	base := filepath.Join(dir, "openstack", "latest")
	doc, err := os.ReadFile(filepath.Join(base, "meta_data.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	in, err := parseOpenStack(doc)
	if err != nil {
		return nil, err
	}
	in.Source = "config drive"
	if in.UserData, err = optionalFile(filepath.Join(base, "user_data")); err != nil {
		return nil, err
	}
	doc, err = optionalFile(filepath.Join(base, "network_data.json"))
	if err != nil || doc == nil {
		return in, err
	}
	in.Network, err = parseNetworkData(doc)
	return in, err
}

func optionalFile(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// FromService asks the metadata service at base ("http://169.254.169.254"),
// the OpenStack layout first. ErrNone when it has neither layout.
func FromService(ctx context.Context, base string) (*Instance, error) {
	in, err := openstackService(ctx, base)
	if errors.Is(err, ErrNone) {
		return ec2Service(ctx, base)
	}
	return in, err
}

func openstackService(ctx context.Context, base string) (*Instance, error) {
	g := getter{ctx: ctx, base: base + "/openstack/latest/"}
	doc, err := g.get("meta_data.json")
	if err != nil {
		return nil, err
	}
	in, err := parseOpenStack(doc)
	if err != nil {
		return nil, err
	}
	in.Source = "openstack metadata service"
	in.UserData, err = g.optional("user_data")
	return in, err
}

func ec2Service(ctx context.Context, base string) (*Instance, error) {
	g := getter{ctx: ctx, base: base + "/latest/"}
	// Version 2 of the EC2 service wants a session token; a service that
	// knows none answers an error, which is no reason to stop.
	token, err := web.Get(ctx, web.Request{
		Method: "PUT", URL: base + "/latest/api/token",
		Header: map[string]string{"X-aws-ec2-metadata-token-ttl-seconds": "600"},
	})
	if err == nil {
		g.header = map[string]string{"X-aws-ec2-metadata-token": strings.TrimSpace(string(token))}
	}
	id, err := g.get("meta-data/instance-id")
	if err != nil {
		return nil, err
	}
	in := &Instance{ID: strings.TrimSpace(string(id)), Source: "ec2 metadata service"}
	name, err := g.optional("meta-data/hostname")
	if err != nil {
		return nil, err
	}
	in.Hostname = strings.TrimSpace(string(name))
	if err := g.ec2Keys(in); err != nil {
		return nil, err
	}
	in.UserData, err = g.optional("user-data")
	return in, err
}

type getter struct {
	ctx    context.Context
	base   string
	header map[string]string
}

func (g getter) get(name string) ([]byte, error) {
	b, err := web.Get(g.ctx, web.Request{URL: g.base + name, Header: g.header})
	var st *web.StatusError
	if errors.As(err, &st) && st.Status == 404 {
		return nil, ErrNone
	}
	return b, err
}

func (g getter) optional(name string) ([]byte, error) {
	b, err := g.get(name)
	if errors.Is(err, ErrNone) {
		return nil, nil
	}
	return b, err
}

// ec2Keys: public-keys/ lists "0=name" lines; each key is below its number.
func (g getter) ec2Keys(in *Instance) error {
	list, err := g.optional("meta-data/public-keys/")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(list)) {
		number, _, _ := strings.Cut(strings.TrimSpace(line), "=")
		key, err := g.optional(path.Join("meta-data/public-keys", number, "openssh-key"))
		if err != nil {
			return err
		}
		in.addKeys(string(key))
	}
	return nil
}
