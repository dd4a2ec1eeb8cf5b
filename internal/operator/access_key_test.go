package operator

import (
	"context"
	"strings"
	"testing"
)

// TestAccessKeys: a key is made, listed with its account, and gone once deleted.
func TestAccessKeys(t *testing.T) {
	c, told := connect(t, newCloud(t))
	ctx := context.Background()
	k, err := c.CreateAccessKey(ctx)
	if err != nil || k.Access == "" || k.Secret == "" || len(k.Account) != 12 {
		t.Fatalf("%v: made %+v", err, k)
	}
	if all, err := c.AccessKeys(ctx); err != nil || len(all) != 1 || all[0] != k {
		t.Errorf("%v: listed %+v", err, all)
	}
	if at := c.SignedURL(); !strings.HasSuffix(at, "/ec2") || strings.Contains(at, "v3") {
		t.Errorf("signed requests go to %s", at)
	}
	if err := c.DeleteAccessKey(ctx, k.Access); err != nil || len(*told) != 1 {
		t.Errorf("%v, told %v", err, *told)
	}
	if err := c.DeleteAccessKey(ctx, k.Access); err == nil {
		t.Error("a key can be deleted twice")
	}
	if all, err := c.AccessKeys(ctx); err != nil || len(all) != 0 {
		t.Errorf("%v: listed %+v", err, all)
	}
}
