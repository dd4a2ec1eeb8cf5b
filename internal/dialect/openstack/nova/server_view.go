package nova

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/policy"
)

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// stampMicro is how times of the usage extension are written; empty for none.
func stampMicro(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000")
}

// orEmpty makes JSON objects and lists of nil ones.
func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// shape is which answer shows a server: a list, its own page, or a change of it.
type shape int

const (
	shapeListed shape = iota
	shapeShown
	shapeChanged
)

// server shows an instance as the request's microversion does. Until 2.75 the answer to a change was a shorter one.
func (a *api) server(r *http.Request, v *compute.View, as shape) *openstack.Object {
	body := &openstack.Object{}
	a.viewer(r).server(body, v, as)
	return body
}

// viewer is what a request's answers about servers depend on beside the servers: found out once, not for each.
type viewer struct {
	base              string // the address of the service
	version           openstack.Version
	operator, details bool
	hashes            map[hashKey]string
}

func (a *api) viewer(r *http.Request) *viewer {
	return &viewer{base: openstack.BaseURL(r) + a.Prefix, version: openstack.VersionOf(r), details: policy.May(r.Context(), "instance.see_details", policy.Target{}),
		operator: policy.May(r.Context(), "instance.see_host", policy.Target{}), hashes: map[hashKey]string{}}
}

func (w *viewer) atLeast(minor int) bool { return w.version.AtLeast(2, minor) }

// server writes what is shown of an instance into an empty body.
func (w *viewer) server(body *openstack.Object, v *compute.View, as shape) {
	short := as == shapeChanged && !w.atLeast(75)
	st := stateOf(v.Instance)
	w.basicServer(body, v, st)
	w.laterKeys(body, v.Instance, as)
	list := addresses(v)
	body.Append("addresses", func(b []byte) []byte { return appendNetworks(b, list, !short) })
	if short {
		return
	}
	w.extendedKeys(body, v, st)
	w.operatorKeys(body, v)
}

// listed writes the little that a list without details shows.
func (w *viewer) listed(body *openstack.Object, in *cloud.Instance) {
	body.Text("id", string(in.ID))
	body.Text("name", in.Name)
	w.links(body, "servers", string(in.ID))
}

// basicServer is what every answer about a server has had since 2.1.
func (w *viewer) basicServer(body *openstack.Object, v *compute.View, st state) {
	in := v.Instance
	body.Text("id", string(in.ID))
	body.Text("name", in.Name)
	body.Text("status", st.Status)
	body.Text("tenant_id", string(in.ProjectID))
	body.Text("user_id", string(in.UserID))
	body.Set("metadata", orEmpty(in.Properties))
	body.Text("hostId", w.hostHash(v))
	w.imageOf(body, in)
	w.flavorOf(body, in)
	body.Text("created", stamp(in.CreatedAt))
	body.Text("updated", stamp(in.UpdatedAt))
	body.Text("accessIPv4", in.AccessV4)
	body.Text("accessIPv6", in.AccessV6)
	w.links(body, "servers", string(in.ID))
	body.Text("OS-DCF:diskConfig", diskConfig(in.GrowRoot))
	switch st.Status {
	case "ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE":
		body.Number("progress", progress(in, st))
	case "ERROR":
		body.Set("fault", w.faultOf(in))
	case "DELETED":
		if in.Fault != nil {
			body.Set("fault", w.faultOf(in))
		}
	}
}

// extendedKeys were extensions of their own before 2.1.
func (w *viewer) extendedKeys(body *openstack.Object, v *compute.View, st state) {
	in := v.Instance
	body.Text("OS-EXT-AZ:availability_zone", zoneOf(v))
	body.Text("config_drive", driveWord(in.ConfigDrive))
	body.TextOrNull("key_name", in.KeyName)
	body.TextOrNull("OS-SRV-USG:launched_at", stampMicro(in.LaunchedAt))
	body.TextOrNull("OS-SRV-USG:terminated_at", stampMicro(in.TerminatedAt))
	body.Set("OS-EXT-STS:task_state", st.Task)
	body.Text("OS-EXT-STS:vm_state", st.VM)
	body.Number("OS-EXT-STS:power_state", st.Power)
	body.Set("os-extended-volumes:volumes_attached", w.volumesAttached(in))
	if groups := securityGroups(v); len(groups) > 0 {
		// Until it is built, a server is shown with what it was asked for with, which clients name by id.
		building := in.Phase == cloud.PhaseBuilding
		body.Set("security_groups", openstack.Each(groups, func(o *openstack.Object, g *cloud.SecurityGroup) {
			if building {
				o.Text("name", string(g.ID))
				return
			}
			o.Text("name", g.Name)
		}))
	}
}

