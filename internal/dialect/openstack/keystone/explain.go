package keystone

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// explainSignIn says what somebody's access token would lead to. It is ours: Keystone has a tool on its host for the rules alone.
func (a *api) explainSignIn(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Token string `json:"token"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if body.Token == "" {
		return cloud.Invalidf("request", "token", "An access token of the provider is needed.")
	}
	x, err := a.identity.Explain(r.Context(), providerID(r), r.PathValue("protocol"), body.Token)
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "explanation", explanationObject(x))
}

func explanationObject(x *identity.Explanation) object {
	rules := make([]object, len(x.Rules))
	for i, r := range x.Rules {
		rules[i] = object{"rule": i + 1, "applies": r.Applies, "because": orNull(r.Because)}
	}
	v := object{"refused": orNull(x.Refused), "attributes": x.Assertion, "rules": rules, "gets": nil, "missing_groups": orEmpty(x.Missing)}
	if x.Got != nil {
		v["gets"] = object{"user": x.Got.User, "group_ids": orEmpty(x.Got.GroupIDs), "groups": orEmpty(x.Got.Groups), "projects": orEmpty(x.Got.Projects)}
	}
	return v
}
