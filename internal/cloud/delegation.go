package cloud

import "time"

// Application is a program of somebody else's that users may let act for them. It proves itself with a secret that it signs with,
// so the store holds that sealed and not hashed.
type Application struct {
	ID ApplicationID `json:"id"`
	Meta
	Description string `json:"description"`
	Sealed      []byte `json:"sealed"`
}

// DelegationRequest is an application's wish to act on a project. A user grants it by naming roles, and tells
// the application the verifier, with which it is exchanged for a Delegation.
type DelegationRequest struct {
	ID            DelegationRequestID `json:"id"`
	ApplicationID ApplicationID       `json:"application_id"`
	ProjectID     ProjectID           `json:"project_id"`
	Meta
	Sealed    []byte    `json:"sealed"`
	ExpiresAt time.Time `json:"expires_at"`
	UserID    UserID    `json:"user_id,omitempty"` // who granted it; empty: nobody yet
	Roles     []RoleID  `json:"roles,omitempty"`
	Verifier  []byte    `json:"verifier,omitempty"` // sealed
}

// Delegation lets an application act as a user, with some of the user's roles on one project.
type Delegation struct {
	ID            DelegationID  `json:"id"`
	ApplicationID ApplicationID `json:"application_id"`
	UserID        UserID        `json:"user_id"`
	ProjectID     ProjectID     `json:"project_id"`
	Meta
	Sealed    []byte    `json:"sealed"`
	ExpiresAt time.Time `json:"expires_at"`
	Roles     []RoleID  `json:"roles"`
}

// UsedSignature is the mark of a signature that was accepted: none with the same mark is accepted again before it expires.
type UsedSignature struct {
	ID string `json:"id"`
	Meta
	ExpiresAt time.Time `json:"expires_at"`
}
