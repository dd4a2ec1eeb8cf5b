package operator

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/config"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
)

// Where says which cloud, and whose credentials.
type Where struct {
	// StateDir of the cloud holds the administrator's.
	StateDir string
	// Cloud, if set, is an entry of the clouds.yaml that other clients read, in place of StateDir.
	Cloud string
	// Environment has the OS_ variables count in place of StateDir, if they name a cloud.
	Environment bool
}

// Cloud is a running cloud, signed in to.
type Cloud struct {
	tell     func(Change)
	identity api
	provider *gophercloud.ProviderClient
	region   gophercloud.EndpointOpts
}

// ownEntry is what the first start calls the administrator's account in the state directory's clouds.yaml.
const ownEntry = "nubo"

const requestTime = time.Minute

// Connect signs in. tell hears of every change as soon as it is done.
func Connect(ctx context.Context, w Where, tell func(Change)) (*Cloud, error) {
	auth, region, tlsConfig, err := w.credentials()
	if err != nil {
		return nil, err
	}
	client, err := config.NewProviderClient(ctx, auth, config.WithTLSConfig(tlsConfig), config.WithHTTPClient(http.Client{Timeout: requestTime}))
	if err != nil {
		return nil, unreachable(auth.IdentityEndpoint, err)
	}
	identity, err := openstack.NewIdentityV3(client, region)
	if err != nil {
		return nil, fmt.Errorf("%s has no identity service: %w", auth.IdentityEndpoint, err)
	}
	return &Cloud{tell: tell, identity: api{identity}, provider: client, region: region}, nil
}

func (w Where) credentials() (gophercloud.AuthOptions, gophercloud.EndpointOpts, *tls.Config, error) {
	if w.Cloud != "" {
		return clouds.Parse(clouds.WithCloudName(w.Cloud))
	}
	if w.Environment {
		if name := os.Getenv("OS_CLOUD"); name != "" {
			return clouds.Parse(clouds.WithCloudName(name))
		}
		if os.Getenv("OS_AUTH_URL") != "" {
			return clouds.Parse(clouds.WithCloudName(ownEntry), clouds.WithCloudsYAML(strings.NewReader(environmentEntry())))
		}
	}
	path := filepath.Join(w.StateDir, "clouds.yaml")
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("there is no %s with the administrator's credentials: start the cloud once, or say where they are with --state-dir or --os-cloud", path)
	case errors.Is(err, fs.ErrPermission):
		err = fmt.Errorf("%s may be read by the user only that runs the cloud: be that user, or name credentials of your own with --os-cloud", path)
	}
	if err != nil {
		return gophercloud.AuthOptions{}, gophercloud.EndpointOpts{}, nil, err
	}
	defer f.Close()
	return clouds.Parse(clouds.WithCloudName(ownEntry), clouds.WithCloudsYAML(f))
}

// environmentEntry writes the OS_ variables as an entry of a clouds.yaml, which JSON is too.
func environmentEntry() string {
	auth := map[string]string{}
	for _, name := range []string{"auth_url", "username", "user_id", "password", "token", "project_name", "project_id", "user_domain_name", "user_domain_id",
		"project_domain_name", "project_domain_id", "domain_name", "domain_id", "system_scope", "application_credential_id", "application_credential_name", "application_credential_secret"} {
		if value := os.Getenv("OS_" + strings.ToUpper(name)); value != "" {
			auth[name] = value
		}
	}
	entry := map[string]any{"auth": auth, "region_name": os.Getenv("OS_REGION_NAME")}
	if kind := os.Getenv("OS_AUTH_TYPE"); kind != "" {
		entry["auth_type"] = kind
	}
	if ca := os.Getenv("OS_CACERT"); ca != "" {
		entry["cacert"] = ca
	}
	text, err := json.Marshal(map[string]any{"clouds": map[string]any{ownEntry: entry}})
	if err != nil { // texts can always be written
		panic(err)
	}
	return string(text)
}

func unreachable(at string, err error) error {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing answers at %s: start the cloud with nubo serve, or name another with --state-dir or --os-cloud", at)
	case gophercloud.ResponseCodeIs(err, http.StatusUnauthorized):
		return fmt.Errorf("%s refuses the credentials: were they changed since the file was written?", at)
	}
	if u := new(url.Error); errors.As(err, &u) {
		err = u.Err
	}
	return fmt.Errorf("cannot sign in at %s: %w", at, err)
}
