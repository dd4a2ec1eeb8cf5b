package ec2

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

func (a *api) optionActions() []*action {
	return []*action{
		serve("MonitorInstances", a.monitorInstances, "InstanceIds"),
		serve("UnmonitorInstances", a.unmonitorInstances, "InstanceIds"),
		serve("ModifyInstanceMetadataOptions", a.modifyMetadata, "InstanceId HttpEndpoint HttpPutResponseHopLimit HttpTokens InstanceMetadataTags HttpProtocolIpv6"),
		serve("GetInstanceUefiData", a.getFirmwareData, "InstanceId"),
	}
}

// amazonFirmware is what guests that look for this kind of cloud find: their metadata is then in the layout they read.
var amazonFirmware = cloud.FirmwareIdentity{Manufacturer: "Amazon EC2", Product: "Nubo", UUIDPrefix: "ec2"}

// usualHops is how many hops an answer with a token goes when nobody says.
const usualHops = 1

// optionsOf are the options that a request for instances gives them.
func optionsOf(in *shape.RunInstancesRequest) (o cloud.InstanceOptions, err error) {
	o.DeleteProtected, o.StopProtected = isTrue(in.DisableApiTermination), isTrue(in.DisableApiStop)
	o.Monitored = in.Monitoring != nil && isTrue(in.Monitoring.Enabled)
	o.Firmware = amazonFirmware
	switch in.InstanceInitiatedShutdownBehavior {
	case "", "stop":
	case "terminate":
		o.DeleteOnShutdown = true
	default:
		return o, badShutdown(in.InstanceInitiatedShutdownBehavior)
	}
	if m := in.MetadataOptions; m != nil {
		var c compute.OptionChange
		if c, err = metadataChange(m.HttpEndpoint, m.HttpTokens, m.InstanceMetadataTags, m.HttpProtocolIpv6, m.HttpPutResponseHopLimit); err != nil {
			return o, err
		}
		put(&o.Metadata.Disabled, c.MetadataDisabled)
		put(&o.Metadata.TokensRequired, c.MetadataTokens)
		put(&o.Metadata.ShowProperties, c.MetadataProperties)
		put(&o.Metadata.HopLimit, c.MetadataHops)
	}
	return o, nil
}

func isTrue(b *bool) bool { return b != nil && *b }

