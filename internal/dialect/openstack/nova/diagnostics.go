package nova

import (
	"fmt"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/spec"
)

func (a *api) diagnostics(w http.ResponseWriter, r *http.Request) error {
	v, s, err := a.Compute.Stats(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	if !atLeast(r, 48) {
		return openstack.WriteJSON(w, http.StatusOK, oldDiagnosticsOf(v, s))
	}
	return openstack.WriteJSON(w, http.StatusOK, diagnosticsOf(v, s))
}

func diagnosticsOf(v *compute.View, s spec.GuestStats) map[string]any {
	nics, disks, cpus := []any{}, []any{}, []any{}
	for _, n := range s.NICs {
		nics = append(nics, map[string]any{"mac_address": n.MAC, "rx_octets": n.ReceivedBytes, "rx_errors": n.ReceivedErrors, "rx_drop": n.ReceivedDropped,
			"rx_packets": n.ReceivedPackets, "rx_rate": nil, "tx_octets": n.SentBytes, "tx_errors": n.SentErrors, "tx_drop": n.SentDropped,
			"tx_packets": n.SentPackets, "tx_rate": nil})
	}
	for _, d := range s.Disks {
		disks = append(disks, map[string]any{"read_bytes": d.ReadBytes, "read_requests": d.ReadCount, "write_bytes": d.WriteBytes,
			"write_requests": d.WriteCount, "errors_count": d.ErrorsCount})
	}
	for i, c := range s.CPUs {
		cpus = append(cpus, map[string]any{"id": i, "time": c.Nanoseconds(), "utilisation": nil})
	}
	return map[string]any{"state": "running", "driver": "libvirt", "hypervisor": v.Host.Hypervisor, "hypervisor_os": "linux",
		"uptime": int64(s.Uptime.Seconds()), "config_drive": v.ConfigDrive, "num_cpus": v.Flavor.VCPUs, "num_disks": len(disks), "num_nics": len(nics),
		"memory_details": map[string]any{"maximum": s.MemoryBytes >> 20, "used": s.ResidentBytes >> 20},
		"cpu_details":    cpus, "disk_details": disks, "nic_details": nics}
}

// oldDiagnosticsOf is the form until 2.48, which was the hypervisor's own: one key for each counter of each device.
func oldDiagnosticsOf(v *compute.View, s spec.GuestStats) map[string]any {
	m := map[string]any{"memory": s.MemoryBytes >> 10, "memory-actual": s.MemoryBytes >> 10, "memory-rss": s.ResidentBytes >> 10}
	for i, c := range s.CPUs {
		m[fmt.Sprintf("cpu%d_time", i)] = c.Nanoseconds()
	}
	names := map[spec.VolumeID]string{}
	for _, d := range v.Disks {
		names[spec.VolumeID(d.VolumeID)] = d.Device
	}
	for _, d := range s.Disks {
		name := names[d.Volume]
		m[name+"_read"], m[name+"_read_req"] = d.ReadBytes, d.ReadCount
		m[name+"_write"], m[name+"_write_req"] = d.WriteBytes, d.WriteCount
		m[name+"_errors"] = d.ErrorsCount
	}
	for _, n := range s.NICs {
		name := tapName(n.Port)
		m[name+"_rx"], m[name+"_rx_packets"], m[name+"_rx_errors"], m[name+"_rx_drop"] = n.ReceivedBytes, n.ReceivedPackets, n.ReceivedErrors, n.ReceivedDropped
		m[name+"_tx"], m[name+"_tx_packets"], m[name+"_tx_errors"], m[name+"_tx_drop"] = n.SentBytes, n.SentPackets, n.SentErrors, n.SentDropped
	}
	return m
}

// tapName is a port's interface on the host, as it is called where such keys are read.
func tapName(p spec.PortID) string { return "tap" + string(p)[:min(len(p), 11)] }
