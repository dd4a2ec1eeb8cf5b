package compute

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

func flavorTarget(ctx context.Context, f *cloud.Flavor) policy.Target {
	mine := slices.Contains(f.Projects, cloud.PrincipalOf(ctx).ProjectID)
	return policy.Target{Resource: "flavor", ID: string(f.ID), Shared: f.Public || mine}
}

// Flavor answers a flavor that the caller may use.
func (s *Service) Flavor(ctx context.Context, id cloud.FlavorID) (*cloud.Flavor, error) {
	f, err := s.Flavors.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return f, policy.Authorize(ctx, "flavor.get", flavorTarget(ctx, f))
}

// FlavorProjects answers a flavor to whoever may know which projects use it.
func (s *Service) FlavorProjects(ctx context.Context, id cloud.FlavorID) (*cloud.Flavor, error) {
	if err := policy.Authorize(ctx, "flavor.see_access", policy.Target{Resource: "flavor"}); err != nil {
		return nil, err
	}
	return s.Flavor(ctx, id)
}

// mayManageFlavors is asked before any flavor is looked at: those who may not are refused in the same words whether it is there.
func mayManageFlavors(ctx context.Context) error {
	return policy.Authorize(ctx, "flavor.manage", policy.Target{Resource: "flavor"})
}

// usableFlavor is a flavor for a new or resized instance; one that is not there is a mistake in the request.
func (s *Service) usableFlavor(ctx context.Context, id cloud.FlavorID) (*cloud.Flavor, error) {
	f, err := s.Flavor(ctx, id)
	if err != nil {
		return nil, badReference(err, "flavorRef", "Flavor "+string(id)+" could not be found.")
	}
	if f.Disabled {
		return nil, cloud.Invalidf(resource, "flavorRef", "Flavor %s is disabled.", id)
	}
	return f, nil
}

// ListFlavors answers the flavors the caller may use, or for public nil all that administrators see.
func (s *Service) ListFlavors(ctx context.Context, q cloud.Query, public *bool, keep func(*cloud.Flavor) bool) ([]*cloud.Flavor, error) {
	return s.Flavors.List(ctx, q, func(f *cloud.Flavor) bool {
		if !policy.May(ctx, "flavor.get", flavorTarget(ctx, f)) || public != nil && f.Public != *public {
			return false
		}
		return keep == nil || keep(f)
	})
}

// CreateFlavor makes a flavor. Its id is the caller's or made here.
func (s *Service) CreateFlavor(ctx context.Context, f cloud.Flavor) (*cloud.Flavor, error) {
	if err := mayManageFlavors(ctx); err != nil {
		return nil, err
	}
	if f.ID == "" {
		f.ID = cloud.FlavorID(cloud.NewID())
	}
	if err := checkFlavor(&f); err != nil {
		return nil, err
	}
	return &f, s.Flavors.Insert(ctx, &f)
}

func checkFlavor(f *cloud.Flavor) error {
	switch {
	case f.Name == "":
		return cloud.Invalidf("flavor", "name", "Flavor names must not be empty.")
	case f.VCPUs < 1:
		return cloud.Invalidf("flavor", "vcpus", "A flavor needs at least 1 vCPU.")
	case f.MemoryMiB < 1:
		return cloud.Invalidf("flavor", "ram", "A flavor needs at least 1 MiB of memory.")
	case f.DiskGiB < 0 || f.EphemeralGiB < 0 || f.SwapMiB < 0:
		return cloud.Invalidf("flavor", "disk", "Disk sizes cannot be negative.")
	}
	return nil
}

// ChangeFlavor alters a flavor: its description, extra specs or the projects that may use it. Instances keep
// what they were made with.
func (s *Service) ChangeFlavor(ctx context.Context, id cloud.FlavorID, change func(f *cloud.Flavor) error) (*cloud.Flavor, error) {
	if err := mayManageFlavors(ctx); err != nil {
		return nil, err
	}
	var f *cloud.Flavor
	err := s.Tx.Update(ctx, func(ctx context.Context) (err error) {
		if f, err = s.Flavors.Get(ctx, id); err != nil {
			return err
		}
		if err := change(f); err != nil {
			return err
		}
		return s.Flavors.Update(ctx, f)
	})
	return f, err
}

// DeleteFlavor removes a flavor; instances made with it go on.
func (s *Service) DeleteFlavor(ctx context.Context, id cloud.FlavorID) error {
	if err := mayManageFlavors(ctx); err != nil {
		return err
	}
	return s.Flavors.Delete(ctx, id)
}

// EnsureFlavors makes the flavors of a first start if there is none at all.
func (s *Service) EnsureFlavors(ctx context.Context) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		n, err := s.Flavors.Count(ctx)
		if err != nil || n > 0 {
			return err
		}
		for i, f := range firstFlavors {
			f.ID = cloud.FlavorID(string(rune('1' + i)))
			f.Public, f.RxTxFactor = true, 1
			if err := s.Flavors.Insert(ctx, &f); err != nil {
				return err
			}
		}
		return nil
	})
}

var firstFlavors = []cloud.Flavor{
	{Name: "m1.tiny", FlavorSize: cloud.FlavorSize{VCPUs: 1, MemoryMiB: 256, DiskGiB: 1}},
	{Name: "m1.small", FlavorSize: cloud.FlavorSize{VCPUs: 1, MemoryMiB: 512, DiskGiB: 5}},
	{Name: "m1.medium", FlavorSize: cloud.FlavorSize{VCPUs: 2, MemoryMiB: 2048, DiskGiB: 20}},
	{Name: "m1.large", FlavorSize: cloud.FlavorSize{VCPUs: 4, MemoryMiB: 4096, DiskGiB: 40}},
	{Name: "m1.xlarge", FlavorSize: cloud.FlavorSize{VCPUs: 8, MemoryMiB: 8192, DiskGiB: 80}},
}
