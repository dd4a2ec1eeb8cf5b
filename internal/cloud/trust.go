package cloud

import "time"

// Trust lets one user, the trustee, act with some of the roles that another, the trustor, has on a project.
type Trust struct {
	ID        TrustID   `json:"id"`
	TrustorID UserID    `json:"trustor_id"`
	TrusteeID UserID    `json:"trustee_id"`
	ProjectID ProjectID `json:"project_id,omitempty"` // empty: no project and no roles, only the name
	Meta
	Roles         []RoleID   `json:"roles,omitempty"`
	Impersonation bool       `json:"impersonation,omitempty"` // the trustee acts under the trustor's name
	ExpiresAt     *time.Time `json:"expires_at,omitempty"`
	RemainingUses *int       `json:"remaining_uses,omitempty"` // tokens it is still good for; nil: any number
	// RedelegationCount is how many more trusts may follow this one in a row, each made with a token of the one before.
	RedelegationCount int            `json:"redelegation_count,omitempty"`
	ParentID          TrustID        `json:"parent_id,omitempty"` // the trust this one passes on
	Extra             map[string]any `json:"extra,omitempty"`
}