// rebuilt is server as the answer to a rebuild, which tells what the guest is given.
func (a *api) rebuilt(r *http.Request, v *compute.View, password string) *openstack.Object {
	body := a.server(r, v, shapeChanged)
	body.Text("adminPass", password)
	if atLeast(r, 54) {
		body.TextOrNull("key_name", v.KeyName)
	}
	if atLeast(r, 57) {
		body.TextOrNull("user_data", userData(v.Instance))
		body.Drop("OS-EXT-SRV-ATTR:user_data")
	}
	return body
}

// diskConfig is Nova's word for whether the guest may grow its partition.
func diskConfig(grow bool) string {
	if grow {
		return "AUTO"
	}
	return "MANUAL"
}

func progress(in *cloud.Instance, st state) int {
	if st.Status == "BUILD" {
		return in.Progress
	}
	return 0
}

// laterKeys adds what microversions after 2.1 show to everybody.
func (w *viewer) laterKeys(body *openstack.Object, in *cloud.Instance, as shape) {
	if w.atLeast(9) {
		body.Flag("locked", in.Locked)
	}
	if w.atLeast(19) {
		body.Set("description", in.Description)
	}
	if w.atLeast(26) {
		body.Set("tags", append([]string{}, in.Tags...))
	}
	if w.atLeast(63) {
		body.Null("trusted_image_certificates")
	}
	if w.atLeast(71) && as != shapeListed {
		groups := []string{}
		if in.Hints.Group != "" {
			groups = append(groups, string(in.Hints.Group))
		}
		body.Set("server_groups", groups)
	}
	if w.atLeast(73) {
		body.TextOrNull("locked_reason", in.LockedReason)
	}
	if w.atLeast(90) {
		body.Text("OS-EXT-SRV-ATTR:hostname", in.Hostname)
	}
	if w.atLeast(96) {
		body.TextOrNull("pinned_availability_zone", in.Zone)
	}
}

// operatorKeys adds what only those who may see hosts are shown.
func (w *viewer) operatorKeys(body *openstack.Object, v *compute.View) {
	if !w.operator {
		return
	}
	in, host := v.Instance, ""
	if v.Host != nil {
		host = v.Host.Name
	}
	body.TextOrNull("OS-EXT-SRV-ATTR:host", host)
	body.TextOrNull("OS-EXT-SRV-ATTR:hypervisor_hostname", host)
	body.Text("OS-EXT-SRV-ATTR:instance_name", "instance-"+string(in.ID))
	if w.atLeast(3) {
		body.Text("OS-EXT-SRV-ATTR:reservation_id", in.ReservationID)
		body.Number("OS-EXT-SRV-ATTR:launch_index", in.LaunchIndex)
		body.Text("OS-EXT-SRV-ATTR:hostname", in.Hostname)
		body.Text("OS-EXT-SRV-ATTR:kernel_id", in.ImageProperties["kernel_id"])
		body.Text("OS-EXT-SRV-ATTR:ramdisk_id", in.ImageProperties["ramdisk_id"])
		body.TextOrNull("OS-EXT-SRV-ATTR:root_device_name", rootDevice(in))
		body.TextOrNull("OS-EXT-SRV-ATTR:user_data", userData(in))
	}
	if w.atLeast(16) {
		body.Text("host_status", hostStatus(v.Host))
	}
}

func hostStatus(h *cloud.Host) string {
	switch {
	case h == nil:
		return ""
	case h.ForcedDown:
		return "DOWN"
	case !h.Enabled:
		return "MAINTENANCE"
	case !h.Up:
		return "UNKNOWN"
	}
	return "UP"
}

func userData(in *cloud.Instance) string { return base64.StdEncoding.EncodeToString(in.UserData) }

func rootDevice(in *cloud.Instance) string {
	if len(in.Disks) == 0 {
		return ""
	}
	return "/dev/" + in.Disks[0].Device
}

