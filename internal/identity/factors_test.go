package identity

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// An account's rules ask for all methods of one of them; what is no rule asks for nothing.
func TestFactors(t *testing.T) {
	two, one := []any{"password", "token"}, []any{"application_credential"}
	for name, c := range map[string]struct {
		options map[string]any
		methods []string
		want    bool
	}{
		"no rules":          {nil, []string{"password"}, true},
		"one of two":        {map[string]any{"multi_factor_auth_rules": []any{two}}, []string{"password"}, false},
		"both":              {map[string]any{"multi_factor_auth_rules": []any{two}}, []string{"token", "password"}, true},
		"by the other rule": {map[string]any{"multi_factor_auth_rules": []any{two, one}}, []string{"application_credential"}, true},
		"suspended":         {map[string]any{"multi_factor_auth_rules": []any{two}, "multi_factor_auth_enabled": false}, []string{"password"}, true},
		"unknown method":    {map[string]any{"multi_factor_auth_rules": []any{[]any{"password", "totp"}}}, []string{"password"}, true},
		"no list":           {map[string]any{"multi_factor_auth_rules": "password"}, []string{"password"}, true},
	} {
		if got := factorsHold(&subject{user: &cloud.User{Options: c.options}, methods: c.methods}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
