package cloud

import "context"

type principalKey struct{}

// WithPrincipal makes p the caller of everything done with the context.
func WithPrincipal(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalOf is the caller. Without one it is a Principal with no scope and no
// role, whom policy allows nothing.
func PrincipalOf(ctx context.Context) *Principal {
	if p, ok := ctx.Value(principalKey{}).(*Principal); ok {
		return p
	}
	return &Principal{}
}

// System is the principal of the cloud's own work (Operations, reconcilers, first start):
// an administrator of the system.
func System() *Principal {
	return &Principal{UserName: "nubo", System: true, Roles: []string{"admin", "manager", "member", "reader"}}
}
