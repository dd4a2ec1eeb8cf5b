// Package dialect says what a front end is: a translator between one protocol
// and the use cases. It decodes, makes one call, encodes; it decides nothing.
// Each dialect is a folder below; nothing but package daemon imports them.
package dialect

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Authenticator turns a token into the caller. Package identity implements it.
type Authenticator interface {
	// Verify answers Unauthenticated for a token that is unknown, expired, revoked or forged.
	Verify(ctx context.Context, token string) (*cloud.Principal, error)
}
