package inventory

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// UnknownType stands for consumers that were written without a type.
const UnknownType = "unknown"

// Usage is what consumers of one type hold.
type Usage struct {
	Consumers int
	Held      map[string]int
}

// ProjectUsage adds up what the consumers of a project, and of one user in it if given, hold, by their type.
func (s *Service) ProjectUsage(ctx context.Context, project cloud.ProjectID, user cloud.UserID) (map[string]Usage, error) {
	if err := policy.Authorize(ctx, "provider.usage", policy.Target{Resource: "usage", ProjectID: project}); err != nil {
		return nil, err
	}
	where := []cloud.Cond{cloud.Eq("project_id", project)}
	if user != "" {
		where = append(where, cloud.Eq("user_id", user))
	}
	claims, err := s.Claims.List(ctx, cloud.Where(where...))
	if err != nil {
		return nil, err
	}
	placed := append(where, cloud.Cond{Column: "host_id", Op: cloud.OpNe, Value: ""})
	instances, err := s.Instances.List(ctx, cloud.Where(placed...))
	if err != nil {
		return nil, err
	}
	for _, in := range instances {
		claims = append(claims, instanceClaims(in)...)
	}
	return addUp(claims), nil
}

func addUp(claims []*cloud.Claim) map[string]Usage {
	out := map[string]Usage{}
	seen := map[cloud.ConsumerID]bool{}
	for _, c := range claims {
		kind := c.Type
		if kind == "" {
			kind = UnknownType
		}
		u := out[kind]
		if u.Held == nil {
			u.Held = map[string]int{}
		}
		for class, n := range c.Held {
			u.Held[class] += n
		}
		if !seen[c.Consumer] {
			seen[c.Consumer] = true
			u.Consumers++
		}
		out[kind] = u
	}
	return out
}
