package ec2_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// TestActions proves what happens with actions that are served, known, or neither.
func TestActions(t *testing.T) {
	w := newWorld(t)
	w.refused("InvalidAction", "MakeCoffee")
	w.refused("MissingAction", "")
	w.refused("UnsupportedOperation", "CreateFleet")
	w.refused("UnknownParameter", "DescribeRegions", "Colour", "red")
	w.refused("MissingParameter", "CreateKeyPair")
	w.refused("InvalidParameterValue", "DeleteKeyPair", "KeyName", "k", "DryRun", "maybe")
}

// TestEveryActionThatHasShapesIsServed proves that the list of shapes and the tables of handlers are the same.
func TestEveryActionThatHasShapesIsServed(t *testing.T) {
	w := newWorld(t)
	for _, name := range shape.Served {
		if w.api.Actions()[name] == nil {
			t.Errorf("%s has shapes and no handler", name)
		}
	}
	for name := range w.api.Actions() {
		if !slices.Contains(shape.Served, name) {
			t.Errorf("%s has a handler and no shapes", name)
		}
	}
}

// TestDryRun proves that a rehearsal says what would happen and changes nothing.
func TestDryRun(t *testing.T) {
	w := newWorld(t)
	w.refused("DryRunOperation", "CreateKeyPair", "KeyName", "k", "DryRun", "true")
	w.refused("InvalidKeyPair.NotFound", "DescribeKeyPairs", "KeyName.1", "k")
	w.do("CreateKeyPair", "KeyName", "k", "DryRun", "false")
	w.refused("InvalidKeyPair.Duplicate", "CreateKeyPair", "KeyName", "k", "DryRun", "true")
}

// TestPlaces proves regions and zones.
func TestPlaces(t *testing.T) {
	w := newWorld(t)
	if got := fmt.Sprint(w.do("DescribeRegions").texts("regionInfo/regionName")); got != "[test-1 us-east-1]" {
		t.Errorf("regions: %s", got)
	}
	w.refused("InvalidParameterValue", "DescribeRegions", "RegionName.1", "elsewhere")
	w.refused("InvalidParameterValue", "DescribeRegions", "Filter.1.Name", "colour", "Filter.1.Value.1", "red")
	zone := w.do("DescribeAvailabilityZones", "Filter.1.Name", "zoneName", "Filter.1.Value.1", "test-?a").all("availabilityZoneInfo")[0]
	if zone.get("zoneName") != "test-1a" || zone.get("zoneState") != "available" || zone.get("zoneId") != "test1-az1" {
		t.Errorf("zone: %+v", zone)
	}
	w.filtersWork("DescribeAvailabilityZones", "availabilityZoneInfo", map[string]string{"zone-name": "test-1a", "zone-id": "test1-az1", "state": "available",
		"region-name": "test-1", "group-name": "test-1", "zone-type": "availability-zone", "opt-in-status": "opt-in-not-required", "network-border-group": "test-1"})
	if got := w.do("DescribeAccountAttributes", "AttributeName.0", "supported-platforms").texts("accountAttributeSet/attributeValueSet/attributeValue"); fmt.Sprint(got) != "[VPC]" {
		t.Errorf("platforms: %v", got)
	}
}

// TestKeyPairs proves that keys are made, taken in, found and deleted, and what their fingerprints are.
func TestKeyPairs(t *testing.T) {
	w := newWorld(t)
	made := w.do("CreateKeyPair", "KeyName", "made", "TagSpecification.1.ResourceType", "key-pair", "TagSpecification.1.Tag.1.Key", "team", "TagSpecification.1.Tag.1.Value", "blue")
	if !strings.HasPrefix(made.get("keyMaterial"), "-----BEGIN RSA PRIVATE KEY-----") || len(made.get("keyFingerprint")) != 59 {
		t.Errorf("made: %+v", made)
	}
	ed := w.do("CreateKeyPair", "KeyName", "ed", "KeyType", "ed25519")
	if !strings.HasPrefix(ed.get("keyMaterial"), "-----BEGIN OPENSSH PRIVATE KEY-----") {
		t.Errorf("ed25519: %s", ed.get("keyMaterial"))
	}
	w.refused("InvalidKeyPair.Duplicate", "CreateKeyPair", "KeyName", "made")
	w.refused("InvalidKey.Format", "ImportKeyPair", "KeyName", "in", "PublicKeyMaterial", "bm8ga2V5")
	w.filtersWork("DescribeKeyPairs", "keySet", map[string]string{"key-name": "ma*", "key-pair-id": made.get("keyPairId"),
		"fingerprint": made.get("keyFingerprint"), "tag:team": "blue", "tag-key": "team", "tag-value": "bl?e"})
	w.refused("InvalidKeyPair.NotFound", "DescribeKeyPairs", "KeyName.1", "made", "KeyName.2", "other")
	if got := w.do("DeleteKeyPair", "KeyName", "never was").get("return"); got != "true" {
		t.Errorf("deleting an unknown key: %s", got)
	}
	w.do("DeleteKeyPair", "KeyPairId", made.get("keyPairId"))
	if got := w.do("DescribeKeyPairs").texts("keySet/keyName"); fmt.Sprint(got) != "[ed]" {
		t.Errorf("left: %v", got)
	}
}

// TestTags proves that tags are put on, found and taken off, and which are refused.
func TestTags(t *testing.T) {
	w := newWorld(t)
	key := w.do("CreateKeyPair", "KeyName", "k").get("keyPairId")
	w.do("CreateTags", "ResourceId.0", key, "Tag.0.Key", "a", "Tag.0.Value", "1", "Tag.1.Key", "b", "Tag.1.Value", "")
	w.refused("InvalidParameterValue", "CreateTags", "ResourceId.1", key, "Tag.1.Key", "aws:x", "Tag.1.Value", "1")
	w.refused("InvalidParameterValue", "CreateTags", "ResourceId.1", key, "Tag.1.Key", "a", "Tag.2.Key", "a")
	w.refused("InvalidID", "CreateTags", "ResourceId.1", "thing-1", "Tag.1.Key", "a")
	w.refused("InvalidKeyPair.NotFound", "CreateTags", "ResourceId.1", "key-0123456789abcdef0", "Tag.1.Key", "a")
	w.filtersWork("DescribeTags", "tagSet", map[string]string{"key": "a", "value": "1", "resource-id": key, "resource-type": "key-pair"})
	w.do("DeleteTags", "ResourceId.1", key, "Tag.1.Key", "a", "Tag.1.Value", "2")
	of := []string{"Filter.1.Name", "resource-id", "Filter.1.Value.1", key}
	if got := len(w.do("DescribeTags", of...).all("tagSet")); got != 2 {
		t.Errorf("a tag with another value was deleted: %d are left", got)
	}
	w.do("DeleteTags", "ResourceId.1", key, "Tag.1.Key", "b")
	w.do("DeleteTags", "ResourceId.1", key, "Tag.1.Key", "a", "Tag.1.Value", "1")
	if got := w.do("DescribeTags", of...).texts("tagSet/key"); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}
