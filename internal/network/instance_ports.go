package network

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// NICRequest asks for one network card of an instance: a port that exists, or a new one on a network.
type NICRequest = cloud.NICRequest

// CreateInstancePorts makes or takes the ports of a new instance. groups are names or ids,
// nil for the default; they hold for ports made here. Without requests, the default says where the instance
// goes; several networks to choose from are a Conflict. Call it in the transaction that inserts the instance.
func (s *Service) CreateInstancePorts(ctx context.Context, in *cloud.Instance, reqs []NICRequest, groups []string, without cloud.NICDefault) (ports []*cloud.Port, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		ports, err = s.createInstancePorts(ctx, in, reqs, groups, without)
		return err
	})
	return ports, err
}

func (s *Service) createInstancePorts(ctx context.Context, in *cloud.Instance, reqs []NICRequest, groups []string, without cloud.NICDefault) ([]*cloud.Port, error) {
	var ids *[]cloud.SecurityGroupID
	if groups != nil {
		found, err := s.groupsNamed(ctx, in.ProjectID, groups)
		if err != nil {
			return nil, err
		}
		ids = &found
	}
	if len(reqs) == 0 && without != cloud.NoNetwork {
		n, err := s.defaultNetwork(ctx, in.ProjectID, without)
		if err != nil || n == nil {
			return nil, err
		}
		reqs = []NICRequest{{NetworkID: n.ID}}
	}
	if err := s.reserveNICs(ctx, in.ProjectID, reqs); err != nil {
		return nil, err
	}
	var ports []*cloud.Port
	for i, r := range reqs {
		p, err := s.addNIC(ctx, in, r, ids, i)
		if err != nil {
			return nil, err
		}
		ports = append(ports, p)
	}
	return ports, nil
}

func (s *Service) reserveNICs(ctx context.Context, p cloud.ProjectID, reqs []NICRequest) error {
	var fresh int64
	for _, r := range reqs {
		if r.PortID == "" {
			fresh++
		}
	}
	if fresh == 0 {
		return nil
	}
	return s.Quota.Reserve(ctx, p, map[string]int64{cloud.QuotaPorts: fresh})
}

// defaultNetwork is the network of an instance whose owner named none; nil for none.
func (s *Service) defaultNetwork(ctx context.Context, p cloud.ProjectID, choice cloud.NICDefault) (*cloud.Network, error) {
	n, err := s.onlyNetwork(ctx, p)
	if err != nil || n != nil || choice != cloud.AutoNetwork {
		return n, err
	}
	return s.AutoTopology(ctx, p, false)
}

// onlyNetwork is the one network an instance can go on when its owner named none; nil if there is none.
func (s *Service) onlyNetwork(ctx context.Context, p cloud.ProjectID) (*cloud.Network, error) {
	inside := func(n *cloud.Network) bool { return !n.External && n.RouterID == "" } // a domain's are for who names them
	networks, err := s.Networks.List(ctx, cloud.Where(cloud.Eq("project_id", string(p))), inside)
	if err != nil {
		return nil, err
	}
	shared, err := s.Networks.List(ctx, cloud.Where(cloud.Eq("shared", true)), inside, func(n *cloud.Network) bool { return n.ProjectID != p })
	if err != nil {
		return nil, err
	}
	networks = append(networks, shared...)
	switch len(networks) {
	case 0:
		return nil, nil
	case 1:
		return networks[0], nil
	}
	return nil, cloud.Errorf(cloud.Conflict, "network", "", "Multiple possible networks found, use a Network ID to be more specific.")
}

// groupsNamed finds a project's groups by name or id.
func (s *Service) groupsNamed(ctx context.Context, p cloud.ProjectID, named []string) ([]cloud.SecurityGroupID, error) {
	var ids []cloud.SecurityGroupID
	for _, name := range named {
		g, err := s.groupNamed(ctx, p, name)
		if err != nil {
			return nil, err
		}
		ids = union(ids, []cloud.SecurityGroupID{g.ID})
	}
	return ids, nil
}

