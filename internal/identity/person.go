package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/mapping"
)

// settlePerson makes a user of a person whom only the provider knows, once, and writes down what it says of the person now.
func (s *Service) settlePerson(ctx context.Context, v vouching, said Said, got *mapping.Result) (who *subject, err error) {
	unique, name := uniqueID(said, got.User)
	if unique == "" {
		return nil, s.turnedAway("the mapping gives the person neither a name nor an id", "provider", said.ProviderID)
	}
	known := cloud.FederatedID{ProviderID: said.ProviderID, Protocol: said.Protocol, UniqueID: unique}
	who = &subject{methods: []string{said.Protocol}, provider: said.ProviderID, protocol: said.Protocol}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		// What a mapping names by name must be found before anything is made.
		groups, err := s.mappedGroups(ctx, said, got)
		if err != nil {
			return err
		}
		domain, err := s.personsDomain(ctx, v, got.User)
		if err != nil {
			return err
		}
		if who.user, err = s.person(ctx, known, domain, name, got.User.Email); err != nil {
			return err
		}
		if err := s.provision(ctx, v, who.user, got.Projects); err != nil {
			return err
		}
		st, err := s.standing(ctx, v, said, who.user.ID, groups)
		if err != nil {
			return err
		}
		// A refresh token is good once: the new one must not be lost.
		return s.stand(ctx, st, said.Proof.Refresh != "")
	})
	return who, err
}

// personsDomain is the provider's, unless rules of a later version name another.
func (s *Service) personsDomain(ctx context.Context, v vouching, u mapping.User) (cloud.DomainID, error) {
	if v.mapping.Version == mapping.V1 || u.Domain == nil || u.Domain.ID == "" && u.Domain.Name == "" {
		return v.provider.DomainID, nil
	}
	id, err := s.findDomain(ctx, DomainRef{ID: cloud.DomainID(u.Domain.ID), Name: u.Domain.Name})
	if err == nil {
		_, err = s.Domains.Get(ctx, id)
	}
	if cloud.Is(err, cloud.NotFound) {
		return "", s.turnedAway("the mapping names a domain that is not here", "provider", v.provider.ID, "domain", *u.Domain)
	}
	return id, err
}

// person finds the user that a provider means, or makes it. Its id follows from who it is, so that it is the same for ever,
// whatever is deleted here meanwhile and by whichever of the provider's protocols the person comes.
func (s *Service) person(ctx context.Context, known cloud.FederatedID, domain cloud.DomainID, name, email string) (*cloud.User, error) {
	u, err := s.Users.One(ctx, cloud.Eq("federated", known.Key()))
	if cloud.Is(err, cloud.NotFound) {
		u, err = s.Users.Get(ctx, personID(domain, known))
	}
	if cloud.Is(err, cloud.NotFound) {
		u = &cloud.User{ID: personID(domain, known), DomainID: domain, Email: email, Enabled: true, Federated: []cloud.FederatedID{known}}
		if u.Name, err = s.freeName(ctx, domain, name, u.ID); err != nil {
			return nil, err
		}
		return u, s.Users.Insert(ctx, u)
	}
	if err != nil {
		return nil, err
	}
	return u, s.refreshPerson(ctx, u, known, name, email)
}

func personID(domain cloud.DomainID, known cloud.FederatedID) cloud.UserID {
	sum := sha256.Sum256([]byte(string(domain) + "\x00" + string(known.ProviderID) + "\x00" + known.UniqueID))
	return cloud.UserID(hex.EncodeToString(sum[:]))
}

// refreshPerson takes over what the provider says now, if it is something else.
func (s *Service) refreshPerson(ctx context.Context, u *cloud.User, known cloud.FederatedID, name, email string) error {
	fresh := *u
	if !slices.Contains(u.Federated, known) {
		fresh.Federated = append(slices.Clone(u.Federated), known)
	}
	if email != "" {
		fresh.Email = email
	}
	if u.Name != name && u.Name != nameOf(name, u.ID) {
		free, err := s.freeName(ctx, u.DomainID, name, u.ID)
		if err != nil {
			return err
		}
		fresh.Name = free
	}
	if fresh.Name == u.Name && fresh.Email == u.Email && len(fresh.Federated) == len(u.Federated) {
		return nil
	}
	*u = fresh
	return s.Users.Update(ctx, u)
}

// freeName is the name, or one that says whose it is where another has it: display names are not unique at a provider.
func (s *Service) freeName(ctx context.Context, domain cloud.DomainID, name string, id cloud.UserID) (string, error) {
	if len(name) > nameMax {
		name = name[:nameMax]
	}
	other, err := s.Users.One(ctx, cloud.Eq("domain_id", domain), cloud.Eq("name_lower", name))
	if cloud.Is(err, cloud.NotFound) {
		return name, nil
	}
	if err == nil && other.ID != id {
		name = nameOf(name, id)
	}
	return name, err
}

func nameOf(name string, id cloud.UserID) string { return name + " (" + string(id)[:8] + ")" }

// standing is what a provider says of a user now, and how long that counts.
func (s *Service) standing(ctx context.Context, v vouching, said Said, user cloud.UserID, groups []cloud.GroupID) (*cloud.Standing, error) {
	now := s.now().Truncate(time.Microsecond)
	st := &cloud.Standing{ID: cloud.NewStandingID(user, said.ProviderID, said.Protocol), UserID: user, ProviderID: said.ProviderID,
		Protocol: said.Protocol, Groups: groups, Until: now.Add(s.Options.TokenLifetime)}
	if m := v.provider.MembershipMinutes; m != nil {
		st.Until = later(st.Until, now.Add(time.Duration(*m)*time.Minute))
	}
	return st, s.sealProof(ctx, st, said.Proof)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
