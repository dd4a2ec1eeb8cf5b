package cloudtest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
)

// SDK is a Go client of every service, as the administrator.
type SDK struct {
	Provider *gophercloud.ProviderClient
	Compute  *gophercloud.ServiceClient
	Network  *gophercloud.ServiceClient
	Volume   *gophercloud.ServiceClient
	Image    *gophercloud.ServiceClient
	Identity *gophercloud.ServiceClient
}

// microversion of Compute that tests speak; all volumes of a server may be detached in it.
const microversion = "2.79"

// SDK signs in. The token is good for an hour and outlives restarts of the daemon.
func (c *Cloud) SDK(t *testing.T) *SDK {
	t.Helper()
	return NewSDK(t, gophercloud.AuthOptions{IdentityEndpoint: c.Variable("OS_AUTH_URL"), Username: c.Variable("OS_USERNAME"),
		Password: c.Variable("OS_PASSWORD"), TenantName: c.Variable("OS_PROJECT_NAME"), DomainName: "Default", AllowReauth: true},
		&http.Transport{DialContext: c.Host.Dial, DisableKeepAlives: true})
}

// NewSDK signs in and finds the services in the catalog.
func NewSDK(t *testing.T, auth gophercloud.AuthOptions, transport http.RoundTripper) *SDK {
	t.Helper()
	p, err := openstack.NewClient(auth.IdentityEndpoint)
	Check(t, err)
	p.HTTPClient = http.Client{Transport: transport, Timeout: Patience(20 * time.Second)}
	Check(t, openstack.Authenticate(context.Background(), p, auth))
	s := &SDK{Provider: p}
	for _, c := range []struct {
		to   **gophercloud.ServiceClient
		make func(*gophercloud.ProviderClient, gophercloud.EndpointOpts) (*gophercloud.ServiceClient, error)
	}{{&s.Compute, openstack.NewComputeV2}, {&s.Network, openstack.NewNetworkV2}, {&s.Volume, openstack.NewBlockStorageV3},
		{&s.Image, openstack.NewImageV2}, {&s.Identity, openstack.NewIdentityV3}} {
		*c.to, err = c.make(p, gophercloud.EndpointOpts{})
		Check(t, err)
	}
	s.Compute.Microversion = microversion
	return s
}