func (s *Service) groupNamed(ctx context.Context, p cloud.ProjectID, name string) (*cloud.SecurityGroup, error) {
	if name == defaultGroupName {
		return s.defaultGroup(ctx, p)
	}
	g, err := s.Groups.Get(ctx, cloud.SecurityGroupID(name))
	if err == nil && g.ProjectID == p || err != nil && !cloud.Is(err, cloud.NotFound) {
		return g, err
	}
	found, err := s.Groups.List(ctx, cloud.Where(cloud.Eq("project_id", string(p)), cloud.Eq("name", name)))
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, cloud.Errorf(cloud.NotFound, "security group", name, "Unable to find security_group with name or id '%s'", name)
	case len(found) > 1:
		return nil, cloud.Errorf(cloud.Conflict, "security group", name, "Multiple security groups found matching '%s'. Use an ID to be more specific.", name)
	}
	return found[0], nil
}

// addNIC gives an instance one port. Quota for a new one has been reserved.
func (s *Service) addNIC(ctx context.Context, in *cloud.Instance, r NICRequest, groups *[]cloud.SecurityGroupID, order int) (*cloud.Port, error) {
	if r.PortID != "" {
		return s.takePort(ctx, in, r, order)
	}
	n, err := s.lockedNetwork(ctx, r.NetworkID)
	if err != nil {
		return nil, err
	}
	if err := s.authorizeNIC(ctx, n, r); err != nil {
		return nil, err
	}
	p := &cloud.Port{ID: cloud.PortID(cloud.NewID()), ProjectID: in.ProjectID, NetworkID: n.ID, AdminUp: true, Owner: cloud.OwnerInstance,
		InstanceID: in.ID, PortSecurity: n.PortSecurity, DNSName: in.Hostname, DeviceTag: r.Tag, DeleteWithInstance: !r.Keep, Order: order, AttachedAt: s.Now(), HostID: in.HostID,
		Description: r.Description}
	if r.Groups != nil {
		groups = &r.Groups
	}
	if !n.PortSecurity {
		groups = &[]cloud.SecurityGroupID{}
	}
	if p.SecurityGroups, err = s.portGroups(ctx, n, p, groups); err != nil {
		return nil, err
	}
	fixed, err := s.nicAddresses(ctx, n.ID, r)
	if err != nil {
		return nil, err
	}
	if err := s.askPromises(ctx, p); err != nil {
		return nil, err
	}
	if err := s.insertPort(ctx, n, p, "", fixed); err != nil || n.RouterID == "" {
		return p, err
	}
	return p, s.firstPublic(ctx, p, r.Public)
}

// nicAddresses are the addresses that a new port shall have; nil where any will do.
func (s *Service) nicAddresses(ctx context.Context, n cloud.NetworkID, r NICRequest) (*[]AddressRequest, error) {
	if !r.FixedIP.IsValid() && len(r.More) == 0 && r.AnyIPv6 == 0 {
		return nil, nil
	}
	subnets, err := s.subnetsOf(ctx, n)
	if err != nil || len(subnets) == 0 {
		return nil, err
	}
	var fixed []AddressRequest
	for _, a := range append([]netip.Addr{r.FixedIP}, r.More...) {
		if a.IsValid() {
			fixed = append(fixed, AddressRequest{Address: a})
		} else {
			fixed = append(fixed, AddressRequest{SubnetID: subnets[0].ID})
		}
	}
	six := keepSubnets(subnets, func(sub *cloud.Subnet) bool { return sub.Prefix.Addr().Is6() })
	if r.AnyIPv6 > 0 && len(six) == 0 {
		return nil, cloud.Invalidf("port", "addresses", "There are no addresses of IPv6 on network %s.", n)
	}
	for range r.AnyIPv6 {
		fixed = append(fixed, AddressRequest{SubnetID: six[0].ID})
	}
	return &fixed, nil
}

