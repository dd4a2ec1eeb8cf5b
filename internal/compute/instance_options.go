package compute

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// hopLimitMax bounds how many hops away a guest's containers can be.
const hopLimitMax = 64

// OptionChange is what a change of an instance's options sets; nil stays.
type OptionChange struct {
	DeleteProtected, StopProtected, DeleteOnShutdown, Monitored *bool

	MetadataDisabled, MetadataTokens, MetadataProperties *bool
	MetadataHops                                         *int
}

// ChangeOptions changes an instance's options. How its guest reads metadata holds when its host has taken it over, which MetadataAccess.Pending
// shows; a host that is down takes it over when it is back.
func (s *Service) ChangeOptions(ctx context.Context, id cloud.InstanceID, c OptionChange) (*cloud.Instance, error) {
	var in *cloud.Instance
	err := s.Tx.Update(ctx, func(ctx context.Context) (err error) {
		if in, err = s.permitted(ctx, id, "instance.update"); err != nil {
			return err
		}
		o, was := &in.Options, in.Options.Metadata
		set(&o.DeleteProtected, c.DeleteProtected)
		set(&o.StopProtected, c.StopProtected)
		set(&o.DeleteOnShutdown, c.DeleteOnShutdown)
		set(&o.Monitored, c.Monitored)
		set(&o.Metadata.Disabled, c.MetadataDisabled)
		set(&o.Metadata.TokensRequired, c.MetadataTokens)
		set(&o.Metadata.ShowProperties, c.MetadataProperties)
		set(&o.Metadata.HopLimit, c.MetadataHops)
		if err := checkOptions(*o); err != nil {
			return err
		}
		o.Metadata.Pending = in.HostID != "" && (was.Pending || o.Metadata != was)
		if o.Metadata.Pending {
		}
		return s.Instances.Update(ctx, in)
	})
	return in, err
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func checkOptions(o cloud.InstanceOptions) error {
	if h := o.Metadata.HopLimit; h < 0 || h > hopLimitMax {
		return cloud.Invalidf(resource, "hop_limit", "A hop limit is a number from 1 to %d.", hopLimitMax)
	}
	return nil
}

// checkDeletable refuses to delete a protected instance by request.
func checkDeletable(in *cloud.Instance) error {
	if in.Options.DeleteProtected || in.Options.StopProtected {
		return cloud.Errorf(cloud.WrongState, "protected instance", in.ID, "Instance %s is protected from being deleted. Its owner can end that, and then delete it.", in.ID)
	}
	return nil
}

func checkStoppable(in *cloud.Instance) error {
	if in.Options.StopProtected {
		return cloud.Errorf(cloud.WrongState, "protected instance", in.ID, "Instance %s is protected from being stopped. Its owner can end that, and then stop it.", in.ID)
	}
	return nil
}
