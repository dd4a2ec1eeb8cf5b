package ec2

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

// attachInterface plugs an interface into an instance, running or not.
func (a *api) attachInterface(ctx context.Context, in *shape.AttachNetworkInterfaceRequest) (*shape.AttachNetworkInterfaceResult, error) {
	if in.NetworkCardIndex != nil && *in.NetworkCardIndex != 0 {
		return nil, unsupported("Instances have one network card here, of index 0.")
	}
	if *in.DeviceIndex < 0 {
		return nil, invalidParameter("Invalid value '%d' for deviceIndex.", *in.DeviceIndex)
	}
	p, err := a.theInterface(ctx, in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	to, err := findOne(ctx, instanceIDs, in.InstanceId, a.instances, instanceID)
	if err != nil {
		return nil, err
	}
	if _, err := a.Compute.AttachPort(ctx, to.ID, cloud.NICRequest{PortID: p.ID, Order: in.DeviceIndex}); err != nil {
		return nil, err
	}
	return &shape.AttachNetworkInterfaceResult{AttachmentId: id(portUseIDs, p.ID), NetworkCardIndex: new(0)}, nil
}

// attached is the port whose attachment to an instance an id names.
func (a *api) attached(ctx context.Context, text string) (*cloud.Port, error) {
	return findOne(ctx, portUseIDs, text, func(ctx context.Context, where ...cloud.Cond) ([]*cloud.Port, error) {
		return a.ports(ctx, append(where, cloud.Eq("owner", string(cloud.OwnerInstance)))...)
	}, portID)
}

// detachInterface unplugs an interface, which stays also if it was to go with its instance.
func (a *api) detachInterface(ctx context.Context, in *shape.DetachNetworkInterfaceRequest) error {
	p, err := a.attached(ctx, in.AttachmentId)
	if err != nil {
		return err
	}
	if p.Order == 0 {
		return bad("OperationNotPermitted", "The network interface at device index 0 cannot be detached.")
	}
	return a.Network.Together(ctx, func(ctx context.Context) error {
		if _, err := a.Network.UpdatePort(ctx, p.ID, network.PortChange{DeleteWithInstance: new(false)}); err != nil {
			return err
		}
		return a.Compute.DetachPort(ctx, p.InstanceID, p.ID)
	})
}
