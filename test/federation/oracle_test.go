package federation

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"testing"

	"github.com/nubo-cloud/nubo/internal/mapping/mappingtest"
	"github.com/nubo-cloud/nubo/test/cloudtest"
)

//go:embed oracle.py
var oracleScript []byte

// oracle is Keystone's processor of rules, running.
type oracle struct {
	in  io.WriteCloser
	out *bufio.Scanner
}

func newOracle(t *testing.T) *oracle {
	t.Helper()
	const python = "/usr/bin/python3" // the one that Debian's packages are for
	if os.Getenv("NUBO_TEST_REAL") != "1" {
		t.Skip("asks Keystone's own processor: set NUBO_TEST_REAL=1 (make test does)")
	}
	if err := exec.Command(python, "-c", "import keystone.federation.utils").Run(); err != nil {
		t.Skip("needs Debian's python3-keystone, which is not installed")
	}
	script := t.TempDir() + "/oracle.py"
	cloudtest.Check(t, os.WriteFile(script, oracleScript, 0o600))
	c := exec.Command(python, script)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	cloudtest.Check(t, err)
	out, err := c.StdoutPipe()
	cloudtest.Check(t, err)
	cloudtest.Check(t, c.Start())
	t.Cleanup(func() {
		_ = in.Close() // ends it
		_ = c.Wait()
	})
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	return &oracle{in, lines}
}

// answer is what Keystone makes of a pair.
func (o *oracle) answer(t *testing.T, p mappingtest.Pair) (out mappingtest.Outcome) {
	t.Helper()
	line, err := json.Marshal(p)
	cloudtest.Check(t, err)
	_, err = o.in.Write(append(line, '\n'))
	cloudtest.Check(t, err)
	if !o.out.Scan() {
		t.Fatalf("the oracle ended at %s", line)
	}
	cloudtest.Check(t, json.Unmarshal(o.out.Bytes(), &out))
	maps.DeleteFunc(out.User, func(_ string, v any) bool { return v == "" }) // what is empty is not there
	return out
}

// compare fails the test where the two differ. What both refuse they may refuse for other reasons.
func (o *oracle) compare(t *testing.T, p mappingtest.Pair) mappingtest.Outcome {
	t.Helper()
	theirs := o.answer(t, p)
	ours, err := mappingtest.Of(p)
	if err != nil || ours.String() != theirs.String() {
		t.Errorf("%s\nfor %v\nKeystone: %v\nhere:     %v, %v", p.Rules, p.Assertion, theirs, ours, err)
	}
	return theirs
}

// The kept cases have the outcomes that Keystone gives them.
func TestCorpus(t *testing.T) {
	o := newOracle(t)
	cases, err := mappingtest.Corpus()
	cloudtest.Check(t, err)
	for _, c := range cases {
		if got := o.compare(t, c.Pair); got.String() != c.Want.String() {
			t.Errorf("%s: kept as %v, Keystone says %v", c.Name, c.Want, got)
		}
	}
}
