package operator

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

// AccessKey is a pair that requests are signed with, on one project. Account is the project's number.
type AccessKey struct {
	Access    string `json:"access"`
	Secret    string `json:"secret"`
	ProjectID string `json:"project_id"`
	Account   string `json:"account"`
}

// accessKeys is where a user's access keys are.
const accessKeys = "OS-EC2"

// CreateAccessKey makes a key of the caller's, on the project that it is signed in to.
func (c *Cloud) CreateAccessKey(ctx context.Context) (AccessKey, error) {
	at, project, err := c.ownKeys()
	if err != nil {
		return AccessKey{}, err
	}
	var answer map[string]object
	err = c.identity.call(ctx, http.MethodPost, at, object{"tenant_id": project}, &answer)
	return accessKeyOf(answer["credential"]), err
}

// AccessKeys lists the caller's keys, of whatever project.
func (c *Cloud) AccessKeys(ctx context.Context) ([]AccessKey, error) {
	at, _, err := c.ownKeys()
	if err != nil {
		return nil, err
	}
	all, err := c.identity.list(ctx, at, "credentials", nil)
	keys := make([]AccessKey, len(all))
	for i, o := range all {
		keys[i] = accessKeyOf(o)
	}
	return keys, err
}

// DeleteAccessKey ends one of the caller's keys, and the sessions that were made with it.
func (c *Cloud) DeleteAccessKey(ctx context.Context, access string) error {
	at, _, err := c.ownKeys()
	if err != nil {
		return err
	}
	if err := c.identity.call(ctx, http.MethodDelete, at+"/"+access, nil, nil); err != nil {
		return err
	}
	c.tell(Change{Did: Removed, What: "access key", Name: access})
	return nil
}

func accessKeyOf(o object) AccessKey {
	return AccessKey{Access: text(o, "access"), Secret: text(o, "secret"), ProjectID: text(o, "tenant_id"), Account: text(o, "account_number")}
}

// ownKeys is where the caller's keys are, and the project that it is signed in to.
func (c *Cloud) ownKeys() (address, project string, err error) {
	said, ok := c.provider.GetAuthResult().(tokens.CreateResult)
	if !ok {
		return "", "", errors.New("the credentials do not say whose they are: sign in with a password or an application credential")
	}
	user, err := said.ExtractUser()
	if err != nil {
		return "", "", err
	}
	of, err := said.ExtractProject()
	if err == nil && of == nil {
		err = errors.New("an access key is for a project, and the credentials name none")
	}
	if err != nil {
		return "", "", err
	}
	return c.identity.path("users", user.ID, "credentials", accessKeys), of.ID, nil
}

// SignedURL is where requests that are signed with an access key go.
func (c *Cloud) SignedURL() string {
	base, _, _ := strings.Cut(strings.TrimSuffix(c.identity.Endpoint, "/"), "/identity")
	return strings.TrimSuffix(base, "/v3") + "/ec2"
}
