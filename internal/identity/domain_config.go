package identity

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// DomainConfig is how a domain's users would be found elsewhere: groups of options. It is kept for whoever reads it;
// all users of this cloud are in its own store, whatever it says.
type DomainConfig map[string]map[string]any

// DomainConfigPath names a group of options or, with Option, one of them. Empty: all groups.
type DomainConfigPath struct{ Group, Option string }

// domainConfigDefaults are the options there are, with the values that hold where a domain says nothing.
var domainConfigDefaults = DomainConfig{
	"identity": {"driver": "sql", "list_limit": nil},
	"ldap": {"url": "ldap://localhost", "user": nil, "suffix": "cn=example,cn=com", "query_scope": "one", "page_size": 0, "alias_dereferencing": "default",
		"debug_level": nil, "chase_referrals": nil, "user_tree_dn": nil, "user_filter": nil, "user_objectclass": "inetOrgPerson", "user_id_attribute": "cn",
		"user_name_attribute": "sn", "user_mail_attribute": "mail", "user_description_attribute": "description", "user_pass_attribute": "userPassword",
		"user_enabled_attribute": "enabled", "user_enabled_invert": false, "user_enabled_mask": 0, "user_enabled_default": "True",
		"user_attribute_ignore": []any{"default_project_id"}, "user_default_project_id_attribute": nil, "user_enabled_emulation": false,
		"user_enabled_emulation_dn": nil, "user_enabled_emulation_use_group_config": false, "user_additional_attribute_mapping": []any{},
		"group_tree_dn": nil, "group_filter": nil, "group_objectclass": "groupOfNames", "group_id_attribute": "cn", "group_name_attribute": "ou",
		"group_member_attribute": "member", "group_desc_attribute": "description", "group_attribute_ignore": []any{}, "group_additional_attribute_mapping": []any{},
		"group_members_are_ids": false, "group_ad_nesting": false, "tls_req_cert": "demand", "tls_cacertfile": nil, "tls_cacertdir": nil, "use_tls": false,
		"connection_timeout": -1, "use_pool": true, "pool_size": 10, "pool_retry_max": 3, "pool_retry_delay": 0.1, "pool_connection_timeout": -1,
		"pool_connection_lifetime": 600, "use_auth_pool": true, "auth_pool_size": 100, "auth_pool_connection_lifetime": 60},
}

// domainConfigSecrets may be written and are never shown.
var domainConfigSecrets = map[string]string{"ldap": "password"}

// DomainConfigGroups lists the groups there are.
func DomainConfigGroups() []string { return slices.Sorted(maps.Keys(domainConfigDefaults)) }

func configOptionKnown(group, option string) bool {
	_, known := domainConfigDefaults[group][option]
	return known || domainConfigSecrets[group] == option
}

// check refuses groups and options that do not exist.
func (c DomainConfig) check() error {
	if len(c) == 0 {
		return cloud.Errorf(cloud.Forbidden, "domain config", "", "Invalid domain specific configuration: no options specified.")
	}
	for group, options := range c {
		for option := range options {
			if !configOptionKnown(group, option) {
				return cloud.Errorf(cloud.Forbidden, "domain config", "", "Invalid domain specific configuration: option %s in group %s is not supported for domain specific configurations.", option, group)
			}
		}
		if _, known := domainConfigDefaults[group]; !known || len(options) == 0 {
			return cloud.Errorf(cloud.Forbidden, "domain config", "", "Invalid domain specific configuration: group %s is not supported, or empty.", group)
		}
	}
	return nil
}

// shown is a configuration without what is secret.
func (c DomainConfig) shown() DomainConfig {
	out := DomainConfig{}
	for group, options := range c {
		kept := maps.Clone(options)
		delete(kept, domainConfigSecrets[group])
		if len(kept) > 0 {
			out[group] = kept
		}
	}
	return out
}

// at is the part of a configuration that a path names. NotFound if there is none.
func (c DomainConfig) at(p DomainConfigPath) (DomainConfig, error) {
	options, found := c[p.Group]
	if p.Option != "" {
		var v any
		v, found = options[p.Option]
		options = map[string]any{p.Option: v}
	}
	if p.Group == "" && len(c) > 0 {
		return c, nil
	}
	if !found {
		return nil, cloud.Errorf(cloud.NotFound, "domain config", "", "Could not find %s in domain configuration.", p)
	}
	return DomainConfig{p.Group: options}, nil
}

func (p DomainConfigPath) String() string {
	switch {
	case p.Group == "":
		return "any group"
	case p.Option == "":
		return "group " + p.Group
	}
	return "option " + p.Option + " in group " + p.Group
}

// DefaultDomainConfig answers what holds for a domain that says nothing.
func (s *Service) DefaultDomainConfig(ctx context.Context, p DomainConfigPath) (DomainConfig, error) {
	if err := policy.Authorize(ctx, "domain config.get", policy.Target{Resource: "domain config"}); err != nil {
		return nil, err
	}
	return domainConfigDefaults.at(p)
}

// passwordRules is a group that nobody sets in a domain: it shows everybody what a new password of the default domain must be like.
const passwordRules = "security_compliance"

// DomainConfig answers what a domain says, without secrets.
func (s *Service) DomainConfig(ctx context.Context, id cloud.DomainID, p DomainConfigPath) (c DomainConfig, err error) {
	if p.Group == passwordRules && id == DefaultDomain {
		if err := policy.Authorize(ctx, "password rules.get", policy.Target{Resource: "domain config"}); err != nil {
			return nil, err
		}
		return s.passwordRules().at(p)
	}
	if err := policy.Authorize(ctx, "domain config.get", policy.Target{Resource: "domain config"}); err != nil {
		return nil, err
	}
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		have, err := s.configOf(ctx, id)
		if err != nil {
			return err
		}
		c, err = have.shown().at(p)
		return err
	})
	return c, err
}

