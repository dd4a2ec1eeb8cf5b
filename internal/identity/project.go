package identity

import (
	"context"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// projectDepthMax bounds how deep projects may lie within each other.
const projectDepthMax = 5

// Tags of a project or domain are bounded like this.
const (
	tagsMax      = 80
	tagLengthMax = 255
)

// ProjectChange is what an update sets; nil stays.
type ProjectChange struct {
	Name, Description *string
	Enabled           *bool
	Tags              *[]string
	Options, Extra    map[string]any
}

func (c ProjectChange) apply(p *cloud.Project) {
	set(&p.Name, c.Name)
	set(&p.Description, c.Description)
	set(&p.Enabled, c.Enabled)
	set(&p.Tags, c.Tags)
	p.Options, p.Extra = mergedOptions(p.Options, c.Options), merged(p.Extra, c.Extra)
}

func projectTarget(p *cloud.Project) policy.Target {
	if p == nil {
		return policy.Target{Resource: "project"}
	}
	return policy.Target{Resource: "project", ProjectID: p.ID, DomainID: p.DomainID}
}

// CreateProject makes a project from p. Without a domain it is the parent's, else
// that of the caller's scope.
func (s *Service) CreateProject(ctx context.Context, p cloud.Project) (*cloud.Project, error) {
	if p.ID == "" {
		p.ID = cloud.ProjectID(cloud.NewHexID())
	}
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.placeProject(ctx, &p); err != nil {
			return err
		}
		if err := policy.Authorize(ctx, "project.manage", projectTarget(&p)); err != nil {
			return err
		}
		if err := checkOptions("project", p.Options, nounOptions); err != nil {
			return err
		}
		if err := s.checkProject(ctx, &p); err != nil {
			return err
		}
		if err := s.numberProject(ctx, &p); err != nil {
			return err
		}
		return s.Projects.Insert(ctx, &p)
	})
	return &p, err
}

// placeProject fills in domain and parent from each other.
func (s *Service) placeProject(ctx context.Context, p *cloud.Project) error {
	if string(p.ParentID) == string(p.DomainID) {
		p.ParentID = "" // a domain as the parent
	}
	if p.ParentID != "" {
		if done, err := s.placeBelow(ctx, p); done || err != nil {
			return err
		}
	}
	if p.DomainID == "" {
		p.DomainID = callersDomain(ctx)
	}
	return nil
}

// placeBelow takes the domain from the parent, which may be a domain itself.
func (s *Service) placeBelow(ctx context.Context, p *cloud.Project) (done bool, err error) {
	parent, err := s.Projects.Get(ctx, p.ParentID)
	if cloud.Is(err, cloud.NotFound) && p.DomainID == "" {
		p.DomainID, p.ParentID = cloud.DomainID(p.ParentID), ""
		return true, nil
	}
	if cloud.Is(err, cloud.NotFound) {
		return true, cloud.Invalidf("project", "parent_id", "The parent project %s does not exist.", p.ParentID)
	}
	if err != nil {
		return true, err
	}
	if p.DomainID == "" {
		p.DomainID = parent.DomainID
	}
	if p.DomainID != parent.DomainID {
		return true, cloud.Invalidf("project", "domain_id", "The parent project is in another domain.")
	}
	if !parent.Enabled && p.Enabled {
		return true, cloud.Errorf(cloud.Forbidden, "project", p.ID, "The parent project is disabled.")
	}
	return true, s.checkDepth(ctx, parent)
}

func (s *Service) checkDepth(ctx context.Context, parent *cloud.Project) error {
	above, err := s.ancestors(ctx, parent)
	if err == nil && len(above)+2 > projectDepthMax {
		return cloud.Errorf(cloud.Forbidden, "project", parent.ID, "Projects cannot lie more than %d deep.", projectDepthMax)
	}
	return err
}

// callersDomain is where nouns go that name no domain.
func callersDomain(ctx context.Context) cloud.DomainID {
	p := cloud.PrincipalOf(ctx)
	switch {
	case p.DomainID != "":
		return p.DomainID
	case p.ProjectDomainID != "":
		return p.ProjectDomainID
	}
	return DefaultDomain
}

