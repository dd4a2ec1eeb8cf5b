package identity

import "slices"

// factorsHold tells whether somebody has signed in by as many methods as its account asks for: all of one of its rules, each a list
// of methods (the options multi_factor_auth_rules and, to suspend them, multi_factor_auth_enabled). A rule that names a method
// nobody can sign in by does not count; if no rule does, any method will do.
func factorsHold(who *subject) bool {
	if on, set := who.user.Options[optionFactors].(bool); set && !on {
		return true
	}
	rules := factorRules(who.user.Options[optionFactorRules])
	return len(rules) == 0 || slices.ContainsFunc(rules, func(rule []string) bool { return within(rule, who.methods) })
}

// factorRules reads rules out of an option; what is none is left out.
func factorRules(option any) (rules [][]string) {
	lists, _ := option.([]any)
	for _, l := range lists {
		var rule []string
		methods, _ := l.([]any)
		for _, m := range methods {
			name, _ := m.(string)
			rule = append(rule, name)
		}
		if len(rule) > 0 && within(rule, Methods) {
			rules = append(rules, rule)
		}
	}
	return rules
}

func within(part, whole []string) bool {
	return !slices.ContainsFunc(part, func(s string) bool { return !slices.Contains(whole, s) })
}
