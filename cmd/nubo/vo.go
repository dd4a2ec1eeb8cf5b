package main

import (
	"context"
	"errors"
	"strings"

	"github.com/nubo-cloud/nubo/internal/entitlement"
	"github.com/nubo-cloud/nubo/internal/operator"
)

// voCommand holds the verbs about virtual organisations.
func voCommand(args []string) error {
	return verbs{"add": addVO, "list": listVOs,
		"suspend": suspension("nubo vo suspend", "NAME", (*operator.Cloud).SuspendVO, true),
		"resume":  suspension("nubo vo resume", "NAME", (*operator.Cloud).SuspendVO, false)}.run(args)
}

// addVO gives a VO its place here.
func addVO(args []string) error {
	v := operator.VO{}
	f, o := operatorFlags("nubo vo add")
	f.Func("entitlement", "`URN` that makes a member, such as urn:mace:egi.eu:group:NAME:role=vm_operator; repeatable", func(text string) error {
		v.Entitlements = append(v.Entitlements, text)
		_, err := entitlement.Parse(text)
		return err
	})
	f.StringVar(&v.Provider, "provider", checkInID, "`ID` of the identity provider whose people they are")
	f.StringVar(&v.Role, "role", "member", "`NAME` of the role that members get on the project")
	f.StringVar(&v.Project, "project", "", "`NAME` of the project, which may exist (default the VO's)")
	f.Func("quota", "`LIMITS` such as cores=20,ram_mb=65536,instances=10,gigabytes=500; others stay as they are", func(text string) (err error) {
		v.Quota, err = operator.ParseQuota(text)
		return err
	})
	name, err := parseNamed(f, args, "NAME")
	if err != nil {
		return err
	}
	v.Name = name
	if len(v.Entitlements) == 0 {
		return usageError{errors.New("--entitlement URN is needed: who has it is a member")}
	}
	return o.on(func(ctx context.Context, c *operator.Cloud) error { return c.AddVO(ctx, v) })
}

func listVOs(args []string) error {
	return list(args, "nubo vo list", "vos", (*operator.Cloud).VOs, []string{"VO", "STATE", "PROJECT", "PROJECT ID", "ENTITLEMENTS"},
		func(v operator.VOLine) []string {
			return []string{v.Name, state(v.Enabled), v.Project, v.ProjectID, strings.Join(v.Entitlements, " ")}
		})
}
