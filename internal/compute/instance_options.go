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
			s.tell(ctx, id)
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

// PortsChanged has guests told what is new about their addresses and groups.
func (s *Service) PortsChanged(id cloud.InstanceID) { s.tell(context.Background(), id) }

// tell lets the host know of new metadata when ctx's transaction is on disk, without making the caller wait. A host that misses
// it gets everything when it is back.
func (s *Service) tell(ctx context.Context, id cloud.InstanceID) {
	s.Tx.After(ctx, func() {
		go func() {
			if err := s.tellNow(cloud.WithPrincipal(context.Background(), cloud.System()), id); err != nil {
				s.Log.Info("host did not take new metadata", "instance", id, "error", err)
			}
		}()
	})
}

func (s *Service) tellNow(ctx context.Context, id cloud.InstanceID) error {
	in, g, err := s.guest(ctx, id)
	if gone(err) || err == nil && (in.HostID == "" || in.Phase == cloud.PhaseFailed) {
		return nil
	}
	if err != nil {
		return err
	}
	agent, err := s.Hosts.Agent(ctx, in.HostID)
	if err != nil {
		return err
	}
	if err := agent.TellGuest(ctx, g); err != nil {
		return err
	}
	return s.told(ctx, in)
}

// told notes that the host has the options that in shows. Those that were changed since are still to come.
func (s *Service) told(ctx context.Context, in *cloud.Instance) error {
	if !in.Options.Metadata.Pending {
		return nil
	}
	sent := in.Options.Metadata
	_, err := s.update(ctx, in.ID, func(in *cloud.Instance) error {
		if in.Options.Metadata == sent {
			in.Options.Metadata.Pending = false
		}
		return nil
	})
	if gone(err) {
		return nil
	}
	return err
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
