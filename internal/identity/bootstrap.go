package identity

import (
	"context"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Bootstrap is what an operator may choose for the first start.
type Bootstrap struct {
	AdminPassword string // empty: a random one
	DemoPassword  string // empty: a random one
	Region        string // empty: RegionOne
	// Limits are registered for the services of a type: by resource, how much everybody may use.
	Limits map[string]map[string]int64
}

// Bootstrapped says what first start has made. The passwords are known on that start only.
type Bootstrapped struct {
	First          bool            `json:"-"`
	AdminPassword  string          `json:"-"`
	DemoPassword   string          `json:"-"`
	AdminUserID    cloud.UserID    `json:"admin_user_id"`
	AdminProjectID cloud.ProjectID `json:"admin_project_id"`
	DemoUserID     cloud.UserID    `json:"demo_user_id"`
	DemoProjectID  cloud.ProjectID `json:"demo_project_id"`
	Region         string          `json:"region"`
}

const (
	bootstrapSetting cloud.SettingID = "identity/bootstrap"
	regionDefault                    = "RegionOne"
)

// Bootstrap makes the first domain, roles, projects, users and catalog, once for a
// store, and then loads keys and revocations. Later calls only load.
func (s *Service) Bootstrap(ctx context.Context, b Bootstrap) (*Bootstrapped, error) {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	made := &Bootstrapped{}
	if err := s.setting(ctx, bootstrapSetting, made); err != nil {
		return nil, err
	}
	if made.AdminUserID == "" {
		if err := s.firstStart(ctx, b, made); err != nil {
			return nil, fmt.Errorf("first start of identity: %w", err)
		}
	}
	return made, s.Load(ctx)
}

// firstStart hashes outside the transaction that then makes all or nothing.
func (s *Service) firstStart(ctx context.Context, b Bootstrap, made *Bootstrapped) error {
	admin, adminHash, err := s.firstPassword(ctx, b.AdminPassword)
	if err != nil {
		return err
	}
	demo, demoHash, err := s.firstPassword(ctx, b.DemoPassword)
	if err != nil {
		return err
	}
	if b.Region == "" {
		b.Region = regionDefault
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Tx.Lock(ctx, string(bootstrapSetting)); err != nil {
			return err
		}
		*made = Bootstrapped{}
		if err := s.setting(ctx, bootstrapSetting, made); err != nil || made.AdminUserID != "" {
			return err // another process was faster
		}
		*made = Bootstrapped{First: true, AdminPassword: admin, DemoPassword: demo, Region: b.Region}
		if err := s.makeFirst(ctx, made, adminHash, demoHash); err != nil {
			return err
		}
		if err := s.registerFirst(ctx, b); err != nil {
			return err
		}
		return s.putSetting(ctx, bootstrapSetting, made)
	})
}

func (s *Service) firstPassword(ctx context.Context, given string) (string, *cloud.PasswordHash, error) {
	if given == "" {
		given = NewPassword()
	}
	h, err := s.newHash(ctx, given)
	return given, h, err
}

func (s *Service) makeFirst(ctx context.Context, made *Bootstrapped, adminHash, demoHash *cloud.PasswordHash) error {
	_, err := s.CreateDomain(ctx, cloud.Domain{ID: DefaultDomain, Name: "Default", Description: "The default domain", Enabled: true})
	if err != nil {
		return err
	}
	roles, err := s.firstRoles(ctx)
	if err != nil {
		return err
	}
	if made.AdminUserID, made.AdminProjectID, err = s.firstUser(ctx, "admin", adminHash); err != nil {
		return err
	}
	if made.DemoUserID, made.DemoProjectID, err = s.firstUser(ctx, "demo", demoHash); err != nil {
		return err
	}
	admin, member := roles[RoleAdmin], roles[RoleMember]
	grants := []Grant{
		{Role: admin, User: made.AdminUserID, Scope: Scope{ProjectID: made.AdminProjectID}},
		{Role: admin, User: made.AdminUserID, Scope: Scope{DomainID: DefaultDomain}},
		{Role: admin, User: made.AdminUserID, Scope: Scope{System: true}},
		{Role: admin, User: made.AdminUserID, Scope: Scope{ProjectID: made.DemoProjectID}},
		{Role: member, User: made.DemoUserID, Scope: Scope{ProjectID: made.DemoProjectID}},
	}
	if err := each(grants, nil, func(g Grant) error { return s.Assign(ctx, g) }); err != nil {
		return err
	}
	return s.putSetting(ctx, catalogSetting, firstCatalog(made.Region))
}

// registerFirst registers limits in the region, in which limits of projects can then be set.
func (s *Service) registerFirst(ctx context.Context, b Bootstrap) error {
	c, err := s.catalog(ctx)
	if err != nil {
		return err
	}
	var list []*cloud.RegisteredLimit
	for _, v := range c.Services {
		for resource, n := range b.Limits[v.Type] {
			list = append(list, &cloud.RegisteredLimit{LimitSubject: cloud.LimitSubject{ServiceID: v.ID, RegionID: b.Region, Resource: resource}, Default: n})
		}
	}
	return s.CreateRegisteredLimits(ctx, list)
}

// firstRoles makes the roles, each implying the one before it.
func (s *Service) firstRoles(ctx context.Context) (map[string]cloud.RoleID, error) {
	made := map[string]cloud.RoleID{}
	var weaker []cloud.RoleID
	for _, name := range []string{RoleReader, RoleMember, RoleManager, RoleAdmin} {
		r, err := s.CreateRole(ctx, cloud.Role{Name: name, Implies: weaker})
		if err != nil {
			return nil, err
		}
		made[name], weaker = r.ID, []cloud.RoleID{r.ID}
	}
	return made, nil
}

// firstUser makes a user and a project of the same name.
func (s *Service) firstUser(ctx context.Context, name string, h *cloud.PasswordHash) (cloud.UserID, cloud.ProjectID, error) {
	p, err := s.CreateProject(ctx, cloud.Project{DomainID: DefaultDomain, Name: name, Enabled: true})
	if err != nil {
		return "", "", err
	}
	u := cloud.User{DomainID: DefaultDomain, Name: name, Enabled: true, Passwords: []cloud.PasswordHash{*h}}
	created, err := s.CreateUser(ctx, u, "")
	if err != nil {
		return "", "", err
	}
	return created.ID, p.ID, nil
}
