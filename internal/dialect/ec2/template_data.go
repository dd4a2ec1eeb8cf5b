package ec2

import (
	"context"
	"encoding/json"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/dialect/wire/awsquery"
)

// The data of a launch template is kept as the parameters it was sent in, without what they begin with: they are then parameters of
// RunInstances. What a request gives itself takes the place of what the template gives.

const dataPrefix = "LaunchTemplateData."

// dataOf are the parameters of a template that a request holds, checked as if instances were run with them.
func (a *api) dataOf(call *Call) (url.Values, error) {
	data := url.Values{}
	for name, values := range call.Parameters {
		if rest, ok := strings.CutPrefix(name, dataPrefix); ok {
			data[rest] = values
		}
	}
	run := a.actions["RunInstances"]
	given := awsquery.Given(data)
	for _, name := range awsquery.Members(reflect.TypeFor[shape.RequestLaunchTemplateData]()) {
		if _, taken := run.taken[name]; given[name] && !taken && !awsquery.Off(data, name) {
			return nil, unsupported("The parameter %s%s is not supported by this cloud.", dataPrefix, name)
		}
	}
	return data, awsquery.Decode(data, new(shape.RequestLaunchTemplateData))
}

// overlay is data with the members that over gives in their place.
func overlay(data, over url.Values) url.Values {
	given, out := awsquery.Given(over), url.Values{}
	for name, values := range data {
		if first, _, _ := strings.Cut(name, "."); !given[first] {
			out[name] = values
		}
	}
	for name, values := range over {
		out[name] = values
	}
	return out
}

// fillFromTemplate lays the request over the template that it names, if any, and answers which that is.
func (a *api) fillFromTemplate(ctx context.Context, in *shape.RunInstancesRequest) (use cloud.TemplateUse, err error) {
	if in.LaunchTemplate == nil {
		return use, nil
	}
	t, err := a.template(ctx, in.LaunchTemplate.LaunchTemplateId, in.LaunchTemplate.LaunchTemplateName)
	if err != nil {
		return use, err
	}
	v, err := versionOf(t, in.LaunchTemplate.Version)
	if err != nil {
		return use, err
	}
	data, err := url.ParseQuery(string(v.Body))
	if err != nil {
		return use, err
	}
	filled := new(shape.RunInstancesRequest)
	if err := awsquery.Decode(overlay(data, callOf(ctx).Parameters), filled); err != nil {
		return use, err
	}
	*in = *filled
	return cloud.TemplateUse{ID: t.ID, Version: v.Number}, nil
}

// dialectName marks what this dialect has written, and can read.
const dialectName = "ec2"

// versionOf finds the version that a selector means: a number, $Latest or $Default, which is the usual one.
func versionOf(t *cloud.InstanceTemplate, selector string) (*cloud.TemplateVersion, error) {
	number := t.Default
	switch selector {
	case "", "$Default":
	case "$Latest":
		number = t.Latest
	default:
		n, err := strconv.Atoi(selector)
		if err != nil {
			return nil, bad("InvalidLaunchTemplateVersion.Malformed", "The version '%s' is neither a number nor $Latest or $Default", selector)
		}
		number = n
	}
	for i := range t.Versions {
		if v := &t.Versions[i]; v.Number == number && v.Dialect == dialectName {
			return v, nil
		}
	}
	return nil, bad("InvalidLaunchTemplateId.VersionNotFound", "Could not find the specified version %s for the launch template with ID %s.", selector, id(templateIDs, t.ID))
}

// shownData is a template's data as answers have it. Requests and answers call the same things by the same names.
func shownData(body []byte) (*shape.ResponseLaunchTemplateData, error) {
	data, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	asked := new(shape.RequestLaunchTemplateData)
	if err := awsquery.Decode(data, asked); err != nil {
		return nil, err
	}
	text, err := json.Marshal(asked)
	if err != nil {
		return nil, err
	}
	shown := new(shape.ResponseLaunchTemplateData)
	return shown, json.Unmarshal(text, shown)
}
