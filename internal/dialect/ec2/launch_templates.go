package ec2

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

func (a *api) templateActions() []*action {
	return []*action{
		serve("CreateLaunchTemplate", a.createTemplate, "LaunchTemplateName LaunchTemplateData VersionDescription TagSpecifications"),
		serve("CreateLaunchTemplateVersion", a.createTemplateVersion, "LaunchTemplateId LaunchTemplateName LaunchTemplateData SourceVersion VersionDescription -ResolveAlias"),
		serve("DescribeLaunchTemplates", a.describeTemplates, "LaunchTemplateIds LaunchTemplateNames Filters MaxResults NextToken"),
		serve("DescribeLaunchTemplateVersions", a.describeTemplateVersions, "LaunchTemplateId LaunchTemplateName Versions MinVersion MaxVersion Filters MaxResults NextToken -ResolveAlias"),
		serve("ModifyLaunchTemplate", a.modifyTemplate, "LaunchTemplateId LaunchTemplateName DefaultVersion"),
		serve("DeleteLaunchTemplate", a.deleteTemplate, "LaunchTemplateId LaunchTemplateName"),
		serve("DeleteLaunchTemplateVersions", a.deleteTemplateVersions, "LaunchTemplateId LaunchTemplateName Versions"),
		serve("GetLaunchTemplateData", a.getTemplateData, "InstanceId"),
	}
}

func (a *api) templates(ctx context.Context, where ...cloud.Cond) ([]*cloud.InstanceTemplate, error) {
	return a.Compute.ListTemplates(ctx, cloud.Where(append(where, own(ctx))...))
}

func templateID(t *cloud.InstanceTemplate) string { return string(t.ID) }

