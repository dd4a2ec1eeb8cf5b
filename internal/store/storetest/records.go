package storetest

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/store"
)

// What was inserted is what is got; updates change it, deletes end it.
func lifeOfARow(t *testing.T, s *store.Store) {
	in := instance("a", func(i *cloud.Instance) {
		i.Properties = map[string]string{"k": "v"}
		i.Flavor = cloud.FlavorSnapshot{FlavorID: "f", FlavorSize: cloud.FlavorSize{VCPUs: 2, RxTxFactor: 1.5}}
		i.Fault = &cloud.Fault{Kind: cloud.NoCapacity, Message: "no <room> & no \u2028 time"}
		i.UserData = []byte{0, 1, 255}
	})
	must(t, s.Instances.Insert(ctx, in))
	if in.Revision == 0 || in.CreatedAt.IsZero() || !in.UpdatedAt.Equal(in.CreatedAt) {
		t.Fatalf("Insert left Meta at %+v", in.Meta)
	}
	got, err := s.Instances.Get(ctx, "a")
	must(t, err)
	if !reflect.DeepEqual(got, in) {
		t.Fatalf("got  %+v\nwant %+v", got, in)
	}
	before := *got
	got.Name, got.Description = "new", new(string)
	must(t, s.Instances.Update(ctx, got))
	if got.Revision <= before.Revision || got.UpdatedAt.Before(before.UpdatedAt) || !got.CreatedAt.Equal(before.CreatedAt) {
		t.Fatalf("Update left Meta at %+v, was %+v", got.Meta, before.Meta)
	}
	again, err := s.Instances.Get(ctx, "a")
	must(t, err)
	if !reflect.DeepEqual(again, got) {
		t.Fatalf("got  %+v\nwant %+v", again, got)
	}
	must(t, s.Instances.Delete(ctx, "a"))
	_, err = s.Instances.Get(ctx, "a")
	e := wantKind(t, err, cloud.NotFound)
	if e.Resource != "instance" || e.ID != "a" {
		t.Fatalf("NotFound is about %s %s", e.Resource, e.ID)
	}
	wantKind(t, s.Instances.Delete(ctx, "a"), cloud.NotFound)
	wantKind(t, s.Instances.Update(ctx, got), cloud.NotFound)
}

// Of two who read the same revision, the second to write is told so, and its noun keeps
// the Meta it had. A row made again under the same id is not taken for the old one.
func lostUpdate(t *testing.T, s *store.Store) {
	must(t, s.Instances.Insert(ctx, instance("a")))
	one, err := s.Instances.Get(ctx, "a")
	must(t, err)
	two, err := s.Instances.Get(ctx, "a")
	must(t, err)
	must(t, s.Instances.Update(ctx, one))
	meta := two.Meta
	wantKind(t, s.Instances.Update(ctx, two), cloud.Conflict)
	if !reflect.DeepEqual(two.Meta, meta) {
		t.Fatalf("a failed Update changed Meta from %+v to %+v", meta, two.Meta)
	}
	must(t, s.Instances.Delete(ctx, "a"))
	must(t, s.Instances.Insert(ctx, instance("a")))
	wantKind(t, s.Instances.Update(ctx, one), cloud.Conflict)
}

// An id exists once, and times that are given are kept.
func insertTwice(t *testing.T, s *store.Store) {
	at := time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC)
	first := instance("a", func(i *cloud.Instance) { i.CreatedAt = at })
	must(t, s.Instances.Insert(ctx, first))
	second := instance("a")
	e := wantKind(t, s.Instances.Insert(ctx, second), cloud.AlreadyExists)
	if e.Resource != "instance" || e.Field != "id" || second.Revision != 0 || !second.CreatedAt.IsZero() {
		t.Fatalf("error %+v, noun %+v", e, second.Meta)
	}
	got, err := s.Instances.Get(ctx, "a")
	must(t, err)
	if !got.CreatedAt.Equal(at) || !got.UpdatedAt.Equal(at) {
		t.Fatalf("times %v and %v, want %v", got.CreatedAt, got.UpdatedAt, at)
	}
}

// What a caller does to a result does not reach other callers.
func resultsBelongToTheCaller(t *testing.T, s *store.Store) {
	must(t, s.Routers.Insert(ctx, &cloud.Router{ID: "r", Tags: []string{"a"}, Gateway: &cloud.RouterGateway{NetworkID: "n"}}))
	for range 2 {
		got, err := s.Routers.Get(ctx, "r")
		must(t, err)
		if got.Name != "" || got.Tags[0] != "a" || got.Gateway.NetworkID != "n" {
			t.Fatalf("another caller's changes are seen: %+v", got)
		}
		got.Name, got.Tags[0], got.Gateway.NetworkID = "x", "x", "x"
		list, err := s.Routers.List(ctx, cloud.Query{})
		must(t, err)
		if list[0].Name != "" || list[0].Tags[0] != "a" || list[0].Gateway.NetworkID != "n" {
			t.Fatalf("another caller's changes are seen in a list: %+v", list[0])
		}
		list[0].Gateway.NetworkID = "y"
	}
}

