// Package quota compares what a project uses with what it may use. Use is counted
// from the rows inside the transaction that adds to them, never kept in a
// counter, so it cannot drift.
//
// It knows no noun: the use-case packages register how each resource is counted.
package quota

import (
	"context"
	"fmt"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Counter counts a project's use of one resource.
type Counter func(ctx context.Context, p cloud.ProjectID) (int64, error)

// Service answers limits and refuses what would pass them.
type Service struct {
	quotas   cloud.Records[cloud.Quota, cloud.QuotaID]
	tx       cloud.Transactor
	counters map[string]Counter
	parts    map[string]PartCounter
	// away are the resources whose limits are kept elsewhere, where others asks for them.
	away   []string
	others Limiter
}

// Limiter answers those of a project's limits that are kept elsewhere.
type Limiter func(ctx context.Context, p cloud.ProjectID) (map[string]int64, error)

// New makes a Service. Register the counters before use.
func New(quotas cloud.Records[cloud.Quota, cloud.QuotaID], tx cloud.Transactor) *Service {
	return &Service{quotas: quotas, tx: tx, counters: map[string]Counter{}, parts: map[string]PartCounter{}}
}

// Register says how the use of a resource is counted. Call it while wiring only.
func (s *Service) Register(resource string, c Counter) { s.counters[resource] = c }

// KeptElsewhere says of which resources limits are kept elsewhere, too; they come before those kept here. Call it while wiring only.
func (s *Service) KeptElsewhere(resources []string, others Limiter) {
	s.away, s.others = resources, others
}

// DefaultClass is the class whose limits hold for every project without its own.
const DefaultClass cloud.QuotaID = "class/default"

// Reserve refuses with QuotaExceeded if the project's use plus add would pass a limit.
// Call it inside the transaction that inserts the rows, before inserting them:
// transactions of one project wait for each other here.
func (s *Service) Reserve(ctx context.Context, p cloud.ProjectID, add map[string]int64) error {
	if err := s.tx.Lock(ctx, "quota/"+string(p)); err != nil {
		return err
	}
	resources := sorted(add)
	limits, err := s.limitsOn(ctx, p, resources...)
	if err != nil {
		return err
	}
	for _, resource := range resources {
		limit, limited := limits[resource]
		if !limited {
			continue // a part that nobody limits
		}
		if err := s.check(ctx, p, resource, add[resource], limit); err != nil {
			return err
		}
	}
	return nil
}

// Admit refuses with QuotaExceeded if the project is over a limit already. It is for what has no size until it is there: the one
// that passes the limit still gets in. Call it inside the transaction that lets it in.
func (s *Service) Admit(ctx context.Context, p cloud.ProjectID, resource string) error {
	if err := s.tx.Lock(ctx, "quota/"+string(p)); err != nil {
		return err
	}
	limits, err := s.limitsOn(ctx, p, resource)
	if err != nil || limits[resource] == cloud.Unlimited {
		return err
	}
	used, err := s.Used(ctx, p, resource)
	if err != nil || used <= limits[resource] {
		return err
	}
	return &cloud.Error{Kind: cloud.QuotaExceeded, Resource: "quota", Field: resource, ID: string(p),
		Message: fmt.Sprintf("Quota exceeded for %s: already used %d of %d.", resource, used, limits[resource])}
}

func (s *Service) check(ctx context.Context, p cloud.ProjectID, resource string, add, limit int64) error {
	if add <= 0 || limit == cloud.Unlimited {
		return nil
	}
	used, err := s.Used(ctx, p, resource)
	if err != nil {
		return err
	}
	if used+add <= limit {
		return nil
	}
	return &cloud.Error{Kind: cloud.QuotaExceeded, Resource: "quota", Field: resource, ID: string(p),
		Message: fmt.Sprintf("Quota exceeded for %s: Requested %d, but already used %d of %d %s.", resource, add, used, limit, resource)}
}

// Used counts a project's use of a resource; 0 if nobody registered a counter.
func (s *Service) Used(ctx context.Context, p cloud.ProjectID, resource string) (int64, error) {
	if whole, part, ok := Cut(resource); ok && s.parts[whole] != nil {
		return s.parts[whole](ctx, p, part)
	}
	c, ok := s.counters[resource]
	if !ok {
		return 0, nil
	}
	return c(ctx, p)
}

// Limits are the limits in force for a project, of every resource.
func (s *Service) Limits(ctx context.Context, p cloud.ProjectID) (map[string]int64, error) {
	return s.limitsOn(ctx, p, s.away...)
}

// limitsOn are the limits in force for a project, right for these resources at least: what is kept elsewhere is read
// only for those it is about, not for every instance.
func (s *Service) limitsOn(ctx context.Context, p cloud.ProjectID, resources ...string) (map[string]int64, error) {
	limits, err := s.Defaults(ctx)
	if err != nil {
		return nil, err
	}
	away := func(resource string) bool { return slices.Contains(s.away, resource) }
	if err := s.overlay(ctx, cloud.QuotaID(p), limits); err != nil || !slices.ContainsFunc(resources, away) {
		return limits, err
	}
	others, err := s.others(ctx, p)
	return merged(limits, others), err
}

// Defaults are the limits of a project that has none of its own.
func (s *Service) Defaults(ctx context.Context) (map[string]int64, error) {
	limits := make(map[string]int64, len(cloud.DefaultLimits))
	for r, n := range cloud.DefaultLimits {
		limits[r] = n
	}
	return limits, s.overlay(ctx, DefaultClass, limits)
}

func (s *Service) overlay(ctx context.Context, id cloud.QuotaID, limits map[string]int64) error {
	q, err := s.quotas.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for r, n := range q.Limits {
		limits[r] = n
	}
	return nil
}

// Set changes some limits of a project or class, leaving the others. A resource
// that is not known is Invalid. It may be repeated.
func (s *Service) Set(ctx context.Context, id cloud.QuotaID, change map[string]int64) error {
	for _, r := range sorted(change) {
		if !s.known(r) {
			return cloud.Invalidf("quota", r, "There is no quota %q.", r)
		}
		if change[r] < cloud.Unlimited {
			return cloud.Invalidf("quota", r, "The limit of %s must be -1 (unlimited) or more, not %d.", r, change[r])
		}
	}
	return s.tx.Update(ctx, func(ctx context.Context) error {
		q, err := s.quotas.Get(ctx, id)
		if cloud.Is(err, cloud.NotFound) {
			return s.quotas.Insert(ctx, &cloud.Quota{ID: id, Limits: change})
		}
		if err != nil {
			return err
		}
		q.Limits = merged(q.Limits, change)
		return s.quotas.Update(ctx, q)
	})
}

// Reset puts a project or class back to the defaults. It may be repeated.
func (s *Service) Reset(ctx context.Context, id cloud.QuotaID) error {
	err := s.quotas.Delete(ctx, id)
	if cloud.Is(err, cloud.NotFound) {
		return nil
	}
	return err
}

func merged(old, change map[string]int64) map[string]int64 {
	m := make(map[string]int64, len(old)+len(change))
	for r, n := range old {
		m[r] = n
	}
	for r, n := range change {
		m[r] = n
	}
	return m
}

func sorted(m map[string]int64) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
