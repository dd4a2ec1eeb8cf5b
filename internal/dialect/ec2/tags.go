package ec2

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// nameTag is the tag that is the name of what has a name.
const nameTag = "Name"

// The limits of tags, in characters and per resource.
const (
	tagKeyMax   = 128
	tagValueMax = 256
	tagsMax     = 50
)

// tagsOf are labels as tags, in the order of their keys. name, if there is one, is the tag of that key.
func tagsOf(labels map[string]string, name string) []shape.Tag {
	if len(labels) == 0 && name == "" {
		return nil
	}
	all := maps.Clone(labels)
	if name != "" {
		if all == nil {
			all = map[string]string{}
		}
		all[nameTag] = name
	}
	tags := make([]shape.Tag, 0, len(all))
	for _, key := range slices.Sorted(maps.Keys(all)) {
		tags = append(tags, shape.Tag{Key: key, Value: all[key]})
	}
	return tags
}

func tagKeys(tags []shape.Tag) (keys []string) {
	for _, t := range tags {
		keys = append(keys, t.Key)
	}
	return keys
}

func tagValues(tags []shape.Tag) (values []string) {
	for _, t := range tags {
		values = append(values, t.Value)
	}
	return values
}

func valueOf(tags []shape.Tag, key string) []string {
	for _, t := range tags {
		if t.Key == key {
			return []string{t.Value}
		}
	}
	return nil
}

// checkTag refuses what no tag may be.
func checkTag(t shape.Tag) error {
	switch {
	case t.Key == "":
		return invalidParameter("Tag keys must not be empty.")
	case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
		return invalidParameter("Tag keys starting with 'aws:' are reserved for internal use.")
	case utf8.RuneCountInString(t.Key) > tagKeyMax:
		return invalidParameter("Tag key exceeds the maximum length of %d characters.", tagKeyMax)
	case utf8.RuneCountInString(t.Value) > tagValueMax:
		return invalidParameter("Tag value exceeds the maximum length of %d characters.", tagValueMax)
	}
	return nil
}

// labelsOf are tags as labels, checked: keys may be given once.
func labelsOf(tags []shape.Tag) (map[string]string, error) {
	labels := map[string]string{}
	for _, t := range tags {
		if err := checkTag(t); err != nil {
			return nil, err
		}
		if _, twice := labels[t.Key]; twice {
			return nil, invalidParameter("Duplicate tag key '%s' specified.", t.Key)
		}
		labels[t.Key] = t.Value
	}
	if len(labels) > tagsMax {
		return nil, tooManyTags()
	}
	return labels, nil
}

func tooManyTags() error {
	return bad("TagLimitExceeded", "A resource has at most %d tags.", tagsMax)
}

// tagsFor are the labels that a request asks for on what it makes of one type. makes are all types that it makes something of.
func tagsFor(specs []shape.TagSpecification, of string, makes ...string) (map[string]string, error) {
	var tags []shape.Tag
	for _, s := range specs {
		if s.ResourceType == "" {
			return nil, missingParameter("TagSpecification.ResourceType")
		}
		if s.ResourceType != of && !slices.Contains(makes, s.ResourceType) {
			return nil, invalidParameter("'%s' is not a valid taggable resource type for this operation.", s.ResourceType)
		}
		if s.ResourceType == of {
			tags = append(tags, s.Tags...)
		}
	}
	return labelsOf(tags)
}

// splitName takes the name out of labels, for nouns that have one.
func splitName(labels map[string]string) (name string, rest map[string]string) {
	rest = maps.Clone(labels)
	name = rest[nameTag]
	delete(rest, nameTag)
	return name, rest
}

// thing is something with tags, as CreateTags and DescribeTags see it.
type thing struct {
	id   string // ours
	tags []shape.Tag
}

// taggable is a kind of things with tags.
type taggable struct {
	ids      idKind
	resource string // as tags' resource-type calls it
	list     func(ctx context.Context, where ...cloud.Cond) ([]thing, error)
	// change has edit change the labels of one thing. Its name, if it has one, is among them under nameTag.
	change func(ctx context.Context, id string, edit func(labels map[string]string) error) error
}

// things makes the list of a kind out of the list of its noun.
func things[T any](list lister[T], of func(T) thing) func(ctx context.Context, where ...cloud.Cond) ([]thing, error) {
	return func(ctx context.Context, where ...cloud.Cond) ([]thing, error) {
		rows, err := list(ctx, where...)
		if err != nil {
			return nil, err
		}
		out := make([]thing, len(rows))
		for i, row := range rows {
			out[i] = of(row)
		}
		return out, nil
	}
}
