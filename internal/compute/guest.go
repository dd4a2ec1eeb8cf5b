package compute

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// guest turns an instance into the document its host gets. Everything in it comes
// from one state of the store, whose generation it carries.
func (s *Service) guest(ctx context.Context, id cloud.InstanceID) (*cloud.Instance, spec.Guest, error) {
	var in *cloud.Instance
	var views []cloud.PortView
	var generation int64
	var limits map[cloud.VolumeID]spec.DiskLimits
	var keys map[cloud.VolumeID]spec.Key
	zone, account := "", ""
	err := s.Tx.View(ctx, func(ctx context.Context) (err error) {
		if in, err = s.Instances.Get(ctx, id); err != nil {
			return err
		}
		ports, err := s.Network.InstancePorts(ctx, []cloud.InstanceID{id})
		if err != nil {
			return err
		}
		views = ports[id]
		if h, err := s.HostRows.Get(ctx, in.HostID); err == nil {
			zone = h.Zone
		} else if !gone(err) {
			return err
		}
		if limits, err = s.Volume.DiskLimits(ctx, volumesOf(in)); err != nil {
			return err
		}
		if keys, err = s.Volume.DiskKeys(ctx, volumesOf(in)); err != nil {
			return err
		}
		if account, err = s.Accounts.AccountNumber(ctx, in.ProjectID); err != nil {
			return err
		}
		generation, err = s.Generation(ctx)
		return err
	})
	if err != nil {
		return nil, spec.Guest{}, err
	}
	g := s.describeGuest(in, views, generation)
	if s.ZoneNames.Own(in.Zone) == zone && in.Zone != "" {
		zone = in.Zone // the name that its owner asked for
	}
	g.Metadata.Zone, g.Metadata.Account = zone, account
	for i, d := range g.Disks {
		g.Disks[i].Limits, g.Disks[i].Key = limits[cloud.VolumeID(d.Volume)], keys[cloud.VolumeID(d.Volume)]
	}
	return in, g, nil
}

// volumesOf are the disks of an instance that are volumes.
func volumesOf(in *cloud.Instance) []cloud.VolumeID {
	var ids []cloud.VolumeID
	for _, d := range in.Disks {
		if !d.Local {
			ids = append(ids, d.VolumeID)
		}
	}
	return ids
}

func (s *Service) describeGuest(in *cloud.Instance, views []cloud.PortView, generation int64) spec.Guest {
	g := spec.Guest{
		ID: spec.GuestID(in.ID), Generation: generation, Name: in.Name,
		CPUs: in.Flavor.VCPUs, MemoryBytes: int64(in.Flavor.MemoryMiB) << 20,
		Machine: machine(in), Firmware: firmware(in), Kernel: kernel(in),
		Power: spec.Power(in.Power), BootSerial: in.BootSerial, GraceDuration: s.grace(in),
		Metadata: metadata(in, views), ConfigDrive: in.ConfigDrive, Identity: identity(in),
	}
	g.Disks = guestDisks(in)
	for _, v := range views {
		g.NICs = append(g.NICs, spec.NIC{Port: spec.PortID(v.Port.ID), MAC: v.Port.MAC, MTU: v.MTU,
			Model: nicModel(in)})
	}
	return g
}

// setting reads what the flavor's extra specs or the image's properties say. The
// flavor wins: it is the operator's.
func setting(in *cloud.Instance, extraSpec, property string) string {
	if v := in.Flavor.ExtraSpecs[extraSpec]; v != "" {
		return v
	}
	return in.ImageProperties[property]
}

// machine reads hw:machine_type (flavor) or hw_machine_type (image): a QEMU machine
// name, perhaps with a version ("pc-q35-7.2").
func machine(in *cloud.Instance) spec.Machine {
	name := strings.ToLower(setting(in, "hw:machine_type", "hw_machine_type"))
	switch {
	case strings.Contains(name, "microvm"):
		return spec.MachineMicroVM
	case strings.Contains(name, "q35"):
		return spec.MachineQ35
	case name == "pc" || strings.HasPrefix(name, "pc-i440fx"):
		return spec.MachinePC
	}
	return spec.MachineQ35
}

func firmware(in *cloud.Instance) spec.Firmware {
	if strings.EqualFold(setting(in, "hw:firmware_type", "hw_firmware_type"), "uefi") {
		return spec.FirmwareUEFI
	}
	return spec.FirmwareBIOS
}

// kernel asks for direct boot when the image names a kernel.
func kernel(in *cloud.Instance) *spec.Kernel {
	k := in.ImageProperties["kernel_id"]
	if k == "" {
		return nil
	}
	line := in.ImageProperties["os_command_line"]
	if line == "" {
		line = "root=/dev/vda console=tty0 console=ttyS0"
	}
	return &spec.Kernel{Kernel: spec.ImageID(k), Initramfs: spec.ImageID(in.ImageProperties["ramdisk_id"]), CommandLine: line}
}

