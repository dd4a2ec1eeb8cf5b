package identity

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Access rules are a user's own and outlive the credentials made with them: one
// document per user holds them, the credential a copy.

func rulesSetting(user cloud.UserID) cloud.SettingID {
	return cloud.SettingID("identity/access-rules/" + string(user))
}

// keepAccessRules gives each rule the id of an equal one of the user or a new one, and stores the new ones.
func (s *Service) keepAccessRules(ctx context.Context, user cloud.UserID, want []cloud.AccessRule) ([]cloud.AccessRule, error) {
	if len(want) == 0 {
		return nil, nil
	}
	var have []cloud.AccessRule
	if err := s.setting(ctx, rulesSetting(user), &have); err != nil {
		return nil, err
	}
	kept := make([]cloud.AccessRule, 0, len(want))
	for _, r := range want {
		i := slices.IndexFunc(have, func(h cloud.AccessRule) bool {
			return r.ID != "" && h.ID == r.ID || r.ID == "" && h.Service == r.Service && h.Method == r.Method && h.Path == r.Path
		})
		if i < 0 && r.Path == "" {
			return nil, cloud.Invalidf("access rule", "id", "The access rule %s does not exist.", r.ID)
		}
		if i < 0 {
			r.ID = cloud.NewHexID()
			have, i = append(have, r), len(have)
		}
		kept = append(kept, have[i])
	}
	return kept, s.putSetting(ctx, rulesSetting(user), have)
}

// ListAccessRules lists a user's access rules.
func (s *Service) ListAccessRules(ctx context.Context, user cloud.UserID) (rules []cloud.AccessRule, err error) {
	if err := policy.Authorize(ctx, "application credential.get", credentialTarget(user)); err != nil {
		return nil, err
	}
	return rules, s.setting(ctx, rulesSetting(user), &rules)
}

// AccessRule answers one of a user's access rules.
func (s *Service) AccessRule(ctx context.Context, user cloud.UserID, id string) (*cloud.AccessRule, error) {
	rules, err := s.ListAccessRules(ctx, user)
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		if r.ID == id {
			return &r, nil
		}
	}
	return nil, cloud.NotFoundf("access rule", id)
}

// DeleteAccessRule removes a rule that no credential uses.
func (s *Service) DeleteAccessRule(ctx context.Context, user cloud.UserID, id string) error {
	if err := policy.Authorize(ctx, "application credential.delete", credentialTarget(user)); err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.AccessRule(ctx, user, id); err != nil {
			return err
		}
		same := func(r cloud.AccessRule) bool { return r.ID == id }
		using, err := s.Credentials.List(ctx, cloud.Where(cloud.Eq("user_id", user)), func(c *cloud.ApplicationCredential) bool {
			return slices.ContainsFunc(c.AccessRules, same)
		})
		if err != nil {
			return err
		}
		if len(using) > 0 {
			return cloud.Errorf(cloud.Forbidden, "access rule", id, "The access rule is used by application credential %s.", using[0].ID)
		}
		var rules []cloud.AccessRule
		if err := s.setting(ctx, rulesSetting(user), &rules); err != nil {
			return err
		}
		return s.putSetting(ctx, rulesSetting(user), slices.DeleteFunc(rules, same))
	})
}

// forgetAccessRules is for a user that is going away.
func (s *Service) forgetAccessRules(ctx context.Context, user cloud.UserID) error {
	return s.dropSetting(ctx, rulesSetting(user))
}