func (s *Service) authorizeNIC(ctx context.Context, n *cloud.Network, r NICRequest) error {
	if err := s.authorizeAttach(ctx, n); err != nil {
		return err
	}
	if r.FixedIP.IsValid() {
		if err := policy.Authorize(ctx, "port.address", policy.Target{Resource: "port", ProjectID: n.ProjectID}); err != nil {
			return err
		}
	}
	subnets, err := s.Subnets.Count(ctx, cloud.Eq("network_id", string(n.ID)))
	if err == nil && subnets == 0 && n.PortSecurity {
		err = cloud.Invalidf("network", "network", "Network %s requires a subnet in order to boot instances on.", n.ID)
	}
	return err
}

// takePort makes a port that a client made the instance's.
func (s *Service) takePort(ctx context.Context, in *cloud.Instance, r NICRequest, order int) (*cloud.Port, error) {
	p, _, err := s.ownPort(ctx, r.PortID, "port.update")
	if err != nil {
		return nil, err
	}
	if p.ProjectID != in.ProjectID {
		return nil, cloud.NotFoundf("port", r.PortID)
	}
	if p.Owner != cloud.OwnerNone || p.DeviceText != "" {
		return nil, portInUse(p)
	}
	if err := fitsCard(p); err != nil {
		return nil, err
	}
	p.Owner, p.InstanceID, p.Order, p.DeviceTag, p.HostID, p.Up = cloud.OwnerInstance, in.ID, order, r.Tag, in.HostID, false
	p.OwnerText, p.DeviceText, p.DeleteWithInstance, p.AttachedAt, p.Left = "", "", r.Delete, s.Now(), nil
	if p.DNSName == "" {
		p.DNSName = in.Hostname
	}
	if err := s.askPromises(ctx, p); err != nil {
		return nil, err
	}
	return p, s.savePort(ctx, p)
}

// instancePorts are an instance's ports in the order of its NICs.
func (s *Service) instancePorts(ctx context.Context, id cloud.InstanceID) ([]*cloud.Port, error) {
	return s.Ports.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("instance_id", string(id))}, Order: []cloud.Order{{Column: "order"}}})
}