func put[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func badShutdown(word string) error {
	return invalidParameter("Value (%s) for parameter instanceInitiatedShutdownBehavior is invalid: it is stop or terminate.", word)
}

// metadataChange is what the words for metadata's options mean.
func metadataChange(endpoint, tokens, tags, ipv6 string, hops *int) (c compute.OptionChange, err error) {
	if c.MetadataDisabled, err = choice("HttpEndpoint", endpoint, "disabled", "enabled"); err != nil {
		return c, err
	}
	if c.MetadataTokens, err = choice("HttpTokens", tokens, "required", "optional"); err != nil {
		return c, err
	}
	if c.MetadataProperties, err = choice("InstanceMetadataTags", tags, "enabled", "disabled"); err != nil {
		return c, err
	}
	if ipv6 == "enabled" {
		return c, unsupported("Metadata is served over IPv4 only.")
	}
	if hops != nil && (*hops < 1 || *hops > 64) {
		return c, invalidParameter("The hop limit is from 1 to 64, not %d.", *hops)
	}
	c.MetadataHops = hops
	return c, nil
}

// choice is whether a word is the one that means yes; nil for none.
func choice(parameter, word, yes, no string) (*bool, error) {
	switch word {
	case "":
		return nil, nil
	case yes, no:
		return new(word == yes), nil
	}
	return nil, invalidParameter("Value (%s) for parameter %s is invalid: it is %s or %s.", word, parameter, yes, no)
}

// changeGuards changes what an instance is protected from, and what its shutting down means.
func (a *api) changeGuards(ctx context.Context, v *compute.View, in *shape.ModifyInstanceAttributeRequest) error {
	c := compute.OptionChange{}
	if in.DisableApiTermination != nil {
		c.DeleteProtected = in.DisableApiTermination.Value
	}
	if in.DisableApiStop != nil {
		c.StopProtected = in.DisableApiStop.Value
	}
	if b := in.InstanceInitiatedShutdownBehavior; b != nil {
		if b.Value != "stop" && b.Value != "terminate" {
			return badShutdown(b.Value)
		}
		c.DeleteOnShutdown = new(b.Value == "terminate")
	}
	if c == (compute.OptionChange{}) {
		return nil
	}
	_, err := a.Compute.ChangeOptions(ctx, v.ID, c)
	return err
}

func shutdownBehavior(in *cloud.Instance) string {
	if in.Options.DeleteOnShutdown {
		return "terminate"
	}
	return "stop"
}

// metadataShown is how a guest reads metadata, in the protocol's words.
func metadataShown(m cloud.MetadataAccess) *shape.InstanceMetadataOptionsResponse {
	word := map[bool]string{true: "enabled", false: "disabled"}
	out := &shape.InstanceMetadataOptionsResponse{State: "applied", HttpEndpoint: word[!m.Disabled], HttpTokens: "optional", HttpProtocolIpv6: "disabled",
		InstanceMetadataTags: word[m.ShowProperties], HttpPutResponseHopLimit: new(max(m.HopLimit, usualHops))}
	if m.TokensRequired {
		out.HttpTokens = "required"
	}
	if m.Pending {
		out.State = "pending"
	}
	return out
}

func (a *api) modifyMetadata(ctx context.Context, in *shape.ModifyInstanceMetadataOptionsRequest) (*shape.ModifyInstanceMetadataOptionsResult, error) {
	i, err := a.oneInstance(ctx, in.InstanceId)
	if err != nil {
		return nil, err
	}
	c, err := metadataChange(in.HttpEndpoint, in.HttpTokens, in.InstanceMetadataTags, in.HttpProtocolIpv6, in.HttpPutResponseHopLimit)
	if err != nil {
		return nil, err
	}
	if i, err = a.Compute.ChangeOptions(ctx, i.ID, c); err != nil {
		return nil, err
	}
	return &shape.ModifyInstanceMetadataOptionsResult{InstanceId: id(instanceIDs, i.ID), InstanceMetadataOptions: metadataShown(i.Options.Metadata)}, nil
}

func (a *api) monitorInstances(ctx context.Context, in *shape.MonitorInstancesRequest) (*shape.MonitorInstancesResult, error) {
	monitored, err := a.monitor(ctx, in.InstanceIds, true)
	return &shape.MonitorInstancesResult{InstanceMonitorings: monitored}, err
}

func (a *api) unmonitorInstances(ctx context.Context, in *shape.UnmonitorInstancesRequest) (*shape.UnmonitorInstancesResult, error) {
	monitored, err := a.monitor(ctx, in.InstanceIds, false)
	return &shape.UnmonitorInstancesResult{InstanceMonitorings: monitored}, err
}

// monitor keeps the owner's wish; the numbers themselves are OpenStack's diagnostics and /metrics.
func (a *api) monitor(ctx context.Context, ids []string, on bool) (out []shape.InstanceMonitoring, err error) {
	err = a.Network.Together(ctx, func(ctx context.Context) error {
		out = nil
		list, err := a.instancesOf(ctx, ids)
		if err != nil {
			return err
		}
		for _, i := range list {
			if i.Phase == cloud.PhaseDeleted {
				return wrongState(i, "monitored")
			}
			if i, err = a.Compute.ChangeOptions(ctx, i.ID, compute.OptionChange{Monitored: &on}); err != nil {
				return err
			}
			out = append(out, shape.InstanceMonitoring{InstanceId: id(instanceIDs, i.ID), Monitoring: monitoring(i)})
		}
		return nil
	})
	return out, err
}

func monitoring(in *cloud.Instance) *shape.Monitoring {
	if in.Options.Monitored {
		return &shape.Monitoring{State: "enabled"}
	}
	return &shape.Monitoring{State: "disabled"}
}

// getFirmwareData has none: a guest's firmware starts anew each time.
func (a *api) getFirmwareData(ctx context.Context, in *shape.GetInstanceUefiDataRequest) (*shape.GetInstanceUefiDataResult, error) {
	if _, err := a.oneInstance(ctx, in.InstanceId); err != nil {
		return nil, err
	}
	return nil, unsupported("The firmware of instances keeps no variables here.")
}
