package keystone

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	gopher "github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/applicationcredentials"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/projects"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/roles"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/users"
)

// TestGophercloud signs in the ways that the Go library offers and works with what it gets.
func TestGophercloud(t *testing.T) {
	s := newSite(t)
	ctx := context.Background()
	for _, root := range []string{s.url + "/v3", s.url + "/identity", s.url + "/identity/v3/"} {
		provider, err := gopher.AuthenticatedClient(ctx, gophercloud.AuthOptions{IdentityEndpoint: root, Username: "admin", Password: adminPassword,
			DomainName: "Default", TenantName: "admin", AllowReauth: true})
		if err != nil {
			t.Fatalf("%s: %v", root, err)
		}
		client, err := gopher.NewIdentityV3(provider, gophercloud.EndpointOpts{Region: "RegionOne"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tokens.Get(ctx, client, provider.Token()).ExtractUser(); err != nil {
			t.Error(err)
		}
		p, err := projects.Create(ctx, client, projects.CreateOpts{Name: "gopher", DomainID: "default", Tags: []string{"t"}, Extra: map[string]any{"colour": "grey"}}).Extract()
		if err != nil {
			t.Fatal(err)
		}
		if p.Extra["colour"] != "grey" || len(p.Tags) != 1 {
			t.Errorf("the project is %+v", p)
		}
		u, err := users.Create(ctx, client, users.CreateOpts{Name: "gopher", DomainID: "default", Password: "gopher-pw", DefaultProjectID: p.ID}).Extract()
		if err != nil {
			t.Fatal(err)
		}
		role := roleNamed(t, client, "member")
		if err := roles.Assign(ctx, client, role, roles.AssignOpts{UserID: u.ID, ProjectID: p.ID}).ExtractErr(); err != nil {
			t.Fatal(err)
		}
		gopherCredential(t, root, u.ID)
		if err := users.Delete(ctx, client, u.ID).ExtractErr(); err != nil {
			t.Error(err)
		}
		if err := projects.Delete(ctx, client, p.ID).ExtractErr(); err != nil {
			t.Error(err)
		}
		if _, err := projects.Get(ctx, client, p.ID).Extract(); !gophercloud.ResponseCodeIs(err, 404) {
			t.Errorf("the project is answered with %v after its end", err)
		}
		for _, find := range []func(*gophercloud.ProviderClient, gophercloud.EndpointOpts) (*gophercloud.ServiceClient, error){
			gopher.NewComputeV2, gopher.NewBlockStorageV3} { // the others ask the service itself, which is not here
			if _, err := find(provider, gophercloud.EndpointOpts{Region: "RegionOne"}); err != nil {
				t.Error(err)
			}
		}
	}
}

func roleNamed(t *testing.T, client *gophercloud.ServiceClient, name string) string {
	t.Helper()
	pages, err := roles.List(client, roles.ListOpts{Name: name}).AllPages(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	list, err := roles.ExtractRoles(pages)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d roles named %s: %v", len(list), name, err)
	}
	return list[0].ID
}

// gopherCredential makes a credential as a user with a default project, and signs in with it.
func gopherCredential(t *testing.T, root, user string) {
	t.Helper()
	ctx := context.Background()
	provider, err := gopher.AuthenticatedClient(ctx, gophercloud.AuthOptions{IdentityEndpoint: root, UserID: user, Password: "gopher-pw"})
	if err != nil {
		t.Fatal(err)
	}
	client, err := gopher.NewIdentityV3(provider, gophercloud.EndpointOpts{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := applicationcredentials.Create(ctx, client, user, applicationcredentials.CreateOpts{Name: "c",
		AccessRules: []applicationcredentials.AccessRule{{Service: "identity", Method: "GET", Path: "/v3/auth/**"}}}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if c.Secret == "" || len(c.AccessRules) != 1 {
		t.Errorf("the credential is %+v", c)
	}
	if _, err := gopher.AuthenticatedClient(ctx, gophercloud.AuthOptions{IdentityEndpoint: root, ApplicationCredentialID: c.ID, ApplicationCredentialSecret: c.Secret}); err != nil {
		t.Error(err)
	}
}

// openstackCLI is where Debian puts python3-openstackclient.
const openstackCLI = "/usr/bin/openstack"

type shell struct {
	t   *testing.T
	env []string
}

func (s *site) shell(t *testing.T, env ...string) *shell {
	return &shell{t, append([]string{"PATH=/usr/bin:/bin", "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8", "OS_IDENTITY_API_VERSION=3", "OS_REGION_NAME=RegionOne", "OS_AUTH_URL=" + s.url + "/v3"}, env...)}
}

func (s *shell) run(args ...string) string {
	s.t.Helper()
	cmd := exec.Command(openstackCLI, args...)
	cmd.Env = s.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("openstack %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// batch runs many commands in one process of the client, whose start is slow. Output is not told apart.
func (s *shell) batch(lines ...string) string {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "commands")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	in, err := os.Open(file)
	if err != nil {
		s.t.Fatal(err)
	}
	defer in.Close()
	cmd := exec.Command(openstackCLI)
	cmd.Env, cmd.Stdin = s.env, in
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func TestOpenstackClient(t *testing.T) {
	if _, err := os.Stat(openstackCLI); err != nil {
		t.Skip("needs Debian's python3-openstackclient at " + openstackCLI)
	}
	if testing.Short() {
		t.Skip("the client takes seconds for each call")
	}
	s := newSite(t)
	admin := s.shell(t, "OS_USERNAME=admin", "OS_PASSWORD="+adminPassword, "OS_PROJECT_NAME=admin", "OS_USER_DOMAIN_NAME=Default", "OS_PROJECT_DOMAIN_NAME=Default")
	if token := admin.run("token", "issue", "-f", "value", "-c", "id"); !strings.HasPrefix(token, "nubo1.") {
		t.Errorf("the token is %q", token)
	}
	out := admin.batch(
		"catalog list",
		"domain create d1",
		"project create --domain d1 --tag t1 --property colour=red p1",
		"user create --domain d1 --password pw --email u1@example.org u1",
		"group create --domain d1 g1",
		"group add user --group-domain d1 --user-domain d1 g1 u1",
		"group contains user --group-domain d1 --user-domain d1 g1 u1",
		"role create boss",
		"implied role create boss --implied-role member",
		"role add --user u1 --user-domain d1 --project p1 --project-domain d1 member",
		"role add --group g1 --group-domain d1 --domain d1 reader",
		"role add --user u1 --user-domain d1 --system all reader",
		"role assignment list --names --project p1 --project-domain d1",
		"role assignment list --names --effective --user u1 --user-domain d1",
		"role assignment list --names --group g1 --group-domain d1",
		"project show --domain d1 p1",
		"user set --domain d1 --description thing u1",
		"project list --long",
		"endpoint list",
		"service create --name s1 t1",
		"region create r1",
	)
	for _, want := range []string{"volumev3", "colour", "t1", "u1 in group g1", "u1@d1", "p1@d1", "g1@d1", "/compute/v2.1", "boss"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in what the client shows", want)
		}
	}
	if t.Failed() || strings.Contains(out, "HTTP ") || strings.Contains(out, "rror") {
		t.Fatalf("the client says:\n%s", out)
	}

	u1 := s.shell(t, "OS_USERNAME=u1", "OS_PASSWORD=pw", "OS_PROJECT_NAME=p1", "OS_USER_DOMAIN_NAME=d1", "OS_PROJECT_DOMAIN_NAME=d1")
	made := strings.Fields(u1.run("application", "credential", "create", "c1", "--role", "member", "-f", "value", "-c", "id", "-c", "secret"))
	if len(made) != 2 {
		t.Fatalf("the credential is %q", made)
	}
	robot := s.shell(t, "OS_AUTH_TYPE=v3applicationcredential", "OS_APPLICATION_CREDENTIAL_ID="+made[0], "OS_APPLICATION_CREDENTIAL_SECRET="+made[1])
	robot.run("token", "issue")

	out = admin.batch(
		"role remove --user u1 --user-domain d1 --project p1 --project-domain d1 member",
		"role delete boss",
		"group remove user --group-domain d1 --user-domain d1 g1 u1",
		"group delete --domain d1 g1",
		"user delete --domain d1 u1",
		"project delete --domain d1 p1",
		"domain set --disable d1",
		"domain delete d1",
		"service delete s1",
		"region delete r1",
		"domain list",
	)
	if strings.Contains(out, "d1 ") || strings.Contains(out, "HTTP ") || strings.Contains(out, "rror") || !strings.Contains(out, "Default") {
		t.Errorf("the client says:\n%s", out)
	}
}
