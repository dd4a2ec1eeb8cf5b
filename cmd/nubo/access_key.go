package main

import (
	"context"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/operator"
)

// accessKeyCommand holds the verbs about keys that requests are signed with.
func accessKeyCommand(args []string) error {
	return verbs{"create": createAccessKey, "list": listAccessKeys, "delete": deleteAccessKey}.run(args)
}

// createAccessKey prints the variables that clients of the EC2 API read, for a shell.
func createAccessKey(args []string) error {
	f, o := operatorFlags("nubo access-key create")
	if err := parse(f, args, false); err != nil {
		return err
	}
	return o.on(func(ctx context.Context, c *operator.Cloud) error {
		k, err := c.CreateAccessKey(ctx)
		if err != nil {
			return err
		}
		if o.asJSON {
			return o.show(k)
		}
		_, err = fmt.Fprintf(o.out, "# account %s\nexport AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\nexport AWS_ENDPOINT_URL=%s\n", k.Account, k.Access, k.Secret, c.SignedURL())
		return err
	})
}

func listAccessKeys(args []string) error {
	return list(args, "nubo access-key list", "access_keys", (*operator.Cloud).AccessKeys, []string{"ACCESS KEY", "ACCOUNT", "PROJECT ID"},
		func(k operator.AccessKey) []string { return []string{k.Access, k.Account, k.ProjectID} })
}

func deleteAccessKey(args []string) error {
	f, o := operatorFlags("nubo access-key delete")
	access, err := parseNamed(f, args, "ACCESS_KEY")
	if err != nil {
		return err
	}
	return o.on(func(ctx context.Context, c *operator.Cloud) error { return c.DeleteAccessKey(ctx, access) })
}
