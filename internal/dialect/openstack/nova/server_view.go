package nova

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/policy"
)

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// stampMicro is how times of the usage extension are written.
func stampMicro(t *time.Time) any {
	if t == nil {
		return nil
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
func (a *api) server(r *http.Request, v *compute.View, as shape) map[string]any {
	short := as == shapeChanged && !atLeast(r, 75)
	body := a.basicServer(r, v)
	a.laterKeys(r, v, body, as)
	if short {
		body["addresses"] = plainAddresses(v)
		return body
	}
	a.extendedKeys(r, v, body)
	a.operatorKeys(r, v, body)
	return body
}

// basicServer is what every answer about a server has had since 2.1.
func (a *api) basicServer(r *http.Request, v *compute.View) map[string]any {
	in := v.Instance
	st := stateOf(in)
	body := map[string]any{
		"id": in.ID, "name": in.Name, "status": st.Status, "tenant_id": in.ProjectID, "user_id": in.UserID,
		"metadata": orEmpty(in.Properties), "hostId": hostHash(v), "image": a.imageOf(r, in), "flavor": a.flavorOf(r, in),
		"created": stamp(in.CreatedAt), "updated": stamp(in.UpdatedAt), "addresses": addresses(v), "accessIPv4": in.AccessV4, "accessIPv6": in.AccessV6,
		"links": a.links(r, "servers", string(in.ID)), "OS-DCF:diskConfig": diskConfig(in.GrowRoot),
	}
	if st.Status == "ACTIVE" || st.Status == "BUILD" || st.Status == "REBUILD" || st.Status == "RESIZE" || st.Status == "VERIFY_RESIZE" {
		body["progress"] = progress(in, st)
	}
	if st.Status == "ERROR" || st.Status == "DELETED" {
		body["fault"] = a.faultOf(r, in)
	}
	return body
}

// extendedKeys were extensions of their own before 2.1.
func (a *api) extendedKeys(r *http.Request, v *compute.View, body map[string]any) {
	in := v.Instance
	st := stateOf(in)
	body["OS-EXT-AZ:availability_zone"], body["config_drive"], body["key_name"] = zoneOf(v), driveWord(in.ConfigDrive), orNull(in.KeyName)
	body["OS-SRV-USG:launched_at"], body["OS-SRV-USG:terminated_at"] = stampMicro(in.LaunchedAt), stampMicro(in.TerminatedAt)
	body["OS-EXT-STS:task_state"], body["OS-EXT-STS:vm_state"], body["OS-EXT-STS:power_state"] = st.Task, st.VM, st.Power
	body["os-extended-volumes:volumes_attached"] = volumesAttached(r, in)
	if groups := securityGroups(v); len(groups) > 0 {
		body["security_groups"] = groups
	}
}

// rebuilt is server as the answer to a rebuild, which tells what the guest is given.
func (a *api) rebuilt(r *http.Request, v *compute.View, password string) map[string]any {
	body := a.server(r, v, shapeChanged)
	body["adminPass"] = password
	if atLeast(r, 54) {
		body["key_name"] = orNull(v.KeyName)
	}
	if atLeast(r, 57) {
		body["user_data"] = userData(v.Instance)
		delete(body, "OS-EXT-SRV-ATTR:user_data")
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
func (a *api) laterKeys(r *http.Request, v *compute.View, body map[string]any, as shape) {
	in := v.Instance
	if atLeast(r, 9) {
		body["locked"] = in.Locked
	}
	if atLeast(r, 19) {
		body["description"] = in.Description
	}
	if atLeast(r, 26) {
		tags := in.Tags
		if tags == nil {
			tags = []string{}
		}
		body["tags"] = tags
	}
	if atLeast(r, 63) {
		body["trusted_image_certificates"] = nil
	}
	if atLeast(r, 71) && as != shapeListed {
		groups := []string{}
		if in.Hints.Group != "" {
			groups = append(groups, string(in.Hints.Group))
		}
		body["server_groups"] = groups
	}
	if atLeast(r, 73) {
		body["locked_reason"] = orNull(in.LockedReason)
	}
	if atLeast(r, 90) {
		body["OS-EXT-SRV-ATTR:hostname"] = in.Hostname
	}
}

// operatorKeys adds what only those who may see hosts are shown.
func (a *api) operatorKeys(r *http.Request, v *compute.View, body map[string]any) {
	if !policy.May(r.Context(), "instance.see_host", policy.Target{}) {
		return
	}
	in := v.Instance
	var host any
	if v.Host != nil {
		host = v.Host.Name
	}
	body["OS-EXT-SRV-ATTR:host"], body["OS-EXT-SRV-ATTR:hypervisor_hostname"] = host, host
	body["OS-EXT-SRV-ATTR:instance_name"] = "instance-" + string(in.ID)
	if atLeast(r, 3) {
		body["OS-EXT-SRV-ATTR:reservation_id"] = in.ReservationID
		body["OS-EXT-SRV-ATTR:launch_index"] = in.LaunchIndex
		body["OS-EXT-SRV-ATTR:hostname"] = in.Hostname
		body["OS-EXT-SRV-ATTR:kernel_id"] = in.ImageProperties["kernel_id"]
		body["OS-EXT-SRV-ATTR:ramdisk_id"] = in.ImageProperties["ramdisk_id"]
		body["OS-EXT-SRV-ATTR:root_device_name"] = rootDevice(in)
		body["OS-EXT-SRV-ATTR:user_data"] = userData(in)
	}
	if atLeast(r, 16) {
		body["host_status"] = hostStatus(v.Host)
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

func userData(in *cloud.Instance) any {
	if len(in.UserData) == 0 {
		return nil
	}
	return base64.StdEncoding.EncodeToString(in.UserData)
}

func rootDevice(in *cloud.Instance) any {
	if len(in.Disks) == 0 {
		return nil
	}
	return "/dev/" + in.Disks[0].Device
}

// hostHash tells a project's instances on one host from those on others, and nothing else.
func hostHash(v *compute.View) string {
	if v.Host == nil {
		return ""
	}
	sum := sha256.Sum224([]byte(string(v.ProjectID) + v.Host.Name))
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

// imageOf is an empty string for an instance that was booted from a volume.
func (a *api) imageOf(r *http.Request, in *cloud.Instance) any {
	if in.ImageID == "" || len(in.Disks) > 0 && !in.Disks[0].Local {
		return ""
	}
	return map[string]any{"id": in.ImageID, "links": a.links(r, "images", string(in.ImageID))[1:]}
}

func (a *api) flavorOf(r *http.Request, in *cloud.Instance) any {
	f := in.Flavor
	if !atLeast(r, 47) {
		return map[string]any{"id": f.FlavorID, "links": a.links(r, "flavors", string(f.FlavorID))[1:]}
	}
	return map[string]any{"original_name": f.Name, "vcpus": f.VCPUs, "ram": f.MemoryMiB, "disk": f.DiskGiB,
		"ephemeral": f.EphemeralGiB, "swap": f.SwapMiB, "extra_specs": orEmpty(f.ExtraSpecs)}
}

func volumesAttached(r *http.Request, in *cloud.Instance) []any {
	out := []any{}
	for _, d := range in.Disks {
		if d.Local {
			continue
		}
		v := map[string]any{"id": d.VolumeID}
		if atLeast(r, 3) {
			v["delete_on_termination"] = d.DeleteWithInstance
		}
		out = append(out, v)
	}
	return out
}

func securityGroups(v *compute.View) []any {
	out := []any{}
	seen := map[cloud.SecurityGroupID]bool{}
	for _, p := range v.Ports {
		for _, g := range p.Groups {
			if !seen[g.ID] {
				seen[g.ID] = true
				out = append(out, map[string]any{"name": g.Name})
			}
		}
	}
	return out
}

// addresses lists fixed and floating addresses under the names of their networks.
func addresses(v *compute.View) map[string][]any {
	out := map[string][]any{}
	for _, p := range v.Ports {
		name := p.NetworkName
		for _, addr := range p.Port.Addresses {
			version := 4
			if addr.Address.Is6() {
				version = 6
			}
			out[name] = append(out[name], address(addr.Address.String(), version, "fixed", p.Port.MAC))
		}
		for _, f := range p.Floating {
			out[name] = append(out[name], address(f.Address.String(), 4, "floating", p.Port.MAC))
		}
	}
	return out
}

func address(addr string, version int, kind, mac string) map[string]any {
	return map[string]any{"addr": addr, "version": version, "OS-EXT-IPS:type": kind, "OS-EXT-IPS-MAC:mac_addr": mac}
}

func (a *api) faultOf(r *http.Request, in *cloud.Instance) map[string]any {
	f := in.Fault
	if f == nil {
		f = &cloud.Fault{Kind: cloud.Internal, Message: "The instance was set to error.", At: in.UpdatedAt}
	}
	body := map[string]any{"code": faultCode(f.Kind), "message": f.Message, "created": stamp(f.At)}
	if policy.IsAdmin(r.Context()) && f.Details != "" {
		body["details"] = f.Details
	}
	return body
}