// Each rule of uniqueness holds within its scope only, and the error names the field.
func uniqueFields(t *testing.T, s *store.Store) {
	for _, c := range []struct {
		rule          string
		first, second func() error
		field         string // empty: both may exist
	}{
		{"flavor name", ins(s.Flavors, &cloud.Flavor{ID: "1", Name: "m1"}), ins(s.Flavors, &cloud.Flavor{ID: "2", Name: "m1"}), "name"},
		{"flavor name respects case", ins(s.Flavors, &cloud.Flavor{ID: "3", Name: "a"}), ins(s.Flavors, &cloud.Flavor{ID: "4", Name: "A"}), ""},
		{"domain name, any case", ins(s.Domains, &cloud.Domain{ID: "1", Name: "Default"}), ins(s.Domains, &cloud.Domain{ID: "2", Name: "default"}), "name"},
		{"project name below one parent", ins(s.Projects, &cloud.Project{ID: "1", DomainID: "d", Name: "x"}), ins(s.Projects, &cloud.Project{ID: "2", DomainID: "d", Name: "X"}), "name"},
		{"project name in two domains", ins(s.Projects, &cloud.Project{ID: "3", DomainID: "d", Name: "y"}), ins(s.Projects, &cloud.Project{ID: "4", DomainID: "e", Name: "y"}), ""},
		{"user name", ins(s.Users, &cloud.User{ID: "1", DomainID: "d", Name: "Ana"}), ins(s.Users, &cloud.User{ID: "2", DomainID: "d", Name: "ana"}), "name"},
		{"user name in two domains", ins(s.Users, &cloud.User{ID: "3", DomainID: "d", Name: "b"}), ins(s.Users, &cloud.User{ID: "4", DomainID: "e", Name: "b"}), ""},
		{"group name", ins(s.Groups, &cloud.Group{ID: "1", DomainID: "d", Name: "g"}), ins(s.Groups, &cloud.Group{ID: "2", DomainID: "d", Name: "G"}), "name"},
		{"role name", ins(s.Roles, &cloud.Role{ID: "1", Name: "admin"}), ins(s.Roles, &cloud.Role{ID: "2", Name: "Admin"}), "name"},
		{"role name of a domain", ins(s.Roles, &cloud.Role{ID: "3", Name: "r"}), ins(s.Roles, &cloud.Role{ID: "4", Name: "r", DomainID: "d"}), ""},
		{"key pair", ins(s.KeyPairs, &cloud.KeyPair{ID: "u/k", Name: "k"}), ins(s.KeyPairs, &cloud.KeyPair{ID: "u/k", Name: "k"}), "id"},
		{"MAC on a network", ins(s.Ports, &cloud.Port{ID: "1", NetworkID: "n", MAC: "fa:16:3e:00:00:01"}), ins(s.Ports, &cloud.Port{ID: "2", NetworkID: "n", MAC: "fa:16:3e:00:00:01"}), "mac"},
		{"MAC on two networks", ins(s.Ports, &cloud.Port{ID: "3", NetworkID: "n", MAC: "fa:16:3e:00:00:02"}), ins(s.Ports, &cloud.Port{ID: "4", NetworkID: "m", MAC: "fa:16:3e:00:00:02"}), ""},
		{"address", ins(s.AddressUses, &cloud.AddressUse{ID: "s/10.0.0.1", SubnetID: "s", Sort: "1"}), ins(s.AddressUses, &cloud.AddressUse{ID: "s/10.0.0.1", SubnetID: "s", Sort: "1"}), "id"},
		{"rule of a group", ins(s.SecurityGroupRules, &cloud.SecurityGroupRule{ID: "1", GroupID: "g", Key: "k"}), ins(s.SecurityGroupRules, &cloud.SecurityGroupRule{ID: "2", GroupID: "g", Key: "k"}), "key"},
		{"rule of two groups", ins(s.SecurityGroupRules, &cloud.SecurityGroupRule{ID: "3", GroupID: "g", Key: "l"}), ins(s.SecurityGroupRules, &cloud.SecurityGroupRule{ID: "4", GroupID: "h", Key: "l"}), ""},
		{"default group of a project", ins(s.SecurityGroups, &cloud.SecurityGroup{ID: "1", ProjectID: "p", Default: true}), ins(s.SecurityGroups, &cloud.SecurityGroup{ID: "2", ProjectID: "p", Default: true}), "default"},
		{"other groups of a project", ins(s.SecurityGroups, &cloud.SecurityGroup{ID: "3", ProjectID: "p"}), ins(s.SecurityGroups, &cloud.SecurityGroup{ID: "4", ProjectID: "p"}), ""},
		{"registered limit", ins(s.RegisteredLimits, &cloud.RegisteredLimit{ID: "1", LimitSubject: cloud.LimitSubject{ServiceID: "s", Resource: "r"}}), ins(s.RegisteredLimits, &cloud.RegisteredLimit{ID: "2", LimitSubject: cloud.LimitSubject{ServiceID: "s", Resource: "r"}}), "resource"},
		{"limit", ins(s.Limits, &cloud.Limit{ID: "1", LimitSubject: cloud.LimitSubject{ServiceID: "s", Resource: "r"}, ProjectID: "p"}), ins(s.Limits, &cloud.Limit{ID: "2", LimitSubject: cloud.LimitSubject{ServiceID: "s", Resource: "r"}, ProjectID: "p"}), "resource"},
		{"application credential", ins(s.ApplicationCredentials, &cloud.ApplicationCredential{ID: "1", UserID: "u", Name: "c"}), ins(s.ApplicationCredentials, &cloud.ApplicationCredential{ID: "2", UserID: "u", Name: "c"}), "name"},
		{"host name", ins(s.Hosts, &cloud.Host{ID: "1", Name: "h", Number: 1}), ins(s.Hosts, &cloud.Host{ID: "2", Name: "h", Number: 2}), "name"},
		{"host number", ins(s.Hosts, &cloud.Host{ID: "3", Name: "i", Number: 7}), ins(s.Hosts, &cloud.Host{ID: "4", Name: "j", Number: 7}), "number"},
		{"volume type name", ins(s.VolumeTypes, &cloud.VolumeType{ID: "1", Name: "fast"}), ins(s.VolumeTypes, &cloud.VolumeType{ID: "2", Name: "fast"}), "name"},
		{"running Operations of a subject", ins(s.Operations, op("1", "running")), ins(s.Operations, op("2", "unwinding")), "subject"},
		{"waiting Operations of a subject", ins(s.Operations, op("3", "pending")), ins(s.Operations, op("4", "pending")), ""},
	} {
		if err := c.first(); err != nil {
			t.Fatalf("%s: %v", c.rule, err)
		}
		err := c.second()
		if c.field == "" {
			if err != nil {
				t.Errorf("%s: both should exist: %v", c.rule, err)
			}
			continue
		}
		e, ok := cloud.AsError(err)
		if !ok || e.Kind != cloud.AlreadyExists || e.Field != c.field || !strings.Contains(e.Message, c.field) || e.Resource == "" {
			t.Errorf("%s: got %#v, want AlreadyExists on %s", c.rule, err, c.field)
		}
	}
	updateToTaken(t, s)
}

