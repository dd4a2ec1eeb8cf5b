package federation

import (
	"testing"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// TestTerminalSignIn: nubo login shows a code, the person says yes to it at the provider's page, and the command line works.
func TestTerminalSignIn(t *testing.T) {
	onEach(t, func(t *testing.T, op provider) {
		s := newSite(t, nil)
		v := s.newVO("crew")
		s.trustHome(op, v)
		s.shell(cloudtest.Binary(t)+" login --auth-url "+s.url+"/v3 --provider home --issuer "+op.issuer()+" --client-id terminal", op.allow)
		got, err := s.openstack(nil, "--os-cloud", "nubo", "token", "issue", "-f", "value", "-c", "project_id")
		if err != nil || got != v.project {
			t.Errorf("the project is %s, want %s: %v", got, v.project, err)
		}
	})
}
