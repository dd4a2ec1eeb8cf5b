package operator

import (
	"context"
	"fmt"
	"net/http"
)

// Explanation is what the cloud says would become of somebody who signs in with a token.
type Explanation struct {
	Refused    string            `json:"refused"` // why nothing would; empty: the person gets in
	Attributes map[string]string `json:"attributes"`
	Rules      []struct {
		Rule    int    `json:"rule"` // the first is 1
		Applies bool   `json:"applies"`
		Because string `json:"because"`
	} `json:"rules"`
	Gets          any      `json:"gets"`
	MissingGroups []string `json:"missing_groups"`
}

// Explain asks the cloud what an access token of a provider would lead to. Nothing comes of it.
func (c *Cloud) Explain(ctx context.Context, provider, protocol, token string) (x Explanation, err error) {
	var answer struct{ Explanation *Explanation }
	answer.Explanation = &x
	err = c.identity.call(ctx, http.MethodPost, c.identity.path(federation, providers, provider, "protocols", protocol, "explain"), object{"token": token}, &answer)
	if err != nil {
		err = fmt.Errorf("provider %s: %w", provider, err)
	}
	return x, err
}
