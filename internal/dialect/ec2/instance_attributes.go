package ec2

import (
	"context"
	"encoding/base64"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

func (a *api) attributeActions() []*action {
	return []*action{
		done("ModifyInstanceAttribute", a.modifyInstance, "InstanceId Attribute Value BlockDeviceMappings DisableApiStop DisableApiTermination -EbsOptimized -EnaSupport Groups",
			"InstanceInitiatedShutdownBehavior InstanceType SourceDestCheck UserData -SriovNetSupport"),
		done("ResetInstanceAttribute", a.resetInstance, "InstanceId Attribute"),
		serve("DescribeInstanceAttribute", a.describeInstanceAttribute, "InstanceId Attribute"),
	}
}

// modifyInstance changes what the request names: by a member of its own, or in the older form by the attribute's name and value.
func (a *api) modifyInstance(ctx context.Context, in *shape.ModifyInstanceAttributeRequest) error {
	if err := spellOut(in); err != nil {
		return err
	}
	return a.Network.Together(ctx, func(ctx context.Context) error {
		v, err := findOne(ctx, instanceIDs, in.InstanceId, a.allInstances, viewID)
		if err != nil {
			return err
		}
		if v.Phase == cloud.PhaseDeleted {
			return wrongState(v.Instance, "changed")
		}
		for _, change := range []func(context.Context, *compute.View, *shape.ModifyInstanceAttributeRequest) error{
			a.changeType, a.changeUserData, a.changeGuards, a.changeInterface, a.changeKept} {
			if err := change(ctx, v, in); err != nil {
				return err
			}
		}
		return nil
	})
}

// spellOut turns the older form of a request into the newer one.
func spellOut(in *shape.ModifyInstanceAttributeRequest) error {
	if in.Attribute == "" || in.Value == "" && len(in.BlockDeviceMappings) > 0 {
		return nil
	}
	truth := &shape.AttributeBooleanValue{Value: new(in.Value == "true")}
	switch in.Attribute {
	case "instanceType":
		in.InstanceType = &shape.AttributeValue{Value: in.Value}
	case "userData":
		text, err := base64.StdEncoding.DecodeString(in.Value)
		if err != nil {
			return invalidParameter("Invalid BASE64 encoding of user data.")
		}
		in.UserData = &shape.BlobAttributeValue{Value: text}
	case "disableApiTermination":
		in.DisableApiTermination = truth
	case "disableApiStop":
		in.DisableApiStop = truth
	case "sourceDestCheck":
		in.SourceDestCheck = truth
	case "instanceInitiatedShutdownBehavior":
		in.InstanceInitiatedShutdownBehavior = &shape.AttributeValue{Value: in.Value}
	case "groupSet":
		in.Groups = append(in.Groups, in.Value)
	case "ebsOptimized", "enaSupport", "sriovNetSupport":
	default:
		return unsupported("The attribute '%s' cannot be changed here.", in.Attribute)
	}
	return nil
}

func (a *api) changeType(ctx context.Context, v *compute.View, in *shape.ModifyInstanceAttributeRequest) error {
	if in.InstanceType == nil {
		return nil
	}
	kind, err := a.instanceType(ctx, in.InstanceType.Value)
	if err != nil {
		return err
	}
	if stateOf(v.Instance).Name != stopped.Name {
		return bad("IncorrectInstanceState", "The instance '%s' is not in the 'stopped' state.", in.InstanceId)
	}
	return a.Compute.ResizeStopped(ctx, v.ID, kind.flavor.ID, kind.name)
}

// changeUserData is for the next start.
func (a *api) changeUserData(ctx context.Context, v *compute.View, in *shape.ModifyInstanceAttributeRequest) error {
	if in.UserData == nil {
		return nil
	}
	if stateOf(v.Instance).Name != stopped.Name {
		return bad("IncorrectInstanceState", "The instance '%s' is not in the 'stopped' state.", in.InstanceId)
	}
	if len(in.UserData.Value) > userDataMax {
		return invalidParameter("User data is limited to %d bytes", userDataMax)
	}
	_, err := a.Compute.UpdateInstance(ctx, v.ID, func(i *cloud.Instance) error {
		i.UserData = in.UserData.Value
		return nil
	})
	return err
}

// changeInterface changes what is the first interface's: its groups, and whether it may forward.
func (a *api) changeInterface(ctx context.Context, v *compute.View, in *shape.ModifyInstanceAttributeRequest) error {
	if in.SourceDestCheck == nil && len(in.Groups) == 0 {
		return nil
	}
	if len(v.Ports) != 1 {
		return bad("InvalidInstanceID", "There are %d interfaces attached to instance '%s'. Please specify an interface ID for the operation instead.", len(v.Ports), in.InstanceId)
	}
	port := v.Ports[0].Port
	if in.SourceDestCheck != nil && in.SourceDestCheck.Value != nil {
		if err := a.setForwarding(ctx, port, !*in.SourceDestCheck.Value); err != nil {
			return err
		}
	}
	if len(in.Groups) == 0 {
		return nil
	}
	return a.setGroups(ctx, port, in.Groups)
}

// changeKept says which volumes outlive the instance.
func (a *api) changeKept(ctx context.Context, v *compute.View, in *shape.ModifyInstanceAttributeRequest) error {
	for _, m := range in.BlockDeviceMappings {
		disk := diskCalled(v.Instance, m.DeviceName)
		if disk == nil {
			return bad("InvalidInstanceAttributeValue", "No device is currently mapped at %s", m.DeviceName)
		}
		if m.Ebs == nil || m.Ebs.DeleteOnTermination == nil {
			continue
		}
		if err := a.Compute.KeepVolume(ctx, v.ID, disk.VolumeID, !*m.Ebs.DeleteOnTermination); err != nil {
			return err
		}
	}
	return nil
}

// diskCalled finds a volume of an instance by its device name.
func diskCalled(in *cloud.Instance, name string) *cloud.InstanceDisk {
	for n := range in.Disks {
		if !in.Disks[n].Local && deviceShown(in, n) == name {
			return &in.Disks[n]
		}
	}
	return nil
}

func (a *api) resetInstance(ctx context.Context, in *shape.ResetInstanceAttributeRequest) error {
	if in.Attribute != "sourceDestCheck" {
		return unsupported("The attribute '%s' cannot be reset here.", in.Attribute)
	}
	return a.modifyInstance(ctx, &shape.ModifyInstanceAttributeRequest{InstanceId: in.InstanceId, SourceDestCheck: &shape.AttributeBooleanValue{Value: new(true)}})
}

func (a *api) describeInstanceAttribute(ctx context.Context, in *shape.DescribeInstanceAttributeRequest) (*shape.InstanceAttribute, error) {
	rows, _, err := a.chosenInstances(ctx, []string{in.InstanceId}, nil, nil, "")
	if err != nil {
		return nil, err
	}
	show := instanceAttributes[in.Attribute]
	if show == nil {
		return nil, invalidParameter("Value (%s) for parameter attribute is invalid. Unknown attribute.", in.Attribute)
	}
	out := &shape.InstanceAttribute{InstanceId: rows[0].shown.InstanceId}
	show(out, rows[0])
	return out, nil
}

// instanceAttributes show one attribute each.
var instanceAttributes = map[string]func(out *shape.InstanceAttribute, r *instanceRow){
	"blockDeviceMapping": func(out *shape.InstanceAttribute, r *instanceRow) {
		out.BlockDeviceMappings = r.shown.BlockDeviceMappings
	},
	"disableApiStop": func(out *shape.InstanceAttribute, r *instanceRow) {
		out.DisableApiStop = truthOf(r.view.Options.StopProtected)
	},
	"disableApiTermination": func(out *shape.InstanceAttribute, r *instanceRow) {
		out.DisableApiTermination = truthOf(r.view.Options.DeleteProtected)
	},
	"ebsOptimized": func(out *shape.InstanceAttribute, _ *instanceRow) { out.EbsOptimized = truthOf(false) },
	"enaSupport":   func(out *shape.InstanceAttribute, _ *instanceRow) { out.EnaSupport = truthOf(true) },
	"enclaveOptions": func(out *shape.InstanceAttribute, _ *instanceRow) {
		out.EnclaveOptions = &shape.EnclaveOptions{Enabled: new(false)}
	},
	"groupSet": func(out *shape.InstanceAttribute, r *instanceRow) { out.Groups = r.shown.SecurityGroups },
	"instanceInitiatedShutdownBehavior": func(out *shape.InstanceAttribute, r *instanceRow) {
		out.InstanceInitiatedShutdownBehavior = &shape.AttributeValue{Value: shutdownBehavior(r.view.Instance)}
	},
	"instanceType": func(out *shape.InstanceAttribute, r *instanceRow) {
		out.InstanceType = &shape.AttributeValue{Value: r.shown.InstanceType}
	},
	"kernel":       func(*shape.InstanceAttribute, *instanceRow) {},
	"productCodes": func(out *shape.InstanceAttribute, _ *instanceRow) { out.ProductCodes = []shape.ProductCode{} },
	"ramdisk":      func(*shape.InstanceAttribute, *instanceRow) {},
	"rootDeviceName": func(out *shape.InstanceAttribute, r *instanceRow) {
		out.RootDeviceName = &shape.AttributeValue{Value: r.shown.RootDeviceName}
	},
	"sourceDestCheck": func(out *shape.InstanceAttribute, r *instanceRow) {
		out.SourceDestCheck = &shape.AttributeBooleanValue{Value: r.shown.SourceDestCheck}
	},
	"sriovNetSupport": func(*shape.InstanceAttribute, *instanceRow) {},
	"userData": func(out *shape.InstanceAttribute, r *instanceRow) {
		out.UserData = &shape.AttributeValue{Value: base64.StdEncoding.EncodeToString(r.view.UserData)}
	},
}

func truthOf(b bool) *shape.AttributeBooleanValue { return &shape.AttributeBooleanValue{Value: &b} }
