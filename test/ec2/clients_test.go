package ec2

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// shop is a cloud with an image and an access key, for clients that are programs.
type shop struct {
	*cloudtest.Cloud
	keys  keys
	image string
}

func newShop(t *testing.T, files cloudtest.Files) *shop {
	t.Helper()
	c := cloudtest.Start(t, files, cloudtest.Settings{"check_seconds": 2, "shutdown_seconds": 5})
	admin := c.Client(t)
	admin.Run("image create --public --disk-format qcow2 --container-format bare --file " + files.Image + " minimal")
	s := &shop{Cloud: c, keys: newKeys(t, admin)}
	s.image = strings.TrimSpace(s.aws(t, "ec2", "describe-images", "--filters", "Name=name,Values=minimal", "--query", "Images[0].ImageId", "--output", "text"))
	return s
}

// run runs a program with the access key in its environment and answers what it printed.
func (s *shop) run(t *testing.T, program string, args ...string) string {
	t.Helper()
	c := s.Host.Command(program, args...)
	c.Env = append(cloudtest.BareEnvironment(), "AWS_ACCESS_KEY_ID="+s.keys.access, "AWS_SECRET_ACCESS_KEY="+s.keys.secret, "AWS_DEFAULT_REGION="+region, "AWS_PAGER=",
		"HOME="+t.TempDir())
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Debian's own interpreter: another may be first on the path, without Debian's libraries.
const (
	awscli = "/usr/bin/aws"
	python = "/usr/bin/python3"
)

func (s *shop) aws(t *testing.T, args ...string) string {
	t.Helper()
	return s.run(t, awscli, append([]string{"--endpoint-url", s.URL + "/ec2/"}, args...)...)
}

// TestPythonClients has boto3 and libcloud's EC2 driver do what people and orchestrators do with them.
func TestPythonClients(t *testing.T) {
	files := cloudtest.Need(t, "qemu-system-x86_64", "qemu-img", "openstack", "nft", "ip", awscli)
	s := newShop(t, files)
	for script, args := range map[string][]string{"boto3_session.py": nil, "libcloud_session.py": {s.keys.access, s.keys.secret}} {
		t.Run(script, func(t *testing.T) {
			path, err := filepath.Abs(filepath.Join("testdata", script))
			cloudtest.Check(t, err)
			out := s.run(t, python, append([]string{path, s.URL + "/ec2/", s.image}, args...)...)
			if !strings.HasSuffix(out, "done\n") {
				t.Errorf("%s", out)
			}
		})
	}
}

// TestOneServerThreeWays proves that a server is the same whoever looks: made by EC2, tagged by OpenStack, stopped by EC2, deleted by
// OpenStack, with its console log the same text to both, counted and billed once.
func TestOneServerThreeWays(t *testing.T) {
	files := cloudtest.Need(t, "qemu-system-x86_64", "qemu-img", "openstack", "nft", "ip", awscli)
	s := newShop(t, files)
	admin := s.Client(t)
	used := func() string { return admin.Run("limits show --absolute -f value") }
	before := used()
	id := strings.TrimSpace(s.aws(t, "ec2", "run-instances", "--image-id", s.image, "--instance-type", "t3.micro", "--tag-specifications",
		"ResourceType=instance,Tags=[{Key=Name,Value=shared}]", "--query", "Instances[0].InstanceId", "--output", "text"))
	s.aws(t, "ec2", "wait", "instance-running", "--instance-ids", id)
	during := used()
	if !strings.Contains(before, "totalInstancesUsed 0") || !strings.Contains(during, "totalInstancesUsed 1") {
		t.Errorf("counted:\n%s\nthen\n%s", before, during)
	}
	admin.Run("server set --property team=blue shared")
	if got := s.aws(t, "ec2", "describe-tags", "--filters", "Name=resource-id,Values="+id, "--query", "Tags[?Key=='team'].Value", "--output", "text"); strings.TrimSpace(got) != "blue" {
		t.Errorf("the tag that OpenStack's client set: %q", got)
	}
	s.aws(t, "ec2", "stop-instances", "--instance-ids", id)
	s.becomes(t, id, "stopped")
	if got := admin.Object("server show shared").String("status"); got != "SHUTOFF" {
		t.Errorf("stopped by EC2, OpenStack shows %s", got)
	}
	console := admin.Run("console log show shared")
	if got := s.aws(t, "ec2", "get-console-output", "--instance-id", id, "--output", "text"); !strings.Contains(got, lastLine(console)) {
		t.Errorf("the console logs differ: %q is not in what EC2 shows", lastLine(console))
	}
	admin.Run("server delete --wait shared")
	s.becomes(t, id, "terminated")
	if n := s.Billed("instance.started"); n != 1 {
		t.Errorf("the ledger has %d starts", n)
	}
}

// becomes waits for a state, and asks more often than the client's own waiters do.
func (s *shop) becomes(t *testing.T, id, state string) {
	t.Helper()
	cloudtest.Eventually(t, patience(), func() error {
		got := strings.TrimSpace(s.aws(t, "ec2", "describe-instances", "--instance-ids", id, "--query", "Reservations[0].Instances[0].State.Name", "--output", "text"))
		if got != state {
			return errNotYet
		}
		return nil
	})
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
