package cloud

import "context"

// Visit is a request from outside, for those who account for it. Whoever learns more about it on its way writes it down here;
// a visit is one goroutine's.
type Visit struct {
	From, Agent  string // the client's address, and what it calls itself
	Method, Path string
	RequestID    string
	Principal    *Principal // once the credential was verified
}

type visitKey struct{}

// WithVisit makes everything done with the context be done for a request.
func WithVisit(ctx context.Context, v *Visit) context.Context {
	return context.WithValue(ctx, visitKey{}, v)
}

// VisitOf is the request that something is done for. Without one it is a Visit that nobody looks at.
func VisitOf(ctx context.Context) *Visit {
	if v, ok := ctx.Value(visitKey{}).(*Visit); ok {
		return v
	}
	return &Visit{}
}

// SignIn is an attempt to sign in, for those who account for it.
type SignIn struct {
	UserID     UserID
	UserName   string
	DomainID   DomainID // the user's
	ProjectID  ProjectID
	ProviderID IdentityProviderID // by whose word; empty: this cloud's own
	Protocol   string             // or the method, without a provider
	UniqueID   string             // the person's at the provider
	Refused    string             // why; empty: accepted
}