// identity is what the firmware says, where the instance was made for guests that look there for another kind of cloud.
func identity(in *cloud.Instance) spec.Identity {
	f := in.Options.Firmware
	id := spec.Identity{Manufacturer: f.Manufacturer, Product: f.Product}
	if n := len(f.UUIDPrefix); n > 0 && n <= 8 {
		id.UUID = strings.ToLower(f.UUIDPrefix) + string(in.ID)[n:]
	}
	return id
}

func nicModel(in *cloud.Instance) string { return in.ImageProperties["hw_vif_model"] }

func (s *Service) grace(in *cloud.Instance) time.Duration {
	if d, err := time.ParseDuration(in.ImageProperties["os_shutdown_timeout"] + "s"); err == nil && d >= 0 {
		return d
	}
	return s.Grace
}

func guestDisks(in *cloud.Instance) []spec.Disk {
	disks := make([]spec.Disk, 0, len(in.Disks)+1)
	if in.RescueDisk != "" {
		disks = append(disks, spec.Disk{Volume: spec.VolumeID(in.RescueDisk), Bus: bus(in, ""), BootIndex: 1})
	}
	for i, d := range in.Disks {
		if d.Leaving {
			continue
		}
		disk := spec.Disk{Volume: spec.VolumeID(d.VolumeID), Bus: bus(in, d.Bus), CDROM: d.CDROM, Shared: d.Shared, ReadOnly: d.ReadOnly}
		if !d.Local {
			disk.Serial = serial(d.VolumeID)
		}
		if in.RescueDisk == "" {
			disk.BootIndex = d.BootIndex
		}
		if i == 0 && in.RescueDisk == "" && disk.BootIndex == 0 {
			disk.BootIndex = 1
		}
		disks = append(disks, disk)
	}
	return disks
}

// serial is as much of a volume's id as a virtio disk can carry.
func serial(id cloud.VolumeID) string { return string(id)[:min(20, len(id))] }

func bus(in *cloud.Instance, asked string) spec.Bus {
	if asked == "" {
		asked = in.ImageProperties["hw_disk_bus"]
	}
	switch asked {
	case "scsi":
		return spec.BusSCSI
	case "ide":
		return spec.BusIDE
	case "sata":
		return spec.BusSATA
	}
	return spec.BusVirtio
}

func metadata(in *cloud.Instance, views []cloud.PortView) spec.Metadata {
	m := spec.Metadata{
		InstanceID: string(in.ID), Name: in.Name, Hostname: in.Hostname, ProjectID: string(in.ProjectID),
		LaunchIndex: in.LaunchIndex, ReservationID: in.ReservationID, ImageID: string(in.ImageID),
		Size: in.Flavor.Name, Properties: in.Properties, UserData: in.UserData, AdminPassword: in.AdminPassword,
	}
	a := in.Options.Metadata
	m.Access = spec.MetadataAccess{Disabled: a.Disabled, TokensRequired: a.TokensRequired, HopLimit: a.HopLimit, ShowProperties: a.ShowProperties}
	m.Monitored, m.CreatedAt, m.Architecture = in.Options.Monitored, in.CreatedAt, architecture(in)
	m.Short = spec.MetadataShort{Instance: cloud.ShortID(in.ID), Image: short(in.ImageID), Reservation: short(in.ReservationID)}
	if in.KeyData != "" {
		m.Keys = []spec.PublicKey{{Name: in.KeyName, Type: "ssh", Data: in.KeyData}}
	}
	for _, v := range views {
		m.NICs = append(m.NICs, metadataNIC(v))
	}
	for _, d := range in.Disks {
		if d.Leaving {
			continue
		}
		m.Disks = append(m.Disks, spec.MetadataDisk{Volume: spec.VolumeID(d.VolumeID), Serial: serial(d.VolumeID), Device: d.Device, Bus: bus(in, d.Bus), Tag: d.Tag})
	}
	return m
}

// short is the short id, of nothing nothing.
func short[ID ~string](id ID) string {
	if id == "" {
		return ""
	}
	return cloud.ShortID(id)
}

func architecture(in *cloud.Instance) string {
	return cmp.Or(in.ImageProperties["hw_architecture"], in.ImageProperties["architecture"])
}

func metadataNIC(v cloud.PortView) spec.MetadataNIC {
	n := spec.MetadataNIC{Port: spec.PortID(v.Port.ID), Network: spec.NetworkID(v.Port.NetworkID), MAC: v.Port.MAC,
		MTU: v.MTU, Tag: v.Port.DeviceTag, DNS: v.DNS}
	for _, f := range v.Floating {
		n.Public = append(n.Public, spec.MetadataPublic{Address: f.Address, Fixed: f.TargetAddress})
	}
	for _, g := range v.Groups {
		n.Groups = append(n.Groups, g.Name)
		n.Short.Groups = append(n.Short.Groups, cloud.ShortID(g.ID))
	}
	n.Short.Port = cloud.ShortID(v.Port.ID)
	if len(v.Subnets) > 0 {
		n.Short.Subnet = cloud.ShortID(v.Subnets[0].ID)
	}
	if v.Router != nil && v.Router.Domain != nil {
		n.Short.Domain = cloud.ShortID(v.Router.ID)
		for _, b := range v.Router.Domain.Blocks {
			n.Blocks = append(n.Blocks, b.Prefix)
		}
	}
	subnets := map[cloud.SubnetID]*cloud.Subnet{}
	for _, sub := range v.Subnets {
		subnets[sub.ID] = sub
	}
	for _, a := range v.Port.Addresses {
		if sub := subnets[a.SubnetID]; sub != nil {
			n.Addresses = append(n.Addresses, metadataAddress(a.Address, sub))
		}
	}
	return n
}

