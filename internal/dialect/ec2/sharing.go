package ec2

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// everybody is the group that all accounts are in. There is no other.
const everybody = "all"

// grantee is whom something is shared with: a group or an account.
type grantee struct{ group, account string }

// grantees are groups and accounts as older requests list them.
func grantees(groups, accounts []string) (all []grantee) {
	for _, g := range groups {
		all = append(all, grantee{group: g})
	}
	for _, n := range accounts {
		all = append(all, grantee{account: n})
	}
	return all
}

// sharingChanged reads both forms of such a request: lists of what to add and to remove, or one list and a word for what to do with it.
func (a *api) sharingChanged(ctx context.Context, add, remove []grantee, operation string, listed []grantee) (c cloud.Sharing, err error) {
	switch operation {
	case "":
		if len(listed) > 0 {
			return c, missingParameter("OperationType")
		}
	case "add":
		add = append(slices.Clone(add), listed...)
	case "remove":
		remove = append(slices.Clone(remove), listed...)
	default:
		return c, invalidParameter("Value (%s) for parameter operationType is invalid: use add or remove.", operation)
	}
	if len(add)+len(remove) == 0 {
		return c, missingParameter("that says who is to be added or removed")
	}
	if c.Remove, err = a.projectsOf(ctx, remove, &c.Public, false); err != nil {
		return c, err
	}
	c.Add, err = a.projectsOf(ctx, add, &c.Public, true)
	return c, err
}

// projectsOf are the projects of accounts; whether everybody is among them goes to public.
func (a *api) projectsOf(ctx context.Context, of []grantee, public **bool, value bool) (projects []cloud.ProjectID, err error) {
	for _, p := range of {
		switch {
		case p.group == everybody:
			*public = &value
		case p.group != "":
			return nil, invalidParameter("Invalid attribute item value %q for group item type.", p.group)
		default:
			project, err := a.Keys.AccountProject(ctx, p.account)
			if cloud.Is(err, cloud.NotFound) {
				return nil, bad("InvalidUserID.Malformed", "Invalid user id: %q", p.account)
			}
			if err != nil {
				return nil, err
			}
			projects = append(projects, project)
		}
	}
	return projects, nil
}

// sharingShown are whom something is shared with, everybody first.
func (a *api) sharingShown(ctx context.Context, public bool, projects []cloud.ProjectID) ([]grantee, error) {
	shown := []grantee{}
	if public {
		shown = append(shown, grantee{group: everybody})
	}
	numbers, err := a.Keys.Accounts(ctx, projects...)
	for _, p := range projects {
		shown = append(shown, grantee{account: numbers[p]})
	}
	return shown, err
}

// operatorAlias is who owns what everybody may use: only the cloud's operator can give a thing to all.
const operatorAlias = "amazon"

// ownedBy tells whether one of the words for owners means the owner of a row: an account number, self or an alias.
func ownedBy(words []string, own, owner, alias string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		return w == owner || w == "self" && owner == own || w != "" && w == alias
	})
}
