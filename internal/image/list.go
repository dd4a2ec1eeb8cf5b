package image

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// VisibilityAll in a Filter asks for every image the caller may see, community images included.
const VisibilityAll cloud.Visibility = "all"

// MemberAll in a Filter takes shared images whatever the caller's project said to them.
const MemberAll = "all"

// Filter selects images. Its zero value is what people mean by "my images": the project's own, public ones, and
// those shared with it and accepted, hidden ones left out.
type Filter struct {
	// Visibility: empty leaves out the community images of others.
	Visibility cloud.Visibility
	// MemberStatus of images shared with the caller's project; empty: accepted.
	MemberStatus string
	Hidden       bool
	// Usable selects by another rule: what the caller's project may use, its own images and those of others, whatever it said to them and
	// whether or not they are hidden; and nothing that an operator sees only as an operator.
	Usable bool
	// Query adds conditions on columns, order and extent.
	Query cloud.Query
	// Keep adds a condition that no column knows; nil keeps all.
	Keep func(*cloud.Image) bool
}

// List answers the images that f selects among those the caller may see.
func (s *Service) List(ctx context.Context, f Filter) ([]*cloud.Image, error) {
	all, own := policy.Visible(ctx, "image.see_all")
	q := f.Query
	if f.Visibility != "" && f.Visibility != VisibilityAll {
		q.Where = append(q.Where[:len(q.Where):len(q.Where)], cloud.Eq("visibility", f.Visibility))
	}
	return s.Images.List(ctx, q, func(i *cloud.Image) bool {
		shown := i.Hidden == f.Hidden && f.shows(i, all, own)
		if f.Usable {
			shown = i.ProjectID == own || sharedWith(i, own)
		}
		return shown && (f.Keep == nil || f.Keep(i))
	})
}

// shows is the rule of who sees what in a list.
func (f Filter) shows(i *cloud.Image, all bool, own cloud.ProjectID) bool {
	if own != "" && i.ProjectID == own {
		return true
	}
	switch i.Visibility {
	case cloud.VisibilityPublic:
		return true
	case cloud.VisibilityCommunity:
		return f.Visibility == VisibilityAll || f.Visibility == cloud.VisibilityCommunity
	case cloud.VisibilityShared:
		return f.MemberStatus == "" && all || f.accepted(i, own)
	}
	return all
}

func (f Filter) accepted(i *cloud.Image, own cloud.ProjectID) bool {
	m := member(i, own)
	switch {
	case m == nil:
		return false
	case f.MemberStatus == MemberAll:
		return true
	case f.MemberStatus == "":
		return m.Status == MemberAccepted
	}
	return m.Status == f.MemberStatus
}

// WithProperties answers a project's images that have all these properties, oldest first.
func (s *Service) WithProperties(ctx context.Context, p cloud.ProjectID, properties map[string]string) ([]*cloud.Image, error) {
	q := cloud.Query{Where: []cloud.Cond{cloud.Eq("project_id", p)}, Order: []cloud.Order{{Column: "created_at"}}}
	return s.Images.List(ctx, q, func(i *cloud.Image) bool {
		for k, v := range properties {
			if i.Properties[k] != v {
				return false
			}
		}
		return true
	})
}
