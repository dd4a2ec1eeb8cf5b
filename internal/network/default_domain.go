package network

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// A project that needs a routing domain and made none gets one, once: with a subnet in each zone, from which instances reach the
// outside and are reached. Who deleted it does not get it again without asking.

// The default domain's block, and the subnets in it: each of a sixteenth.
var (
	defaultBlock      = netip.MustParsePrefix("172.31.0.0/16")
	defaultSubnetBits = 20
)

// defaultReserved are the addresses at the start of each that instances do not get.
const defaultReserved = 4

// declined is the setting that remembers that a project deleted its default domain.
func declined(p cloud.ProjectID) cloud.SettingID {
	return cloud.SettingID("network/no default domain/" + string(p))
}

// DefaultDomain answers a project's default routing domain; NotFound if it has none.
func (s *Service) DefaultDomain(ctx context.Context, p cloud.ProjectID) (*cloud.Router, error) {
	p = owner(ctx, p)
	r, err := s.Routers.One(ctx, cloud.Eq("project_id", string(p)), cloud.Eq("default_domain", true))
	if err != nil {
		return nil, missing(err, "default routing domain", p)
	}
	return r, policy.Authorize(ctx, "routing domain.get", domainTarget(r))
}

// EnsureDefaultDomain is DefaultDomain, and makes it for a project that never had one. NotFound if the project deleted it, or if
// the caller may not make one.
func (s *Service) EnsureDefaultDomain(ctx context.Context, p cloud.ProjectID) (*cloud.Router, error) {
	p = owner(ctx, p)
	r, err := s.DefaultDomain(ctx, p)
	if !cloud.Is(err, cloud.NotFound) {
		return r, err
	}
	gone, err := s.Settings.Count(ctx, cloud.Eq("id", string(declined(p))))
	if err != nil {
		return nil, err
	}
	if gone > 0 || !policy.May(ctx, "routing domain.create", policy.Target{ProjectID: p}) {
		return nil, cloud.NotFoundf("default routing domain", p)
	}
	r, err = s.CreateDefaultDomain(ctx, p)
	if cloud.Is(err, cloud.AlreadyExists) { // somebody else was faster
		return s.DefaultDomain(ctx, p)
	}
	return r, err
}

// CreateDefaultDomain makes a project's default routing domain, also if it deleted one. AlreadyExists if it has one.
func (s *Service) CreateDefaultDomain(ctx context.Context, p cloud.ProjectID) (r *cloud.Router, err error) {
	p = owner(ctx, p)
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Tx.Lock(ctx, "default domain/"+string(p)); err != nil {
			return err
		}
		if have, err := s.DefaultDomain(ctx, p); !cloud.Is(err, cloud.NotFound) {
			if err == nil {
				err = cloud.Errorf(cloud.AlreadyExists, "default routing domain", have.ID, "The project has the default routing domain %s already.", have.ID)
			}
			return err
		}
		if err := s.Settings.Delete(ctx, declined(p)); err != nil && !cloud.Is(err, cloud.NotFound) {
			return err
		}
		r, err = s.makeDefaultDomain(ctx, p)
		return err
	})
	return r, err
}

func (s *Service) makeDefaultDomain(ctx context.Context, p cloud.ProjectID) (*cloud.Router, error) {
	r, err := s.CreateDomain(ctx, DomainRequest{ProjectID: p, Blocks: []netip.Prefix{defaultBlock}, Default: true, Hostnames: true})
	if err != nil {
		return nil, err
	}
	g, err := s.CreateGateway(ctx, WayRequest{ProjectID: p, Kind: cloud.GatewayInternet})
	if err != nil {
		return nil, err
	}
	if _, err := s.AttachGateway(ctx, g.ID, r.ID); err != nil {
		return nil, err
	}
	out := cloud.TableRoute{Destination: everywhere(false), Kind: cloud.TargetInternet, Target: string(g.ID)}
	if _, err := s.AddTableRoute(ctx, r.Domain.MainTable, out); err != nil {
		return nil, err
	}
	zones, err := s.zones(ctx)
	if err != nil {
		return nil, err
	}
	for _, zone := range zones {
		if _, err := s.CreateDefaultSubnet(ctx, p, zone); err != nil {
			return nil, err
		}
	}
	return s.Routers.Get(ctx, r.ID)
}

// zones are those that hosts are in, as many as the default block has room for.
func (s *Service) zones(ctx context.Context) ([]string, error) {
	hosts, err := s.HostRecords.List(ctx, cloud.Query{})
	if err != nil {
		return nil, err
	}
	var zones []string
	for _, h := range hosts {
		zones = append(zones, h.Zone)
	}
	slices.Sort(zones)
	zones = slices.Compact(zones)
	return zones[:min(len(zones), 1<<(defaultSubnetBits-defaultBlock.Bits()))], nil
}

// CreateDefaultSubnet makes the default subnet of a zone in the project's default domain. AlreadyExists if there is one.
func (s *Service) CreateDefaultSubnet(ctx context.Context, p cloud.ProjectID, zone string) (sub *cloud.Subnet, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		r, err := s.DefaultDomain(ctx, p)
		if err != nil {
			return err
		}
		if r, err = s.ownDomain(ctx, r.ID, "routing domain.update"); err != nil {
			return err
		}
		have, err := s.Subnets.List(ctx, cloud.Where(cloud.Eq("router_id", string(r.ID))))
		if err != nil {
			return err
		}
		free := freePrefix(r.Domain.Blocks[0].Prefix, defaultSubnetBits, have)
		sub, err = s.CreateDomainSubnet(ctx, DomainSubnetRequest{RouterID: r.ID, Prefix: free, Zone: zone, Reserved: defaultReserved, AutoPublic: true, Default: true})
		return err
	})
	return sub, err
}

// decline remembers that a project has deleted its default domain.
func (s *Service) decline(ctx context.Context, p cloud.ProjectID) error {
	return s.Settings.Insert(ctx, &cloud.Setting{ID: declined(p), Value: s.Now().UTC().Format("2006-01-02")})
}
