package nova

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// attachment shows a disk that is a volume. From 2.89 on it is named by its attachment.
func attachment(r *http.Request, in cloud.InstanceID, d cloud.InstanceDisk) map[string]any {
	m := attachmentFacts(r, in, d)
	if atLeast(r, 89) {
		m["attachment_id"], m["bdm_uuid"] = d.AttachmentID, d.AttachmentID
	} else {
		m["id"] = d.VolumeID
	}
	return m
}

// newAttachment shows a disk that is being attached. It is named by its volume, whatever the version.
func newAttachment(r *http.Request, in cloud.InstanceID, d cloud.InstanceDisk) map[string]any {
	m := attachmentFacts(r, in, d)
	m["id"] = d.VolumeID
	return m
}

func attachmentFacts(r *http.Request, in cloud.InstanceID, d cloud.InstanceDisk) map[string]any {
	m := map[string]any{"device": "/dev/" + d.Device, "serverId": in, "volumeId": d.VolumeID}
	if atLeast(r, 70) {
		m["tag"] = orNull(d.Tag)
	}
	if atLeast(r, 79) {
		m["delete_on_termination"] = d.DeleteWithInstance
	}
	return m
}

func (a *api) listAttachments(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	out := []any{}
	for _, d := range v.Disks {
		if !d.Local {
			out = append(out, attachment(r, v.ID, d))
		}
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"volumeAttachments": out})
}

func (a *api) showAttachment(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	for _, d := range v.Disks {
		if !d.Local && string(d.VolumeID) == r.PathValue("volume") {
			return openstack.WriteJSON(w, http.StatusOK, map[string]any{"volumeAttachment": attachment(r, v.ID, d)})
		}
	}
	return cloud.Errorf(cloud.NotFound, "volume", r.PathValue("volume"), "Instance %s is not attached to volume %s", v.ID, r.PathValue("volume"))
}

func (a *api) attachVolume(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Attachment *struct {
			VolumeID cloud.VolumeID `json:"volumeId"`
			Device   *string        `json:"device"`
			Tag      string         `json:"tag"`
			Delete   bool           `json:"delete_on_termination"`
		} `json:"volumeAttachment"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	b := body.Attachment
	if b == nil || b.VolumeID == "" {
		return cloud.Invalidf("request", "volumeId", "Invalid input: 'volumeId' is a required property")
	}
	id := serverID(r)
	made, err := a.Compute.AttachVolume(r.Context(), id, compute.AttachRequest{Volume: b.VolumeID, Device: deref(b.Device), Tag: b.Tag, DeleteWithInstance: b.Delete})
	if err != nil {
		return err
	}
	d := cloud.InstanceDisk{VolumeID: b.VolumeID, Device: made.Device[len("/dev/"):], Tag: b.Tag, DeleteWithInstance: b.Delete, AttachmentID: made.ID}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"volumeAttachment": newAttachment(r, id, d)})
}

// updateAttachment puts another volume in the place of one, or changes, from 2.85 on, whether it goes with the server.
func (a *api) updateAttachment(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Attachment *struct {
			VolumeID cloud.VolumeID `json:"volumeId"`
			ID       string         `json:"id"`
			Device   string         `json:"device"`
			ServerID string         `json:"serverId"`
			Tag      *string        `json:"tag"`
			Delete   *bool          `json:"delete_on_termination"`
		} `json:"volumeAttachment"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	b := body.Attachment
	switch {
	case b == nil || b.VolumeID == "":
		return cloud.Invalidf("request", "volumeId", "Invalid input: 'volumeId' is a required property")
	case !uuid.MatchString(string(b.VolumeID)):
		return cloud.Invalidf("request", "volumeId", "Invalid input for field/attribute volumeId. Value: %s. '%s' is not a 'uuid'", b.VolumeID, b.VolumeID)
	case b.Delete != nil && !atLeast(r, 85):
		return unexpected("delete_on_termination")
	}
	volume := cloud.VolumeID(r.PathValue("volume"))
	if b.VolumeID != volume {
		return accept(w, a.Compute.SwapVolume(r.Context(), serverID(r), volume, b.VolumeID))
	}
	if b.Delete == nil {
		return cloud.Invalidf("request", "volumeId", "The new volume is the one that is attached already.")
	}
	return accept(w, a.Compute.KeepVolume(r.Context(), serverID(r), volume, !*b.Delete))
}

func (a *api) detachVolume(w http.ResponseWriter, r *http.Request) error {
	return accept(w, a.Compute.DetachVolume(r.Context(), serverID(r), cloud.VolumeID(r.PathValue("volume"))))
}

func netInterface(r *http.Request, p *cloud.Port) map[string]any {
	ips := []any{}
	for _, ip := range p.Addresses {
		ips = append(ips, map[string]any{"ip_address": ip.Address.String(), "subnet_id": ip.SubnetID})
	}
	st := "DOWN"
	if p.Up {
		st = "ACTIVE"
	}
	m := map[string]any{"port_id": p.ID, "net_id": p.NetworkID, "mac_addr": p.MAC, "port_state": st, "fixed_ips": ips}
	if atLeast(r, 70) {
		m["tag"] = orNull(p.DeviceTag)
	}
	return m
}

func (a *api) listInterfaces(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	out := []any{}
	for _, p := range v.Ports {
		out = append(out, netInterface(r, p.Port))
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"interfaceAttachments": out})
}

func (a *api) showInterface(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	for _, p := range v.Ports {
		if string(p.Port.ID) == r.PathValue("port") {
			return openstack.WriteJSON(w, http.StatusOK, map[string]any{"interfaceAttachment": netInterface(r, p.Port)})
		}
	}
	return cloud.NotFoundf("port", r.PathValue("port"))
}

func (a *api) attachInterface(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Attachment struct {
			NetID    string `json:"net_id"`
			PortID   string `json:"port_id"`
			Tag      string `json:"tag"`
			FixedIPs []struct {
				Address string `json:"ip_address"`
			} `json:"fixed_ips"`
		} `json:"interfaceAttachment"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	b := body.Attachment
	n := networkRequest{UUID: b.NetID, Port: b.PortID, Tag: b.Tag}
	if len(b.FixedIPs) > 0 {
		n.FixedIP = b.FixedIPs[0].Address
	}
	if b.NetID != "" && b.PortID != "" {
		return cloud.Invalidf("request", "net_id", "Must not input both network_id and port_id")
	}
	nic := cloud.NICRequest{}
	if b.NetID != "" || b.PortID != "" {
		var err error
		if nic, err = nicRequest(n); err != nil {
			return err
		}
	}
	p, err := a.Compute.AttachPort(r.Context(), serverID(r), nic)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"interfaceAttachment": netInterface(r, p)})
}

func (a *api) detachInterface(w http.ResponseWriter, r *http.Request) error {
	return accept(w, a.Compute.DetachPort(r.Context(), serverID(r), cloud.PortID(r.PathValue("port"))))
}