// template finds a template by id or by name.
func (a *api) template(ctx context.Context, text, name string) (*cloud.InstanceTemplate, error) {
	switch {
	case text != "" && name != "":
		return nil, invalidCombination("Specify either a launch template ID or a launch template name, not both.")
	case text != "":
		return findOne(ctx, templateIDs, text, a.templates, templateID)
	case name == "":
		return nil, missingParameter("LaunchTemplateId or LaunchTemplateName")
	}
	found, err := a.templates(ctx, cloud.Eq("name", name))
	if err == nil && len(found) == 0 {
		err = bad("InvalidLaunchTemplateName.NotFoundException", "The specified launch template, with template name %s, does not exist.", name)
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

func shownTemplate(t *cloud.InstanceTemplate) *shape.LaunchTemplate {
	return &shape.LaunchTemplate{LaunchTemplateId: id(templateIDs, t.ID), LaunchTemplateName: t.Name, CreateTime: &t.CreatedAt, CreatedBy: string(t.UserID),
		DefaultVersionNumber: new(int64(t.Default)), LatestVersionNumber: new(int64(t.Latest)), Tags: templateTags(t)}
}

func templateTags(t *cloud.InstanceTemplate) []shape.Tag { return tagsOf(t.Labels, "") }

func shownVersion(t *cloud.InstanceTemplate, v *cloud.TemplateVersion) (*shape.LaunchTemplateVersion, error) {
	data, err := shownData(v.Body)
	made, _ := time.Parse(time.RFC3339, v.CreatedAt) // written by the core
	return &shape.LaunchTemplateVersion{LaunchTemplateId: id(templateIDs, t.ID), LaunchTemplateName: t.Name, VersionNumber: new(int64(v.Number)),
		VersionDescription: v.Description, CreateTime: &made, CreatedBy: string(v.UserID), DefaultVersion: new(v.Number == t.Default), LaunchTemplateData: data}, err
}

func (a *api) createTemplate(ctx context.Context, in *shape.CreateLaunchTemplateRequest) (*shape.CreateLaunchTemplateResult, error) {
	if len(in.LaunchTemplateName) < 3 || len(in.LaunchTemplateName) > 128 {
		return nil, bad("InvalidLaunchTemplateName.MalformedException", "A launch template name has 3 to 128 characters.")
	}
	labels, err := tagsFor(in.TagSpecifications, "launch-template")
	if err != nil {
		return nil, err
	}
	data, err := a.dataOf(callOf(ctx))
	if err != nil {
		return nil, err
	}
	first := cloud.TemplateVersion{Description: in.VersionDescription, Dialect: dialectName, Body: []byte(data.Encode())}
	t, err := a.Compute.CreateTemplate(ctx, in.LaunchTemplateName, labels, first)
	if err != nil {
		return nil, err
	}
	return &shape.CreateLaunchTemplateResult{LaunchTemplate: shownTemplate(t)}, nil
}

// setAll is the change that adds labels.
func setAll(add map[string]string) labels {
	return func(labels map[string]string) error {
		for k, v := range add {
			labels[k] = v
		}
		return nil
	}
}

func (a *api) createTemplateVersion(ctx context.Context, in *shape.CreateLaunchTemplateVersionRequest) (*shape.CreateLaunchTemplateVersionResult, error) {
	t, err := a.template(ctx, in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	data, err := a.dataOf(callOf(ctx))
	if err != nil {
		return nil, err
	}
	if in.SourceVersion != "" {
		source, err := versionOf(t, in.SourceVersion)
		if err != nil {
			return nil, err
		}
		old, err := url.ParseQuery(string(source.Body))
		if err != nil {
			return nil, err
		}
		data = overlay(old, data)
	}
	t, err = a.Compute.AddTemplateVersion(ctx, t.ID, cloud.TemplateVersion{Description: in.VersionDescription, Dialect: dialectName, Body: []byte(data.Encode())})
	if err != nil {
		return nil, err
	}
	shown, err := shownVersion(t, &t.Versions[len(t.Versions)-1])
	return &shape.CreateLaunchTemplateVersionResult{LaunchTemplateVersion: shown}, err
}

var templateFields = fields[*cloud.InstanceTemplate]{
	"create-time":          one(func(t *cloud.InstanceTemplate) string { return instant(&t.CreatedAt) }),
	"launch-template-name": one(func(t *cloud.InstanceTemplate) string { return t.Name }),
}

func (a *api) describeTemplates(ctx context.Context, in *shape.DescribeLaunchTemplatesRequest) (*shape.DescribeLaunchTemplatesResult, error) {
	list, err := a.namedTemplates(ctx, in.LaunchTemplateIds, in.LaunchTemplateNames)
	if err != nil {
		return nil, err
	}
	if list, err = choose(list, templateFields, in.Filters, templateTags); err != nil {
		return nil, err
	}
	list, next, err := pageOf(list, in.MaxResults, in.NextToken, func(t *cloud.InstanceTemplate) string { return place(t.CreatedAt, t.ID) }, 1)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeLaunchTemplatesResult{NextToken: next}
	for _, t := range list {
		out.LaunchTemplates = append(out.LaunchTemplates, *shownTemplate(t))
	}
	return out, nil
}

func (a *api) namedTemplates(ctx context.Context, ids, names []string) ([]*cloud.InstanceTemplate, error) {
	if len(ids) == 0 && len(names) == 0 {
		return a.templates(ctx)
	}
	list, err := find(ctx, templateIDs, ids, a.templates, templateID)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		t, err := a.template(ctx, "", name)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// everyTemplate are the selectors that without a template choose of each.
var everyTemplate = []string{"$Latest", "$Default"}

func (a *api) describeTemplateVersions(ctx context.Context, in *shape.DescribeLaunchTemplateVersionsRequest) (*shape.DescribeLaunchTemplateVersionsResult, error) {
	versions, err := a.chosenVersions(ctx, in)
	if err != nil {
		return nil, err
	}
	if versions, err = choose(versions, versionFields, in.Filters, nil); err != nil {
		return nil, err
	}
	page, next, err := pageOf(versions, in.MaxResults, in.NextToken, func(v shape.LaunchTemplateVersion) string {
		return typePlace(fmt.Sprintf("%s/%010d", v.LaunchTemplateId, *v.VersionNumber))
	}, 1)
	return &shape.DescribeLaunchTemplateVersionsResult{LaunchTemplateVersions: page, NextToken: next}, err
}

var versionFields = fields[shape.LaunchTemplateVersion]{
	"create-time":        one(func(v shape.LaunchTemplateVersion) string { return instant(v.CreateTime) }),
	"ebs-optimized":      one(func(v shape.LaunchTemplateVersion) string { return yes(v.LaunchTemplateData.EbsOptimized) }),
	"image-id":           one(func(v shape.LaunchTemplateVersion) string { return v.LaunchTemplateData.ImageId }),
	"instance-type":      one(func(v shape.LaunchTemplateVersion) string { return v.LaunchTemplateData.InstanceType }),
	"is-default-version": one(func(v shape.LaunchTemplateVersion) string { return yes(v.DefaultVersion) }),
	"kernel-id":          one(func(v shape.LaunchTemplateVersion) string { return v.LaunchTemplateData.KernelId }),
	"ram-disk-id":        one(func(v shape.LaunchTemplateVersion) string { return v.LaunchTemplateData.RamDiskId }),
}

// chosenVersions are the versions of one template, or the latest or default ones of all.
func (a *api) chosenVersions(ctx context.Context, in *shape.DescribeLaunchTemplateVersionsRequest) ([]shape.LaunchTemplateVersion, error) {
	of, err := a.versionedTemplates(ctx, in)
	if err != nil {
		return nil, err
	}
	var out []shape.LaunchTemplateVersion
	for _, t := range of {
		wanted, err := wantedVersions(t, in)
		if err != nil {
			return nil, err
		}
		for _, v := range wanted {
			shown, err := shownVersion(t, v)
			if err != nil {
				return nil, err
			}
			out = append(out, *shown)
		}
	}
	slices.SortFunc(out, func(x, y shape.LaunchTemplateVersion) int {
		if c := strings.Compare(x.LaunchTemplateId, y.LaunchTemplateId); c != 0 {
			return c
		}
		return int(*x.VersionNumber - *y.VersionNumber)
	})
	return out, nil
}

func (a *api) versionedTemplates(ctx context.Context, in *shape.DescribeLaunchTemplateVersionsRequest) ([]*cloud.InstanceTemplate, error) {
	if in.LaunchTemplateId != "" || in.LaunchTemplateName != "" {
		t, err := a.template(ctx, in.LaunchTemplateId, in.LaunchTemplateName)
		return []*cloud.InstanceTemplate{t}, err
	}
	if len(in.Versions) == 0 || slices.ContainsFunc(in.Versions, func(v string) bool { return !slices.Contains(everyTemplate, v) }) {
		return nil, missingParameter("LaunchTemplateId or LaunchTemplateName")
	}
	return a.templates(ctx)
}

func wantedVersions(t *cloud.InstanceTemplate, in *shape.DescribeLaunchTemplateVersionsRequest) (wanted []*cloud.TemplateVersion, err error) {
	if len(in.Versions) > 0 {
		for _, selector := range in.Versions {
			v, err := versionOf(t, selector)
			if err != nil {
				return nil, err
			}
			if !slices.Contains(wanted, v) {
				wanted = append(wanted, v)
			}
		}
		return wanted, nil
	}
	least, most := 1, t.Latest
	for text, bound := range map[string]*int{in.MinVersion: &least, in.MaxVersion: &most} {
		if text == "" {
			continue
		}
		if *bound, err = strconv.Atoi(text); err != nil {
			return nil, bad("InvalidLaunchTemplateVersion.Malformed", "The version '%s' is not a number", text)
		}
	}
	for i := range t.Versions {
		if v := &t.Versions[i]; v.Dialect == dialectName && v.Number >= least && v.Number <= most {
			wanted = append(wanted, v)
		}
	}
	return wanted, nil
}

func (a *api) modifyTemplate(ctx context.Context, in *shape.ModifyLaunchTemplateRequest) (*shape.ModifyLaunchTemplateResult, error) {
	t, err := a.template(ctx, in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	if in.DefaultVersion != "" {
		v, err := versionOf(t, in.DefaultVersion)
		if err != nil {
			return nil, err
		}
		if t, err = a.Compute.DefaultTemplateVersion(ctx, t.ID, v.Number); err != nil {
			return nil, err
		}
	}
	return &shape.ModifyLaunchTemplateResult{LaunchTemplate: shownTemplate(t)}, nil
}

func (a *api) deleteTemplate(ctx context.Context, in *shape.DeleteLaunchTemplateRequest) (*shape.DeleteLaunchTemplateResult, error) {
	t, err := a.template(ctx, in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	return &shape.DeleteLaunchTemplateResult{LaunchTemplate: shownTemplate(t)}, a.Compute.DeleteTemplate(ctx, t.ID)
}

// deleteTemplateVersions deletes what it can and tells of each version.
func (a *api) deleteTemplateVersions(ctx context.Context, in *shape.DeleteLaunchTemplateVersionsRequest) (*shape.DeleteLaunchTemplateVersionsResult, error) {
	t, err := a.template(ctx, in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	out := &shape.DeleteLaunchTemplateVersionsResult{}
	for _, text := range in.Versions {
		number, err := strconv.Atoi(text)
		if err != nil {
			return nil, bad("InvalidLaunchTemplateVersion.Malformed", "The version '%s' is not a number", text)
		}
		if _, err := a.Compute.DeleteTemplateVersion(ctx, t.ID, number); err != nil {
			f := ofError(err)
			if cloud.Is(err, cloud.NotFound) {
				f.code = "launchTemplateVersionDoesNotExist"
			}
			out.UnsuccessfullyDeletedLaunchTemplateVersions = append(out.UnsuccessfullyDeletedLaunchTemplateVersions, shape.DeleteLaunchTemplateVersionsResponseErrorItem{
				LaunchTemplateId: id(templateIDs, t.ID), LaunchTemplateName: t.Name, VersionNumber: new(int64(number)), ResponseError: &shape.ResponseError{Code: f.code, Message: f.message}})
			continue
		}
		out.SuccessfullyDeletedLaunchTemplateVersions = append(out.SuccessfullyDeletedLaunchTemplateVersions, shape.DeleteLaunchTemplateVersionsResponseSuccessItem{
			LaunchTemplateId: id(templateIDs, t.ID), LaunchTemplateName: t.Name, VersionNumber: new(int64(number))})
	}
	return out, nil
}

// getTemplateData is a template for instances like one that there is.
func (a *api) getTemplateData(ctx context.Context, in *shape.GetLaunchTemplateDataRequest) (*shape.GetLaunchTemplateDataResult, error) {
	v, err := findOne(ctx, instanceIDs, in.InstanceId, a.allInstances, viewID)
	if err != nil {
		return nil, err
	}
	s, err := a.surroundings(ctx)
	if err != nil {
		return nil, err
	}
	i := s.instance(v)
	data := &shape.ResponseLaunchTemplateData{ImageId: i.ImageId, InstanceType: i.InstanceType, KeyName: i.KeyName, EbsOptimized: new(false),
		Monitoring: &shape.LaunchTemplatesMonitoring{Enabled: new(i.Monitoring.State == "enabled")},
		Placement:  &shape.LaunchTemplatePlacement{AvailabilityZone: i.Placement.AvailabilityZone, Tenancy: i.Placement.Tenancy}}
	for _, n := range i.NetworkInterfaces {
		data.NetworkInterfaces = append(data.NetworkInterfaces, shape.LaunchTemplateInstanceNetworkInterfaceSpecification{DeviceIndex: n.Attachment.DeviceIndex, SubnetId: n.SubnetId,
			DeleteOnTermination: n.Attachment.DeleteOnTermination, Description: n.Description, AssociatePublicIpAddress: new(n.Association != nil),
			Groups: valuesOf(n.Groups, func(g shape.GroupIdentifier) string { return g.GroupId })})
	}
	for _, d := range i.BlockDeviceMappings {
		data.BlockDeviceMappings = append(data.BlockDeviceMappings, shape.LaunchTemplateBlockDeviceMapping{DeviceName: d.DeviceName,
			Ebs: &shape.LaunchTemplateEbsBlockDevice{DeleteOnTermination: d.Ebs.DeleteOnTermination}})
	}
	if len(i.Tags) > 0 {
		data.TagSpecifications = []shape.LaunchTemplateTagSpecification{{ResourceType: "instance", Tags: i.Tags}}
	}
	return &shape.GetLaunchTemplateDataResult{LaunchTemplateData: data}, nil
}
