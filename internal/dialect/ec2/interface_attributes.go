package ec2

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) describeInterfaceAttribute(ctx context.Context, in *shape.DescribeNetworkInterfaceAttributeRequest) (*shape.DescribeNetworkInterfaceAttributeResult, error) {
	p, err := a.theInterface(ctx, in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	n, err := a.showInterface(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeNetworkInterfaceAttributeResult{NetworkInterfaceId: n.NetworkInterfaceId}
	switch in.Attribute {
	case "description":
		out.Description = &shape.AttributeValue{Value: n.Description}
	case "groupSet":
		out.Groups = n.Groups
	case "sourceDestCheck":
		out.SourceDestCheck = &shape.AttributeBooleanValue{Value: n.SourceDestCheck}
	case "attachment":
		out.Attachment = n.Attachment
	case "associatePublicIpAddress":
		out.AssociatePublicIpAddress = new(p.Public)
	case "":
		return nil, missingParameter("attribute")
	default:
		return nil, invalidParameter("Value (%s) for parameter attribute is invalid. Unknown attribute.", in.Attribute)
	}
	return out, nil
}

// modifyInterface changes one attribute, as the protocol has it.
func (a *api) modifyInterface(ctx context.Context, in *shape.ModifyNetworkInterfaceAttributeRequest) error {
	p, err := a.theInterface(ctx, in.NetworkInterfaceId)
	if err != nil {
		return err
	}
	var changes []network.PortChange
	if in.Description != nil {
		changes = append(changes, network.PortChange{Description: &in.Description.Value})
	}
	if in.SourceDestCheck != nil && in.SourceDestCheck.Value != nil {
		changes = append(changes, network.PortChange{Forwards: new(!*in.SourceDestCheck.Value)})
	}
	if len(in.Groups) > 0 {
		groups, err := a.groupsOfIDs(ctx, in.Groups)
		if err != nil {
			return err
		}
		changes = append(changes, network.PortChange{Groups: &groups})
	}
	if in.Attachment != nil {
		change, err := attachmentChange(p, in.Attachment)
		if err != nil {
			return err
		}
		changes = append(changes, change)
	}
	if len(changes) != 1 {
		return invalidCombination("Exactly one attribute can be modified in a request: description, groups, source/destination check or attachment.")
	}
	_, err = a.Network.UpdatePort(ctx, p.ID, changes[0])
	return err
}

func attachmentChange(p *cloud.Port, in *shape.NetworkInterfaceAttachmentChanges) (c network.PortChange, err error) {
	switch {
	case in.EnaQueueCount != nil || in.DefaultEnaQueueCount != nil:
		return c, unsupported("The number of an interface's queues cannot be chosen here.")
	case in.AttachmentId == "":
		return c, missingParameter("attachment.attachmentId")
	case in.DeleteOnTermination == nil:
		return c, missingParameter("attachment.deleteOnTermination")
	}
	if _, err := portUseIDs.short(in.AttachmentId); err != nil {
		return c, err
	}
	if p.InstanceID == "" || in.AttachmentId != id(portUseIDs, p.ID) {
		return c, portUseIDs.missing(in.AttachmentId)
	}
	return network.PortChange{DeleteWithInstance: in.DeleteOnTermination}, nil
}

// resetInterface: the one attribute that can be reset is the source/destination check.
func (a *api) resetInterface(ctx context.Context, in *shape.ResetNetworkInterfaceAttributeRequest) error {
	p, err := a.theInterface(ctx, in.NetworkInterfaceId)
	if err != nil {
		return err
	}
	return a.setForwarding(ctx, p, false)
}

// setForwarding lets an interface send what is not its own, or not.
func (a *api) setForwarding(ctx context.Context, p *cloud.Port, on bool) error {
	_, err := a.Network.UpdatePort(ctx, p.ID, network.PortChange{Forwards: &on})
	return err
}

// setGroups puts an interface into other groups.
func (a *api) setGroups(ctx context.Context, p *cloud.Port, ids []string) error {
	groups, err := a.groupsOfIDs(ctx, ids)
	if err != nil {
		return err
	}
	_, err = a.Network.UpdatePort(ctx, p.ID, network.PortChange{Groups: &groups})
	return err
}

// groupsOfIDs are our ids of groups.
func (a *api) groupsOfIDs(ctx context.Context, texts []string) ([]cloud.SecurityGroupID, error) {
	groups, err := find(ctx, groupIDs, texts, a.groups, groupID)
	return idsOf(groups, func(g *cloud.SecurityGroup) cloud.SecurityGroupID { return g.ID }), err
}
