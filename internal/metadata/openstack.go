package metadata

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// The versions of the OpenStack tree. Dates compare as strings.
const (
	osFolsom   = "2012-08-10"
	osGrizzly  = "2013-04-04"
	osHavana   = "2013-10-17"
	osLiberty  = "2015-10-15"
	osNewton1  = "2016-06-30"
	osNewton2  = "2016-10-06"
	osOcata    = "2017-02-22"
	osRocky    = "2018-08-27"
	osVictoria = "2020-10-14"
	latest     = "latest"
)

var openstackVersions = []string{osFolsom, osGrizzly, osHavana, osLiberty, osNewton1, osNewton2, osOcata, osRocky, osVictoria}

const (
	metaDataFile    = "meta_data.json"
	userDataFile    = "user_data"
	passwordFile    = "password"
	vendorDataFile  = "vendor_data.json"
	networkDataFile = "network_data.json"
	vendorData2File = "vendor_data2.json"
)

// openstackFiles are in the order they are listed in, with the version that brought them.
var openstackFiles = []struct{ name, since string }{
	{metaDataFile, osFolsom}, {userDataFile, osFolsom}, {passwordFile, osHavana},
	{vendorDataFile, osHavana}, {networkDataFile, osLiberty}, {vendorData2File, osNewton2},
}

// knownOpenStack tells whether there is such a version.
func knownOpenStack(version string) bool {
	for _, v := range append(openstackVersions, latest) {
		if v == version {
			return true
		}
	}
	return false
}

// atLeast tells whether a version has what came with another ("latest" has everything).
func atLeast(version, since string) bool { return version == latest || version >= since }

// openstackList names the files of a version, for one guest.
func openstackList(md spec.Metadata, version string) []string {
	var names []string
	for _, f := range openstackFiles {
		if atLeast(version, f.since) && (f.name != userDataFile || len(md.UserData) > 0) {
			names = append(names, f.name)
		}
	}
	return names
}

// openstackFile answers one file of a version; false if that version has none of that name. The
// password is not a file: Handler answers it.
func (l Layout) openstackFile(md spec.Metadata, version, name string, drive bool) ([]byte, bool, error) {
	var v any
	switch {
	case name == userDataFile && len(md.UserData) > 0:
		return md.UserData, true, nil
	case name == metaDataFile:
		b, err := l.metaData(md, version, drive)
		return b, true, err
	case name == vendorDataFile && atLeast(version, osHavana):
		v = vendorData(md)
	case name == networkDataFile && atLeast(version, osLiberty):
		v = networkData(md)
	case name == vendorData2File && atLeast(version, osNewton2):
		v = map[string]any{}
		if len(md.VendorData) > 0 {
			v = map[string]any{"static": vendorData(md)}
		}
	default:
		return nil, false, nil
	}
	b, err := json.Marshal(v)
	return b, true, err
}

func vendorData(md spec.Metadata) json.RawMessage {
	if len(md.VendorData) == 0 {
		return json.RawMessage("{}")
	}
	return md.VendorData
}

// metaData is meta_data.json. The password goes onto a drive only, which nobody else on the network can read.
func (l Layout) metaData(md spec.Metadata, version string, drive bool) ([]byte, error) {
	m := map[string]any{
		"uuid": md.InstanceID, "name": md.Name, "hostname": md.Hostname,
		"launch_index": md.LaunchIndex, "availability_zone": md.Zone,
	}
	if len(md.Properties) > 0 {
		m["meta"] = md.Properties
	}
	if len(md.Keys) > 0 {
		addKeys(m, md.Keys)
	}
	if drive && md.AdminPassword != "" {
		m["admin_pass"] = md.AdminPassword
	}
	if atLeast(version, osGrizzly) {
		seed, err := l.randomSeed()
		if err != nil {
			return nil, err
		}
		m["random_seed"] = seed
	}
	if atLeast(version, osLiberty) {
		m["project_id"] = md.ProjectID
	}
	if atLeast(version, osNewton1) {
		m["devices"] = devices(md, version)
	}
	if atLeast(version, osVictoria) {
		m["dedicated_cpus"] = []int{}
	}
	return json.Marshal(m)
}

// addKeys lists SSH keys by name (the old form) and all keys with their types.
func addKeys(m map[string]any, keys []spec.PublicKey) {
	byName, list := map[string]string{}, []map[string]string{}
	for _, k := range keys {
		byName[k.Name] = k.Data
		list = append(list, map[string]string{"name": k.Name, "type": k.Type, "data": k.Data})
	}
	m["public_keys"], m["keys"] = byName, list
}

func (l Layout) randomSeed() (string, error) {
	source := l.Random
	if source == nil {
		source = rand.Reader
	}
	seed := make([]byte, 512)
	if _, err := io.ReadFull(source, seed); err != nil {
		return "", fmt.Errorf("random seed: %w", err)
	}
	return base64.StdEncoding.EncodeToString(seed), nil
}

// devices lists what the owner has tagged. The addresses on the guest's buses
// are the hypervisor's secret; "none" is what Nova says too when it does not know.
func devices(md spec.Metadata, version string) []map[string]any {
	list := []map[string]any{}
	for _, n := range md.NICs {
		if n.Tag == "" {
			continue
		}
		d := map[string]any{"type": "nic", "bus": "none", "address": "none", "mac": n.MAC, "tags": []string{n.Tag}}
		if atLeast(version, osRocky) {
			d["vf_trusted"] = false
		}
		list = append(list, d)
	}
	for _, disk := range md.Disks {
		if disk.Tag != "" {
			list = append(list, map[string]any{"type": "disk", "bus": "none", "address": "none", "serial": disk.Serial, "tags": []string{disk.Tag}})
		}
	}
	return list
}
