package identity

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// checkFederated: what providers call a user are ways to sign in that exist here, and nobody else's. Call it in the
// transaction that writes u.
func (s *Service) checkFederated(ctx context.Context, u *cloud.User) error {
	if len(u.Federated) == 0 {
		return nil
	}
	if err := s.Tx.Lock(ctx, "federated users"); err != nil {
		return err
	}
	for _, f := range u.Federated {
		if f.UniqueID == "" {
			return cloud.Invalidf("user", "federated", "A federated identity needs the unique_id under which its provider knows the user.")
		}
		if _, err := s.Protocols.Get(ctx, cloud.NewProtocolID(f.ProviderID, f.Protocol)); cloud.Is(err, cloud.NotFound) {
			return cloud.Invalidf("user", "federated", "Could not find federated protocol %s for Identity Provider: %s.", f.Protocol, f.ProviderID)
		} else if err != nil {
			return err
		}
		other, err := s.Users.One(ctx, cloud.Eq("federated", f.Key()))
		if err == nil && other.ID != u.ID {
			return cloud.Errorf(cloud.AlreadyExists, "user", u.Name, "The provider %s knows user %s as %s.", f.ProviderID, other.ID, f.UniqueID)
		}
		if err != nil && !cloud.Is(err, cloud.NotFound) {
			return err
		}
	}
	return nil
}

// covers tells of a federated identity whether it has the parts that known has.
func covers(known cloud.FederatedID) func(cloud.FederatedID) bool {
	return func(f cloud.FederatedID) bool {
		return (known.ProviderID == "" || known.ProviderID == f.ProviderID) && (known.Protocol == "" || known.Protocol == f.Protocol) &&
			(known.UniqueID == "" || known.UniqueID == f.UniqueID)
	}
}