// updateToTaken: an Update breaks the rules no more than an Insert.
func updateToTaken(t *testing.T, s *store.Store) {
	must(t, s.Flavors.Insert(ctx, &cloud.Flavor{ID: "free", Name: "free"}))
	f, err := s.Flavors.Get(ctx, "free")
	must(t, err)
	f.Name = "m1"
	e := wantKind(t, s.Flavors.Update(ctx, f), cloud.AlreadyExists)
	if e.Field != "name" || e.Resource != "flavor" {
		t.Fatalf("got %+v", e)
	}
}

func ins[T any, ID ~string](r cloud.Records[T, ID], noun *T) func() error {
	return func() error { return r.Insert(ctx, noun) }
}

func op(id string, state cloud.OperationState) *cloud.Operation {
	return &cloud.Operation{ID: cloud.OperationID(id), Subject: "instance/a", State: state}
}

// The usage ledger can only be added to.
func ledger(t *testing.T, s *store.Store) {
	e := &cloud.UsageEvent{ID: "1", Kind: cloud.UsageInstanceStarted}
	must(t, s.UsageEvents.Insert(ctx, e))
	wantKind(t, s.UsageEvents.Update(ctx, e), cloud.Internal)
	wantKind(t, s.UsageEvents.Delete(ctx, "1"), cloud.Internal)
	_, err := s.UsageEvents.Get(ctx, "1")
	must(t, err)
}

// Text that a database may refuse (NUL, broken UTF-8) or misread (quotes, question
// marks, placeholders) does no harm, as a value and as an id.
func oddText(t *testing.T, s *store.Store) {
	for _, name := range []string{"nul\x00nul", "bro\xffken", "it's \"?\" $1 ; --", "\u00e9\U0001F600", ""} {
		id := cloud.InstanceID("id-" + name)
		must(t, s.Instances.Insert(ctx, &cloud.Instance{ID: id, Name: name}))
		n, err := s.Instances.Count(ctx, cloud.Eq("name", name))
		must(t, err)
		if n != 1 {
			t.Errorf("%q is found %d times by its name", name, n)
		}
		if _, err := s.Instances.Get(ctx, id); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		must(t, s.Instances.Delete(ctx, id))
	}
}

// One answers the only match, NotFound, or that there are several.
func oneRow(t *testing.T, s *store.Store) {
	insertInstances(t, s, 3, func(n int, i *cloud.Instance) {})
	got, err := s.Instances.One(ctx, cloud.Eq("name", "name-i00001"))
	must(t, err)
	if got.ID != "i00001" {
		t.Fatalf("got %s", got.ID)
	}
	_, err = s.Instances.One(ctx, cloud.Eq("name", "nobody"))
	wantKind(t, err, cloud.NotFound)
	_, err = s.Instances.One(ctx, cloud.Eq("project_id", "p1"))
	wantKind(t, err, cloud.Internal)
	must(t, s.View(ctx, func(ctx context.Context) error {
		_, err := s.Instances.One(ctx, cloud.Eq("name", "name-i00002"))
		return err
	}))
}
