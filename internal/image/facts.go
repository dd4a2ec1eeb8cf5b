package image

import (
	"slices"
	"unicode/utf8"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Bounds on what an owner may write on an image. Values hold whole JSON documents of image catalogues.
const (
	nameMax       = 255
	propertiesMax = 128
	valueMaxBytes = 65535
	tagsMax       = 128
	membersMax    = 128
)

// checkFacts refuses an image that contradicts itself or passes a bound.
func checkFacts(i *cloud.Image) error {
	if !isUUID(string(i.ID)) {
		return cloud.Invalidf("image", "id", "Invalid image id format: '%s' is not a UUID.", i.ID)
	}
	if utf8.RuneCountInString(i.Name) > nameMax {
		return cloud.Invalidf("image", "name", "The name is longer than %d characters.", nameMax)
	}
	if !slices.Contains(visibilities, i.Visibility) {
		return cloud.Invalidf("image", "visibility", "'%s' is not a visibility: use one of %v.", i.Visibility, visibilities)
	}
	if i.MinDiskGiB < 0 || i.MinMemoryMiB < 0 {
		return cloud.Invalidf("image", "min_disk", "min_disk and min_ram must not be negative.")
	}
	if err := checkFormats(i); err != nil {
		return err
	}
	if err := checkProperties(i.Properties); err != nil {
		return err
	}
	if err := checkProperties(i.Labels); err != nil {
		return err
	}
	return checkTags(i.Tags)
}

var visibilities = []cloud.Visibility{cloud.VisibilityPublic, cloud.VisibilityCommunity, cloud.VisibilityShared, cloud.VisibilityPrivate}

func checkProperties(properties map[string]string) error {
	if len(properties) > propertiesMax {
		return limitPassed("properties", len(properties), propertiesMax)
	}
	for name, value := range properties {
		if name == "" || utf8.RuneCountInString(name) > nameMax {
			return cloud.Invalidf("image", name, "A property's name must have 1 to %d characters.", nameMax)
		}
		if len(value) > valueMaxBytes {
			return cloud.Invalidf("image", name, "The value of %s is longer than %d bytes.", name, valueMaxBytes)
		}
	}
	return nil
}

func checkTags(tags []string) error {
	if len(tags) > tagsMax {
		return limitPassed("tags", len(tags), tagsMax)
	}
	for _, t := range tags {
		if t == "" || utf8.RuneCountInString(t) > nameMax {
			return cloud.Invalidf("image", "tags", "A tag must have 1 to %d characters.", nameMax)
		}
	}
	return nil
}

func limitPassed(what string, n, most int) error {
	e := cloud.Errorf(cloud.TooLarge, "image", "", "The limit has been exceeded on the number of allowed image %s. Attempted: %d, Maximum: %d", what, n, most)
	e.Field = what
	return e
}

// tidyTags sorts tags and drops repeated ones.
func tidyTags(tags []string) []string {
	t := slices.Clone(tags)
	slices.Sort(t)
	return slices.Compact(t)
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for n, c := range []byte(s) {
		switch {
		case n == 8 || n == 13 || n == 18 || n == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}
