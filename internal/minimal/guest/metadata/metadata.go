// Package metadata learns who the instance is: from a config drive or from the
// metadata service, in the OpenStack or the EC2 layout; and takes its
// user-data apart.
//
//	config drive (label config-2) --+
//	169.254.169.254/openstack/latest +--> Instance --> Parse(UserData) --> Part...
//	169.254.169.254/latest ----------+
//
// It applies nothing; the guest's init does.
package metadata

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Instance is what metadata says of this instance.
type Instance struct {
	ID        string
	Hostname  string
	Keys      []string // authorized_keys lines
	AdminPass string
	UserData  []byte
	Network   *NetworkData // nil when metadata holds none
	Source    string       // for people: "config drive", "openstack", "ec2"
}

// openstackMeta is openstack/latest/meta_data.json.
type openstackMeta struct {
	UUID       string            `json:"uuid"`
	Name       string            `json:"name"`
	Hostname   string            `json:"hostname"`
	AdminPass  string            `json:"admin_pass"`
	PublicKeys map[string]string `json:"public_keys"`
	Keys       []struct {
		Type string `json:"type"`
		Data string `json:"data"`
	} `json:"keys"`
}

func parseOpenStack(doc []byte) (*Instance, error) {
	var m openstackMeta
	if err := json.Unmarshal(doc, &m); err != nil {
		return nil, fmt.Errorf("meta_data.json: %w", err)
	}
	if m.UUID == "" {
		return nil, fmt.Errorf("meta_data.json has no uuid")
	}
	in := &Instance{ID: m.UUID, Hostname: m.Hostname, AdminPass: m.AdminPass}
	if in.Hostname == "" {
		in.Hostname = m.Name
	}
	for _, k := range m.PublicKeys {
		in.addKeys(k)
	}
	for _, k := range m.Keys {
		if k.Type == "ssh" {
			in.addKeys(k.Data)
		}
	}
	slices.Sort(in.Keys)
	return in, nil
}

// addKeys takes one or more authorized_keys lines; a key is kept once.
func (in *Instance) addKeys(text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") && !slices.Contains(in.Keys, line) {
			in.Keys = append(in.Keys, line)
		}
	}
}