// checkProject: the domain exists, the name is free in all of it, the tags are well formed.
func (s *Service) checkProject(ctx context.Context, p *cloud.Project) error {
	if err := validName("project", p.Name, projectNameMax); err != nil {
		return err
	}
	if err := validTags(p.Tags); err != nil {
		return err
	}
	if _, err := s.Domains.Get(ctx, p.DomainID); err != nil {
		return err
	}
	if err := s.Tx.Lock(ctx, "project names of "+string(p.DomainID)); err != nil {
		return err
	}
	same, err := s.Projects.List(ctx, cloud.Where(cloud.Eq("domain_id", p.DomainID), cloud.Eq("name_lower", p.Name), cloud.Cond{Column: "id", Op: cloud.OpNe, Value: p.ID}))
	if err == nil && len(same) > 0 {
		return cloud.Errorf(cloud.AlreadyExists, "project", same[0].ID, "A project named %s exists in the domain already.", p.Name)
	}
	return err
}

func validTags(tags []string) error {
	if len(tags) > tagsMax {
		return cloud.Invalidf("project", "tags", "There may be %d tags at most.", tagsMax)
	}
	seen := map[string]bool{}
	for _, t := range tags {
		if t == "" || len(t) > tagLengthMax || strings.ContainsAny(t, ",/") || seen[t] {
			return cloud.Invalidf("project", "tags", "Invalid input for field 'tags': %q is empty, too long, there twice, or has a comma or slash.", t)
		}
		seen[t] = true
	}
	return nil
}

// Project answers one project.
func (s *Service) Project(ctx context.Context, id cloud.ProjectID) (*cloud.Project, error) {
	p, err := s.Projects.Get(ctx, id)
	return p, allow(ctx, "project.get", projectTarget(p), err)
}

// ListProjects lists projects that the caller may read.
func (s *Service) ListProjects(ctx context.Context, f Filter) ([]*cloud.Project, error) {
	var err error
	if f.DomainID, err = listDomain(ctx, "project.list", f.DomainID); err != nil {
		return nil, err
	}
	var where []cloud.Cond
	switch {
	case string(f.ParentID) != "" && s.isDomain(ctx, string(f.ParentID)):
		where = append(where, cloud.Eq("domain_id", f.ParentID), cloud.Eq("parent_id", ""))
	case f.ParentID != "":
		where = append(where, cloud.Eq("parent_id", f.ParentID))
	}
	return s.Projects.List(ctx, f.query(where...), func(p *cloud.Project) bool {
		return f.texts(p.Name, p.Description) && f.tags(p.Tags)
	})
}

func (s *Service) isDomain(ctx context.Context, id string) bool {
	_, err := s.Domains.Get(ctx, cloud.DomainID(id))
	return err == nil
}

// UpdateProject changes a project. Disabling it voids the tokens for it.
func (s *Service) UpdateProject(ctx context.Context, id cloud.ProjectID, c ProjectChange) (p *cloud.Project, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		p, err = s.Projects.Get(ctx, id)
		if err := allow(ctx, "project.manage", projectTarget(p), err); err != nil {
			return err
		}
		rest := c
		rest.Options = nil
		if err := mayChange("project", id, p.Options, c.Options, rest); err != nil {
			return err
		}
		was := p.Enabled
		c.apply(p)
		if err := s.checkProject(ctx, p); err != nil {
			return err
		}
		if err := s.switchProject(ctx, p, was); err != nil {
			return err
		}
		return s.Projects.Update(ctx, p)
	})
	return p, err
}

// switchProject guards turning a project on and off.
func (s *Service) switchProject(ctx context.Context, p *cloud.Project, was bool) error {
	switch {
	case was && !p.Enabled:
		return s.revoke(ctx, cause{kind: voidProject, id: string(p.ID)})
	case !was && p.Enabled:
		above, err := s.ancestors(ctx, p)
		return each(above, err, func(a *cloud.Project) error {
			if !a.Enabled {
				return cloud.Errorf(cloud.Forbidden, "project", p.ID, "The project cannot be enabled below a disabled one.")
			}
			return nil
		})
	}
	return nil
}

