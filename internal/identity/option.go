package identity

import (
	"reflect"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// The options that nouns have. They are stored by their names in the Identity API, which clients write.
const (
	optionIgnoreFirstUse = "ignore_change_password_upon_first_use"
	optionIgnoreExpiry   = "ignore_password_expiry"
	optionIgnoreLockout  = "ignore_lockout_failure_attempts"
	optionIgnoreIdle     = "ignore_user_inactivity"
	optionLockPassword   = "lock_password"
	optionFactors        = "multi_factor_auth_enabled"
	optionFactorRules    = "multi_factor_auth_rules"
	optionImmutable      = "immutable"
)

// userOptions and nounOptions say what may be set, and whether a value will do.
var userOptions = map[string]func(any) bool{
	optionIgnoreFirstUse: isFlag, optionIgnoreExpiry: isFlag, optionIgnoreLockout: isFlag, optionIgnoreIdle: isFlag,
	optionLockPassword: isFlag, optionFactors: isFlag, optionFactorRules: isRules,
}

var nounOptions = map[string]func(any) bool{optionImmutable: isFlag}

func isFlag(v any) bool {
	_, ok := v.(bool)
	return ok
}

// isRules: a list of rules, each a list of methods.
func isRules(v any) bool {
	rules, ok := v.([]any)
	for _, r := range rules {
		methods, list := r.([]any)
		ok = ok && list
		for _, m := range methods {
			_, text := m.(string)
			ok = ok && text
		}
	}
	return ok
}

// checkOptions refuses options that the noun does not have or whose value means nothing. null takes one away.
func checkOptions(resource string, options map[string]any, known map[string]func(any) bool) error {
	for name, v := range options {
		fits := known[name]
		if fits == nil {
			return cloud.Invalidf(resource, "options", "Invalid input for field 'options': there is no option '%s'.", name)
		}
		if v != nil && !fits(v) {
			return cloud.Invalidf(resource, "options", "Invalid input for field 'options': the value of '%s' is not of the right type.", name)
		}
	}
	return nil
}

// immutable refuses to delete a noun that is said to stay as it is.
func immutable[ID ~string](resource string, id ID, options map[string]any) error {
	if on, _ := options[optionImmutable].(bool); on {
		return cloud.Errorf(cloud.Forbidden, resource, id, "The %s %s is immutable. Set its option '%s' to false first.", resource, id, optionImmutable)
	}
	return nil
}

// mayChange refuses a change of an immutable noun that does more than make it mutable. rest is the change without its options.
func mayChange[ID ~string](resource string, id ID, have, change map[string]any, rest any) error {
	if err := checkOptions(resource, change, nounOptions); err != nil {
		return err
	}
	if _, named := change[optionImmutable]; named && reflect.ValueOf(rest).IsZero() {
		return nil
	}
	return immutable(resource, id, have)
}