type hashKey struct {
	project cloud.ProjectID
	host    string
}

// hostHash tells a project's instances on one host from those on others, and nothing else.
func (w *viewer) hostHash(v *compute.View) string {
	if v.Host == nil {
		return ""
	}
	k := hashKey{v.ProjectID, v.Host.Name}
	hash, ok := w.hashes[k]
	if !ok {
		hash = hostHash(k.project, k.host)
		w.hashes[k] = hash
	}
	return hash
}

// hostHash is the same for all hosts of a name and a project, and says neither.
func hostHash(p cloud.ProjectID, host string) string {
	sum := sha256.Sum224([]byte(string(p) + host))
	return hex.EncodeToString(sum[:])
}

func zoneOf(v *compute.View) string {
	if v.Host != nil {
		return v.Host.Zone
	}
	return v.Zone
}

func driveWord(on bool) string {
	if on {
		return "True"
	}
	return ""
}

// links sets where a resource is found, with the version in the path and without.
func (w *viewer) links(body *openstack.Object, kind, id string) {
	body.Append("links", func(b []byte) []byte {
		b = appendLink(append(b, '['), w.base+"/v2.1/"+kind+"/"+id, "self")
		return append(appendLink(append(b, ','), w.base+"/"+kind+"/"+id, "bookmark"), ']')
	})
}

func appendLink(b []byte, href, rel string) []byte {
	b = openstack.AppendString(append(b, `{"href":`...), href)
	return append(openstack.AppendString(append(b, `,"rel":`...), rel), '}')
}

// reference sets a resource by its id and its bookmark.
func (w *viewer) reference(body *openstack.Object, key, kind, id string) {
	body.Append(key, func(b []byte) []byte {
		b = append(openstack.AppendString(append(b, `{"id":`...), id), `,"links":[`...)
		return append(appendLink(b, w.base+"/"+kind+"/"+id, "bookmark"), "]}"...)
	})
}

// imageOf is an empty string for an instance that was booted from a volume.
func (w *viewer) imageOf(body *openstack.Object, in *cloud.Instance) {
	if in.ImageID == "" || len(in.Disks) > 0 && !in.Disks[0].Local {
		body.Text("image", "")
		return
	}
	w.reference(body, "image", "images", string(in.ImageID))
}

func (w *viewer) flavorOf(body *openstack.Object, in *cloud.Instance) {
	f := in.Flavor
	if !w.atLeast(47) {
		w.reference(body, "flavor", "flavors", string(f.FlavorID))
		return
	}
	body.Object("flavor", func(o *openstack.Object) {
		o.Text("original_name", f.Name)
		o.Number("vcpus", f.VCPUs)
		o.Number("ram", f.MemoryMiB)
		o.Number("disk", f.DiskGiB)
		o.Number("ephemeral", f.EphemeralGiB)
		o.Number("swap", f.SwapMiB)
		o.Set("extra_specs", orEmpty(f.ExtraSpecs))
	})
}

func (w *viewer) volumesAttached(in *cloud.Instance) []any {
	out := []any{}
	for _, d := range in.Disks {
		if d.Local {
			continue
		}
		v := map[string]any{"id": d.VolumeID}
		if w.atLeast(3) {
			v["delete_on_termination"] = d.DeleteWithInstance
		}
		out = append(out, v)
	}
	return out
}

// securityGroups are the groups of all ports, each once.
func securityGroups(v *compute.View) []*cloud.SecurityGroup {
	var out []*cloud.SecurityGroup
	for _, p := range v.Ports {
		for _, g := range p.Groups {
			if !slices.ContainsFunc(out, func(o *cloud.SecurityGroup) bool { return o.ID == g.ID }) {
				out = append(out, g)
			}
		}
	}
	return out
}

func (w *viewer) faultOf(in *cloud.Instance) map[string]any {
	f := in.Fault
	if f == nil {
		f = &cloud.Fault{Kind: cloud.Internal, Message: "The instance was set to error.", At: in.UpdatedAt}
	}
	body := map[string]any{"code": faultCode(f.Kind), "message": f.Message, "created": stamp(f.At)}
	if w.details && f.Details != "" {
		body["details"] = f.Details
	}
	return body
}