// passwordRules are those of the whole cloud, as one expression and in words; null for none.
func (s *Service) passwordRules() DomainConfig {
	rules := map[string]any{"password_regex": nil, "password_regex_description": nil}
	if patterns := s.Options.PasswordPatterns; len(patterns) == 1 {
		rules["password_regex"] = patterns[0].String()
	} else if len(patterns) > 1 {
		all := ""
		for _, p := range patterns {
			all += "(?=.*(?:" + p.String() + "))" // several at once: each is looked for from the start
		}
		rules["password_regex"] = all
	}
	if s.Options.PasswordAdvice != "" {
		rules["password_regex_description"] = s.Options.PasswordAdvice
	}
	return DomainConfig{passwordRules: rules}
}

// configOf is what a domain says, its secrets sealed. NotFound without the domain.
func (s *Service) configOf(ctx context.Context, id cloud.DomainID) (DomainConfig, error) {
	c := DomainConfig{}
	if _, err := s.Domains.Get(ctx, id); err != nil {
		return nil, err
	}
	return c, s.setting(ctx, domainConfigID(id), &c)
}

func domainConfigID(id cloud.DomainID) cloud.SettingID {
	return cloud.SettingID("domain-config/" + string(id))
}

// changeDomainConfig runs f on a domain's configuration and answers it without secrets.
func (s *Service) changeDomainConfig(ctx context.Context, id cloud.DomainID, f func(DomainConfig) (DomainConfig, error)) (c DomainConfig, err error) {
	if err := policy.Authorize(ctx, "domain config.manage", policy.Target{Resource: "domain config"}); err != nil {
		return nil, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		have, err := s.configOf(ctx, id)
		if err != nil {
			return err
		}
		if c, err = f(have); err != nil {
			return err
		}
		return s.putDomainConfig(ctx, id, have, c)
	})
	return c.shown(), err
}

// putDomainConfig writes a configuration; secrets that it had not before are sealed.
func (s *Service) putDomainConfig(ctx context.Context, id cloud.DomainID, have, c DomainConfig) error {
	kept := maps.Clone(c)
	for group, option := range domainConfigSecrets {
		secret, set := c[group][option]
		if !set || secret == have[group][option] {
			continue
		}
		sealed, err := s.Seal(ctx, string(domainConfigID(id)), fmt.Sprint(secret))
		if err != nil {
			return err
		}
		kept[group] = merged(c[group], map[string]any{option: base64.StdEncoding.EncodeToString(sealed)})
	}
	return s.putSetting(ctx, domainConfigID(id), kept)
}

// SetDomainConfig puts a configuration in the place of what a domain had. The second answer tells whether it had one.
func (s *Service) SetDomainConfig(ctx context.Context, id cloud.DomainID, c DomainConfig) (set DomainConfig, had bool, err error) {
	set, err = s.changeDomainConfig(ctx, id, func(have DomainConfig) (DomainConfig, error) {
		had = len(have) > 0
		return c, c.check()
	})
	return set, had, err
}

// UpdateDomainConfig changes options of a domain. With a path the change is about that group or option alone, which must be
// there already.
func (s *Service) UpdateDomainConfig(ctx context.Context, id cloud.DomainID, p DomainConfigPath, change DomainConfig) (DomainConfig, error) {
	c, err := s.changeDomainConfig(ctx, id, func(have DomainConfig) (DomainConfig, error) {
		if err := change.check(); err != nil {
			return nil, err
		}
		if _, err := have.at(p); err != nil {
			return nil, err
		}
		if _, err := change.at(p); err != nil || p.Group != "" && len(change) > 1 {
			return nil, cloud.Errorf(cloud.Forbidden, "domain config", "", "Invalid domain specific configuration: the request is about %s, its body is not.", p)
		}
		return have.with(change), nil
	})
	if err != nil || p.Group == "" {
		return c, err
	}
	return DomainConfig{p.Group: c[p.Group]}, nil
}

// with is a configuration with some options set.
func (c DomainConfig) with(change DomainConfig) DomainConfig {
	out := maps.Clone(c)
	for group, options := range change {
		out[group] = merged(c[group], options)
	}
	return out
}

// DeleteDomainConfig takes a domain's configuration, or the part that the path names, away. NotFound if it has none.
func (s *Service) DeleteDomainConfig(ctx context.Context, id cloud.DomainID, p DomainConfigPath) error {
	_, err := s.changeDomainConfig(ctx, id, func(have DomainConfig) (DomainConfig, error) {
		if _, err := have.at(p); err != nil {
			return nil, err
		}
		return have.without(p), nil
	})
	return err
}

func (c DomainConfig) without(p DomainConfigPath) DomainConfig {
	out := maps.Clone(c)
	switch {
	case p.Group == "":
		return DomainConfig{}
	case p.Option == "" || len(c[p.Group]) == 1:
		delete(out, p.Group)
	default:
		out[p.Group] = maps.Clone(c[p.Group])
		delete(out[p.Group], p.Option)
	}
	return out
}

// dropDomainConfig forgets the configuration of a domain that goes.
func (s *Service) dropDomainConfig(ctx context.Context, id cloud.DomainID) error {
	return s.dropSetting(ctx, domainConfigID(id))
}
