package cloud

// Secret is something a user keeps here to show or check later: a pair of access keys, the
// seed of one-time passwords, a certificate. The store holds it sealed.
type Secret struct {
	ID        SecretID  `json:"id"`
	UserID    UserID    `json:"user_id"`
	ProjectID ProjectID `json:"project_id,omitempty"`
	Meta
	Type   string `json:"type"` // the front ends' own word; the core reads nothing into it
	Sealed []byte `json:"sealed"`
}