// DeleteProject removes a project with no projects below it, with all role assignments and credentials on it.
func (s *Service) DeleteProject(ctx context.Context, id cloud.ProjectID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		p, err := s.Projects.Get(ctx, id)
		if err := allow(ctx, "project.manage", projectTarget(p), err); err != nil {
			return err
		}
		if err := immutable("project", id, p.Options); err != nil {
			return err
		}
		below, err := s.Projects.Count(ctx, cloud.Eq("parent_id", id))
		if err != nil {
			return err
		}
		if below > 0 {
			return cloud.Errorf(cloud.Forbidden, "project", id, "The project cannot be deleted: there are projects below it.")
		}
		return s.removeProject(ctx, p)
	})
}

func (s *Service) removeProject(ctx context.Context, p *cloud.Project) error {
	if err := s.dropAssignments(ctx, cloud.Eq("project_id", p.ID)); err != nil {
		return err
	}
	if err := s.dropCredentials(ctx, cloud.Eq("project_id", p.ID)); err != nil {
		return err
	}
	if err := s.dropSecrets(ctx, cloud.Eq("project_id", p.ID)); err != nil {
		return err
	}
	if err := s.dropTrusts(ctx, cloud.Eq("project_id", p.ID)); err != nil {
		return err
	}
	if err := s.dropDelegations(ctx, cloud.Eq("project_id", p.ID)); err != nil {
		return err
	}
	if err := s.dropLimits(ctx, cloud.Eq("project_id", p.ID)); err != nil {
		return err
	}
	if err := s.forgetProjectEndpoints(ctx, p.ID); err != nil {
		return err
	}
	at, err := s.Users.List(ctx, cloud.Where(cloud.Eq("default_project_id", p.ID)))
	err = each(at, err, func(u *cloud.User) error {
		u.DefaultProjectID = ""
		return s.Users.Update(ctx, u)
	})
	if err != nil {
		return err
	}
	if err := s.revoke(ctx, cause{kind: voidProject, id: string(p.ID)}); err != nil {
		return err
	}
	if s.ProjectGone != nil {
		if err := s.ProjectGone(ctx, p.ID); err != nil {
			return err
		}
	}
	return s.Projects.Delete(ctx, p.ID)
}

// ancestors are the projects above p, the nearest first.
func (s *Service) ancestors(ctx context.Context, p *cloud.Project) ([]*cloud.Project, error) {
	var above []*cloud.Project
	// The bound also ends a ring, which only a damaged store can have.
	for id := p.ParentID; id != "" && len(above) < 2*projectDepthMax; {
		a, err := s.Projects.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		above, id = append(above, a), a.ParentID
	}
	return above, nil
}

// descendants are the projects below one, parents before their children.
func (s *Service) descendants(ctx context.Context, id cloud.ProjectID) ([]*cloud.Project, error) {
	var below []*cloud.Project
	level := []cloud.ProjectID{id}
	for depth := 0; len(level) > 0 && depth < 2*projectDepthMax; depth++ {
		next, err := s.Projects.List(ctx, cloud.Where(cloud.In("parent_id", level)))
		if err != nil {
			return nil, err
		}
		level = nil
		for _, p := range next {
			below, level = append(below, p), append(level, p.ID)
		}
	}
	return below, nil
}

// ProjectFamily answers the projects above (nearest first) and below a project that the caller may read.
func (s *Service) ProjectFamily(ctx context.Context, id cloud.ProjectID) (above, below []*cloud.Project, err error) {
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		p, err := s.Project(ctx, id)
		if err != nil {
			return err
		}
		if above, err = s.ancestors(ctx, p); err != nil {
			return err
		}
		below, err = s.descendants(ctx, id)
		return err
	})
	return above, below, err
}
