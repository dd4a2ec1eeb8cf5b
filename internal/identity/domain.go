package identity

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// DefaultDomain is the id of the domain that first start makes.
const DefaultDomain cloud.DomainID = "default"

// DomainChange is what an update sets; nil stays.
type DomainChange struct {
	Name, Description *string
	Enabled           *bool
	Tags              *[]string
	Options, Extra    map[string]any
}

func (c DomainChange) apply(d *cloud.Domain) {
	set(&d.Name, c.Name)
	set(&d.Description, c.Description)
	set(&d.Enabled, c.Enabled)
	set(&d.Tags, c.Tags)
	d.Options, d.Extra = mergedOptions(d.Options, c.Options), merged(d.Extra, c.Extra)
}

// CreateDomain makes a domain from d; without an id it gets one.
func (s *Service) CreateDomain(ctx context.Context, d cloud.Domain) (*cloud.Domain, error) {
	if err := policy.Authorize(ctx, "domain.manage", policy.Target{Resource: "domain"}); err != nil {
		return nil, err
	}
	if err := validName("domain", d.Name, projectNameMax); err != nil {
		return nil, err
	}
	if err := checkOptions("domain", d.Options, nounOptions); err != nil {
		return nil, err
	}
	if d.ID == "" {
		d.ID = cloud.DomainID(cloud.NewHexID())
	}
	return &d, s.Domains.Insert(ctx, &d)
}

// Domain answers one domain.
func (s *Service) Domain(ctx context.Context, id cloud.DomainID) (*cloud.Domain, error) {
	d, err := s.Domains.Get(ctx, id)
	return d, allow(ctx, "domain.get", policy.Target{Resource: "domain", DomainID: id}, err)
}

// ListDomains lists domains that the caller may read.
func (s *Service) ListDomains(ctx context.Context, f Filter) ([]*cloud.Domain, error) {
	only, err := listDomain(ctx, "domain.list", "")
	if err != nil {
		return nil, err
	}
	f.DomainID = ""
	var where []cloud.Cond
	if only != "" {
		where = append(where, cloud.Eq("id", only))
	}
	return s.Domains.List(ctx, f.query(where...), func(d *cloud.Domain) bool {
		return f.texts(d.Name, d.Description) && f.tags(d.Tags)
	})
}

// UpdateDomain changes a domain. Disabling it voids all tokens of its users and projects.
func (s *Service) UpdateDomain(ctx context.Context, id cloud.DomainID, c DomainChange) (d *cloud.Domain, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		d, err = s.Domains.Get(ctx, id)
		if err := allow(ctx, "domain.manage", policy.Target{Resource: "domain", DomainID: id}, err); err != nil {
			return err
		}
		rest := c
		rest.Options = nil
		if err := mayChange("domain", id, d.Options, c.Options, rest); err != nil {
			return err
		}
		was := d.Enabled
		c.apply(d)
		if err := validName("domain", d.Name, projectNameMax); err != nil {
			return err
		}
		if was && !d.Enabled {
			if err := s.revoke(ctx, cause{kind: voidDomain, id: string(id)}); err != nil {
				return err
			}
		}
		return s.Domains.Update(ctx, d)
	})
	return d, err
}

// DeleteDomain removes a disabled domain with all users, groups, projects and roles in it.
func (s *Service) DeleteDomain(ctx context.Context, id cloud.DomainID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		d, err := s.Domains.Get(ctx, id)
		if err := allow(ctx, "domain.manage", policy.Target{Resource: "domain", DomainID: id}, err); err != nil {
			return err
		}
		if err := immutable("domain", id, d.Options); err != nil {
			return err
		}
		if d.Enabled {
			return cloud.Errorf(cloud.Forbidden, "domain", id, "A domain that is enabled cannot be deleted. Disable it first.")
		}
		if err := s.emptyDomain(ctx, id); err != nil {
			return err
		}
		if err := s.dropAssignments(ctx, cloud.Eq("domain_id", id)); err != nil {
			return err
		}
		if err := s.dropLimits(ctx, cloud.Eq("domain_id", id)); err != nil {
			return err
		}
		if err := s.dropDomainConfig(ctx, id); err != nil {
			return err
		}
		if err := s.revoke(ctx, cause{kind: voidDomain, id: string(id)}); err != nil {
			return err
		}
		return s.Domains.Delete(ctx, id)
	})
}

func (s *Service) emptyDomain(ctx context.Context, id cloud.DomainID) error {
	in := cloud.Where(cloud.Eq("domain_id", id))
	groups, err := s.Groups.List(ctx, in)
	if err := each(groups, err, func(g *cloud.Group) error { return s.removeGroup(ctx, g) }); err != nil {
		return err
	}
	users, err := s.Users.List(ctx, in)
	if err := each(users, err, func(u *cloud.User) error { return s.removeUser(ctx, u) }); err != nil {
		return err
	}
	projects, err := s.Projects.List(ctx, in)
	if err := each(projects, err, func(p *cloud.Project) error { return s.removeProject(ctx, p) }); err != nil {
		return err
	}
	providers, err := s.Providers.List(ctx, in)
	if err := each(providers, err, func(p *cloud.IdentityProvider) error { return s.removeProvider(ctx, p.ID) }); err != nil {
		return err
	}
	roles, err := s.Roles.List(ctx, in)
	return each(roles, err, func(r *cloud.Role) error { return s.removeRole(ctx, r) })
}

// each does f to all of a list that was read with the result err, until one fails.
func each[T any](list []T, err error, f func(T) error) error {
	for _, v := range list {
		if err != nil {
			return err
		}
		err = f(v)
	}
	return err
}
