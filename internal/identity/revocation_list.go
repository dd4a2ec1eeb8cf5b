package identity

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Revoked says which tokens are void: those issued before a moment that fit all fields that are not empty.
type Revoked struct {
	IssuedBefore time.Time
	AuditID      string
	User         cloud.UserID
	Project      cloud.ProjectID
	Domain       cloud.DomainID
	Trust        cloud.TrustID
	Delegation   cloud.DelegationID
}

// ListRevoked lists what was voided after a moment, the oldest first. What is voided by a role's name, an application credential or an
// access key is left out: no field says so.
func (s *Service) ListRevoked(ctx context.Context, since time.Time) ([]Revoked, error) {
	if err := policy.Authorize(ctx, "revocation.list", policy.Target{}); err != nil {
		return nil, err
	}
	rows, err := s.Revocations.List(ctx, cloud.Where(cloud.Cond{Column: "created_at", Op: cloud.OpGt, Value: since},
		cloud.Cond{Column: "expires_at", Op: cloud.OpGt, Value: s.now()}))
	if err != nil {
		return nil, err
	}
	var list []Revoked
	for _, row := range rows {
		if c, ok := parseCause(row.ID); ok {
			r := c.revoked()
			if r != (Revoked{}) {
				r.IssuedBefore = row.CreatedAt
				list = append(list, r)
			}
		}
	}
	return list, nil
}

// revoked is what a cause voids, without the moment.
func (c cause) revoked() Revoked {
	switch c.kind {
	case voidToken:
		return Revoked{AuditID: base64.RawURLEncoding.EncodeToString([]byte(c.id))}
	case voidUser:
		return Revoked{User: cloud.UserID(c.id)}
	case voidProject:
		return Revoked{Project: cloud.ProjectID(c.id)}
	case voidDomain:
		return Revoked{Domain: cloud.DomainID(c.id)}
	case voidTrust:
		return Revoked{Trust: cloud.TrustID(c.id)}
	case voidDelegation:
		return Revoked{Delegation: cloud.DelegationID(c.id)}
	case voidGrant:
		kind, id, _ := strings.Cut(c.scope, " ") // as Scope.word writes it
		r := Revoked{User: cloud.UserID(c.id)}
		switch kind {
		case "project":
			r.Project = cloud.ProjectID(id)
		case "domain":
			r.Domain = cloud.DomainID(id)
		}
		return r
	}
	return Revoked{}
}