func metadataAddress(ip netip.Addr, sub *cloud.Subnet) spec.MetadataAddress {
	a := spec.MetadataAddress{Address: netip.PrefixFrom(ip, sub.Prefix.Bits()), Gateway: sub.Gateway, Mode: "static"}
	switch {
	case ip.Is4() && sub.DHCP:
		a.Mode = "dhcp4"
	case sub.AddressMode == "slaac" || sub.AddressMode == "dhcpv6-stateless":
		a.Mode = "slaac"
	case ip.Is6() && sub.DHCP:
		a.Mode = "dhcp6"
	}
	for _, r := range sub.Routes {
		a.Routes = append(a.Routes, spec.Route{Destination: r.Destination, NextHop: r.NextHop})
	}
	return a
}

// ensureGuest sends the instance's document to its host and waits until it is so. If
// the guest should run but ended although nobody stopped it (the process that started it died between
// two steps, or the guest did), it is started once more.
func (s *Service) ensureGuest(ctx context.Context, id cloud.InstanceID, adjust ...func(*spec.Guest)) error {
	for attempt := 0; ; attempt++ {
		g, status, err := s.sendGuest(ctx, id, adjust)
		if errors.Is(err, spec.ErrMissing) {
			// The document may have a port of an Operation that waits behind this one, or the host was restarted.
			if err := s.plugAll(ctx, id); err != nil {
				return err
			}
			g, status, err = s.sendGuest(ctx, id, adjust)
		}
		if err != nil {
			return hostError(err, "instance", string(id))
		}
		if reached(g.Power, status.State) {
			return s.observed(ctx, id, status)
		}
		if attempt > 0 {
			return cloud.Errorf(cloud.NoCapacity, resource, id, "The guest ended as soon as it was started. %s", status.Reason)
		}
		if _, err := s.update(ctx, id, func(in *cloud.Instance) error { in.BootSerial++; return nil }); err != nil {
			return err
		}
	}
}

func (s *Service) sendGuest(ctx context.Context, id cloud.InstanceID, adjust []func(*spec.Guest)) (g spec.Guest, status spec.GuestStatus, err error) {
	in, g, err := s.guest(ctx, id)
	if err != nil {
		return g, status, err
	}
	for _, f := range adjust {
		f(&g)
	}
	agent, err := s.Hosts.Agent(ctx, in.HostID)
	if err != nil {
		return g, status, err
	}
	status, err = agent.EnsureGuest(ctx, g)
	return g, status, err
}

// plugAll makes every port of an instance ready on its host.
func (s *Service) plugAll(ctx context.Context, id cloud.InstanceID) error {
	in, err := s.Instances.Get(ctx, id)
	if err != nil {
		return err
	}
	if err := s.Network.PlugInstance(ctx, in.ID, in.HostID); err != nil {
		return hostError(err, resource, string(in.ID))
	}
	return nil
}

func reached(wanted spec.Power, state spec.GuestState) bool {
	switch wanted {
	case spec.PowerOn:
		return state == spec.GuestRunning
	case spec.PowerPaused:
		return state == spec.GuestPaused
	case spec.PowerSuspended:
		return state == spec.GuestSuspended
	}
	return state != spec.GuestRunning && state != spec.GuestPaused
}

// observed writes what a host said into the instance's row.
func (s *Service) observed(ctx context.Context, id cloud.InstanceID, status spec.GuestStatus) error {
	_, err := s.update(ctx, id, func(in *cloud.Instance) error {
		in.Observed = cloud.Observed{Power: observedPower(status.State), Generation: status.Generation, At: s.Now(), Reason: status.Reason}
		return nil
	})
	return err
}

func observedPower(state spec.GuestState) cloud.Power {
	switch state {
	case spec.GuestRunning:
		return cloud.PowerOn
	case spec.GuestPaused:
		return cloud.PowerPaused
	case spec.GuestSuspended:
		return cloud.PowerSuspended
	case spec.GuestCrashed:
		return cloud.PowerCrashed
	}
	return cloud.PowerOff
}

// hostError turns what a host said into what the owner reads. Failures that may pass stay retryable.
func hostError(err error, noun, id string) error {
	if _, ok := cloud.AsError(err); ok {
		return err
	}
	for _, known := range specErrors {
		if known.is(err) {
			return &cloud.Error{Kind: known.kind, Resource: noun, ID: id, Message: known.message, Cause: err}
		}
	}
	return fmt.Errorf("host: %w", err)
}
