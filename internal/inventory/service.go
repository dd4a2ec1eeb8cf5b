package inventory

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Deps is all a Service stands on.
type Deps struct {
	Providers cloud.Records[cloud.Provider, cloud.ProviderID]
	Claims    cloud.Records[cloud.Claim, string]
	Words     cloud.Records[cloud.Word, string]
	Hosts     cloud.Records[cloud.Host, cloud.HostID]
	Instances cloud.Records[cloud.Instance, cloud.InstanceID]
	Tx        cloud.Transactor
	// Physical names the physical networks that hosts are on.
	Physical []string
	// HostChanged is told, in the transaction, that what is claimed of a host changed.
	HostChanged func(ctx context.Context, id cloud.HostID)
}

// Service is the use cases. It is safe for use from several goroutines.
type Service struct{ Deps }

// New makes a Service.
func New(d Deps) *Service { return &Service{Deps: d} }

const resource = "resource provider"

// lockName makes changes of providers and claims wait for each other: a tree has no loops, a name no second
// owner and a stock no more claims than it holds, which are rules about several rows.
const lockName = "inventory"

// MayRead answers an error if the caller may not look at providers.
func (s *Service) MayRead(ctx context.Context) error {
	return policy.Authorize(ctx, "provider.get", policy.Target{Resource: resource})
}

// MayManage answers an error if the caller may not change providers and claims.
func (s *Service) MayManage(ctx context.Context) error {
	return policy.Authorize(ctx, "provider.manage", policy.Target{Resource: resource})
}

// read runs f on one state of everything.
func (s *Service) read(ctx context.Context, f func(b *books) error) error {
	if err := s.MayRead(ctx); err != nil {
		return err
	}
	return s.Tx.View(ctx, func(ctx context.Context) error {
		b, err := s.open(ctx)
		if err != nil {
			return err
		}
		return f(b)
	})
}

// change runs f on one state of everything, in a transaction that no other change interleaves with.
func (s *Service) change(ctx context.Context, f func(ctx context.Context, b *books) error) error {
	if err := s.MayManage(ctx); err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Tx.Lock(ctx, lockName); err != nil {
			return err
		}
		b, err := s.open(ctx)
		if err != nil {
			return err
		}
		return f(ctx, b)
	})
}
