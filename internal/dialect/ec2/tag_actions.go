package ec2

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

func (a *api) tagActions() []*action {
	return []*action{
		done("CreateTags", a.createTags, "Resources Tags"),
		done("DeleteTags", a.deleteTags, "Resources Tags"),
		serve("DescribeTags", a.describeTags, "Filters MaxResults NextToken"),
	}
}

// createTags puts tags on things of several kinds, on all of them or on none.
func (a *api) createTags(ctx context.Context, in *shape.CreateTagsRequest) error {
	if len(in.Tags) == 0 {
		return missingParameter("Tag")
	}
	wanted, err := labelsOf(in.Tags)
	if err != nil {
		return err
	}
	return a.changeTags(ctx, in.Resources, func(labels map[string]string) error {
		for k, v := range wanted {
			labels[k] = v
		}
		if len(labels) > tagsMax {
			return tooManyTags()
		}
		return nil
	})
}

// deleteTags removes the tags named; one that is named with a value only if it has that; without tags, all.
func (a *api) deleteTags(ctx context.Context, in *shape.DeleteTagsRequest) error {
	valued := valuedTags(callOf(ctx).Parameters)
	return a.changeTags(ctx, in.Resources, func(labels map[string]string) error {
		if len(in.Tags) == 0 {
			clear(labels)
			return nil
		}
		for _, t := range in.Tags {
			if !valued[t.Key] || labels[t.Key] == t.Value {
				delete(labels, t.Key)
			}
		}
		return nil
	})
}

// valuedTags are the keys of tags that were given with a value, be it the empty text: only here that is not the same as none.
func valuedTags(parameters url.Values) map[string]bool {
	valued := map[string]bool{}
	for name := range parameters {
		if tag, ok := strings.CutSuffix(name, ".Value"); ok {
			valued[parameters.Get(tag+".Key")] = true
		}
	}
	return valued
}

// changeTags changes the labels of everything that ids name, in one transaction.
func (a *api) changeTags(ctx context.Context, ids []string, edit labels) error {
	byKind := map[string][]string{}
	kinds := a.taggables()
	for _, text := range ids {
		i := slices.IndexFunc(kinds, func(k taggable) bool {
			return strings.HasPrefix(text, k.ids.prefix+"-") && !strings.Contains(text[len(k.ids.prefix)+1:], "-")
		})
		if i < 0 {
			return bad("InvalidID", "The ID '%s' is not valid", text)
		}
		byKind[kinds[i].ids.prefix] = append(byKind[kinds[i].ids.prefix], text)
	}
	return a.Network.Together(ctx, func(ctx context.Context) error {
		for _, k := range kinds {
			found, err := find(ctx, k.ids, byKind[k.ids.prefix], k.list, func(t thing) string { return t.id })
			if err != nil {
				return err
			}
			for _, t := range found {
				if err := k.change(ctx, t.id, edit); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// tagRow is a tag with what it is on.
type tagRow struct{ shape.TagDescription }

var tagFields = fields[tagRow]{
	"key":           one(func(t tagRow) string { return t.Key }),
	"value":         func(t tagRow) []string { return []string{t.Value} },
	"resource-id":   one(func(t tagRow) string { return t.ResourceId }),
	"resource-type": one(func(t tagRow) string { return t.ResourceType }),
}

func (a *api) describeTags(ctx context.Context, in *shape.DescribeTagsRequest) (*shape.DescribeTagsResult, error) {
	rows, err := a.tagRows(ctx, in.Filters)
	if err != nil {
		return nil, err
	}
	if rows, err = choose(rows, tagFields, in.Filters, nil); err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(x, y tagRow) int { return strings.Compare(x.place(), y.place()) })
	rows, next, err := pageOf(rows, in.MaxResults, in.NextToken, tagRow.place, 5)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeTagsResult{NextToken: next}
	for _, r := range rows {
		out.Tags = append(out.Tags, r.TagDescription)
	}
	return out, nil
}

// place orders tags by what they are on, then by key. The digits that tokens begin with say nothing here.
func (t tagRow) place() string { return strings.Repeat("0", 20) + "/" + t.ResourceId + "/" + t.Key }

// tagRows are the tags of all kinds that filters on the type do not leave out.
func (a *api) tagRows(ctx context.Context, filters []shape.Filter) ([]tagRow, error) {
	var rows []tagRow
	for _, k := range a.taggables() {
		if !mayHold(filters, "resource-type", k.resource) {
			continue
		}
		list, err := k.list(ctx)
		if err != nil {
			return nil, err
		}
		for _, t := range list {
			for _, tag := range t.tags {
				rows = append(rows, tagRow{shape.TagDescription{Key: tag.Key, Value: tag.Value, ResourceId: k.ids.of(t.id), ResourceType: k.resource}})
			}
		}
	}
	return rows, nil
}

// mayHold tells whether filters let through what has this value in a field.
func mayHold(filters []shape.Filter, name, value string) bool {
	for _, f := range filters {
		if f.Name == name && !slices.ContainsFunc(f.Values, func(p string) bool { return matches(p, value) }) {
			return false
		}
	}
	return true
}

// The tags that say which launch template an instance was made of. No client can write them.
const (
	templateIDTag      = "aws:ec2launchtemplate:id"
	templateVersionTag = "aws:ec2launchtemplate:version"
)

// instanceTags are an instance's properties as tags, and those that the service itself has given it. Its name is a tag, unless it is
// the one that was made up for it.
func instanceTags(in *cloud.Instance) []shape.Tag {
	name := in.Name
	if name == id(instanceIDs, in.ID) {
		name = ""
	}
	tags := tagsOf(in.Properties, name)
	if in.Template.ID != "" {
		tags = append(tags, shape.Tag{Key: templateIDTag, Value: id(templateIDs, in.Template.ID)}, shape.Tag{Key: templateVersionTag, Value: strconv.Itoa(in.Template.Version)})
		slices.SortFunc(tags, func(x, y shape.Tag) int { return strings.Compare(x.Key, y.Key) })
	}
	return tags
}

func (a *api) labelInstance(ctx context.Context, text string, edit labels) error {
	_, err := a.Compute.UpdateInstance(ctx, cloud.InstanceID(text), func(in *cloud.Instance) error {
		labels, name := map[string]string{}, in.Name
		for k, v := range in.Properties {
			labels[k] = v
		}
		if name == id(instanceIDs, in.ID) {
			name = ""
		}
		err := named(labels, name, edit, func(to string) error {
			if in.Name = to; to == "" {
				in.Name = id(instanceIDs, in.ID)
			}
			return nil
		})
		in.Properties = labels
		return err
	})
	return err
}