// BindInstancePorts says on which host an instance's ports belong, "" for none. It
// changes rows only; PlugInstance waits until the host has them. It may be repeated.
func (s *Service) BindInstancePorts(ctx context.Context, id cloud.InstanceID, host cloud.HostID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		ports, err := s.instancePorts(ctx, id)
		if err != nil {
			return err
		}
		for _, p := range ports {
			if p.HostID == host {
				continue
			}
			p.HostID, p.Up = host, false
			if err := s.savePort(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// ReleaseInstancePorts deletes the ports that were made for an instance and frees those that
// clients made. It may be repeated. Call it in the transaction that deletes the instance.
func (s *Service) ReleaseInstancePorts(ctx context.Context, id cloud.InstanceID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		ports, err := s.instancePorts(ctx, id)
		if err != nil {
			return err
		}
		for _, p := range ports {
			if err := s.releasePort(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// releasePort keeps a port that a trunk needs: its owner made it one.
func (s *Service) releasePort(ctx context.Context, p *cloud.Port) error {
	carries, err := s.trunkOn(ctx, p.ID)
	if err != nil {
		return err
	}
	if p.DeleteWithInstance && carries == nil {
		if err := s.lockNetwork(ctx, p.NetworkID); err != nil {
			return err
		}
		return s.removePort(ctx, p)
	}
	if err := s.dropPassing(ctx, p.ID); err != nil {
		return err
	}
	p.Left = &cloud.PortUse{InstanceID: p.InstanceID, Order: p.Order, From: p.AttachedAt, Until: s.Now()}
	p.Owner, p.InstanceID, p.HostID, p.Up, p.Order, p.DeviceTag, p.Promised, p.DeleteWithInstance, p.Public = cloud.OwnerNone, "", "", false, 0, "", nil, false, false
	p.AttachedAt = time.Time{}
	return s.savePort(ctx, p)
}

// AttachPort creates or takes a port for an instance that exists, behind those it has unless the request has a place for it. It
// changes rows only; PlugPort waits until the host has it.
func (s *Service) AttachPort(ctx context.Context, in *cloud.Instance, r NICRequest) (p *cloud.Port, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if r.PortID == "" && r.NetworkID == "" {
			only, err := s.onlyNetwork(ctx, in.ProjectID)
			if err != nil {
				return err
			}
			if only == nil {
				return cloud.Invalidf("network", "net_id", "There is no network that the instance could be attached to.")
			}
			r.NetworkID = only.ID
		}
		if err := s.reserveNICs(ctx, in.ProjectID, []NICRequest{r}); err != nil {
			return err
		}
		order, err := s.placeFor(ctx, in, r.Order)
		if err != nil {
			return err
		}
		p, err = s.addNIC(ctx, in, r, nil, order)
		return err
	})
	return p, err
}

// placeFor is the place of one more NIC of an instance: the one that is asked for, or the one behind all. AlreadyExists if it is taken.
func (s *Service) placeFor(ctx context.Context, in *cloud.Instance, asked *int) (order int, err error) {
	have, err := s.instancePorts(ctx, in.ID)
	if err != nil {
		return 0, err
	}
	for _, h := range have {
		if asked != nil && h.Order == *asked {
			return 0, cloud.Errorf(cloud.AlreadyExists, "place of NIC", in.ID, "Instance %s already has a NIC in place %d.", in.ID, h.Order)
		}
		order = max(order, h.Order+1)
	}
	return or(asked, order), nil
}

// DetachPort takes a port from an instance: deletes it if it was made for the
// instance, else frees it. NotFound if it is not the instance's. Unplug it then.
func (s *Service) DetachPort(ctx context.Context, in *cloud.Instance, id cloud.PortID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		p, err := s.Ports.Get(ctx, id)
		if err == nil && p.InstanceID != in.ID {
			err = cloud.NotFoundf("port", id)
		}
		if err != nil {
			return missing(err, "port", id)
		}
		return s.releasePort(ctx, p)
	})
}

// AddSecurityGroup puts all of an instance's filtered ports into a group, named by name or id. It may be repeated.
func (s *Service) AddSecurityGroup(ctx context.Context, in *cloud.Instance, nameOrID string) error {
	return s.changeInstanceGroups(ctx, in, nameOrID, func(p *cloud.Port, g cloud.SecurityGroupID) bool {
		if !p.PortSecurity || slices.Contains(p.SecurityGroups, g) {
			return false
		}
		p.SecurityGroups = append(slices.Clone(p.SecurityGroups), g)
		return true
	}, false)
}

// RemoveSecurityGroup takes all of an instance's ports out of a group. NotFound if none is in it.
func (s *Service) RemoveSecurityGroup(ctx context.Context, in *cloud.Instance, nameOrID string) error {
	return s.changeInstanceGroups(ctx, in, nameOrID, func(p *cloud.Port, g cloud.SecurityGroupID) bool {
		if !slices.Contains(p.SecurityGroups, g) {
			return false
		}
		p.SecurityGroups = slices.DeleteFunc(slices.Clone(p.SecurityGroups), func(o cloud.SecurityGroupID) bool { return o == g })
		return true
	}, true)
}

func (s *Service) changeInstanceGroups(ctx context.Context, in *cloud.Instance, nameOrID string,
	change func(*cloud.Port, cloud.SecurityGroupID) bool, must bool) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		g, err := s.groupNamed(ctx, in.ProjectID, nameOrID)
		if err != nil {
			return err
		}
		ports, err := s.instancePorts(ctx, in.ID)
		if err != nil {
			return err
		}
		changed := false
		for _, p := range ports {
			if !change(p, g.ID) {
				continue
			}
			changed = true
			groups, err := s.Groups.List(ctx, cloud.Where(cloud.In("id", p.SecurityGroups)))
			if err != nil {
				return err
			}
			if err := checkOneMode(p, groups); err != nil {
				return err
			}
			if err := s.savePort(ctx, p); err != nil {
				return err
			}
		}
		if must && !changed {
			return cloud.Errorf(cloud.NotFound, "security group", g.ID, "Security group %s not associated with the instance %s", nameOrID, in.ID)
		}
		return nil
	})
}
