package federation

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/nubo-cloud/nubo/internal/saml/samltest"
	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// simplesamlphp is Debian's SAML identity provider in a process of its own, with settings of its own and one person, bob.
type simplesamlphp struct {
	url string // without a path
	dir string
}

const (
	simplesamlphpPages = "/usr/share/simplesamlphp/www"

	bobsPassword = "bob's password"

	// Two more services that the identity provider knows. The greedy one says that its answers go to the cloud.
	otherService  = "https://other.example/sp"
	greedyService = "https://greedy.example/sp"
)

// newSimplesamlphp starts one that knows a service by its metadata. consumer is where that wants answers.
func newSimplesamlphp(t *testing.T, service, consumer string) *simplesamlphp {
	t.Helper()
	if _, err := os.Stat(simplesamlphpPages); err != nil {
		t.Skipf("needs Debian's package simplesamlphp: %v", err)
	}
	if _, err := exec.LookPath("php"); err != nil {
		t.Skip("needs the program php, which is not installed")
	}
	_, port, _ := strings.Cut(freeAddress(t), ":")
	// It is another site than the cloud is for browsers, which cookies depend on.
	p := &simplesamlphp{url: "http://localhost:" + port, dir: t.TempDir()}
	for _, dir := range []string{"tmp", "metadata"} {
		cloudtest.Check(t, os.Mkdir(filepath.Join(p.dir, dir), 0o700))
	}
	p.write(t, "service.xml", service)
	p.write(t, "idp.key", privatePEM(t, samltest.RSA()))
	p.write(t, "idp.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: samltest.Certify(t, samltest.RSA()).Raw})))
	for file, text := range simplesamlphpSettings {
		p.fill(t, file, text, map[string]string{"URL": p.url, "Dir": p.dir, "Consumer": consumer})
	}
	p.behave(t, "")
	p.serve(t, port)
	return p
}

var simplesamlphpSettings = map[string]string{
	"config.php": `<?php $config = [
		'baseurlpath' => '{{.URL}}/', 'certdir' => '{{.Dir}}/', 'datadir' => '{{.Dir}}/', 'tempdir' => '{{.Dir}}/tmp',
		'metadatadir' => '{{.Dir}}/metadata/', 'attributenamemapdir' => '/etc/simplesamlphp/attributemap/',
		'metadata.sources' => [['type' => 'flatfile'], ['type' => 'xml', 'file' => '{{.Dir}}/service.xml']],
		'technicalcontact_email' => 'it@example.org', 'secretsalt' => 'salt of a test', 'auth.adminpassword' => 'password of a test',
		'admin.checkforupdates' => false, 'enable.saml20-idp' => true, 'module.enable' => ['core' => true, 'saml' => true, 'exampleauth' => true],
		'store.type' => 'phpsession', 'session.phpsession.cookiename' => 'SimpleSAML', 'session.phpsession.savepath' => '{{.Dir}}/tmp',
		'session.cookie.secure' => false, 'session.cookie.samesite' => null, 'trusted.url.domains' => [],
		'logging.handler' => 'errorlog', 'logging.level' => SimpleSAML\Logger::INFO];`,

	"authsources.php": `<?php $config = ['people' => ['exampleauth:UserPass', "bob:` + bobsPassword + `" => [
		'uid' => ['bob'], 'mail' => ['bob@example.org'], 'eduPersonPrincipalName' => ['bob@example.org'],
		'eduPersonEntitlement' => ['urn:mace:example.org:group:other:role=member#aai.example.org', '` + crewEntitlement + `']]]];`,

	"metadata/saml20-sp-remote.php": `<?php
		$metadata['` + otherService + `'] = ['AssertionConsumerService' => '` + otherService + `/acs'];
		$metadata['` + greedyService + `'] = ['AssertionConsumerService' => '{{.Consumer}}'];`,
}

const simplesamlphpHosted = `<?php $metadata['{{.URL}}/idp'] = ['host' => '__DEFAULT__', 'privatekey' => 'idp.key', 'certificate' => 'idp.crt',
	'auth' => 'people', 'saml20.ecp' => true, 'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri',
	'authproc' => [50 => ['class' => 'core:AttributeMap', 'name2oid']],
	{{.More}}];`

// behave changes the identity provider's ways, for those who ask from now on.
func (p *simplesamlphp) behave(t *testing.T, settings string) {
	t.Helper()
	p.fill(t, "metadata/saml20-idp-hosted.php", simplesamlphpHosted, map[string]string{"URL": p.url, "More": settings})
}

func (p *simplesamlphp) fill(t *testing.T, file, text string, with map[string]string) {
	t.Helper()
	var filled strings.Builder
	cloudtest.Check(t, template.Must(template.New("").Parse(text)).Execute(&filled, with))
	p.write(t, file, filled.String())
}

func (p *simplesamlphp) write(t *testing.T, file, text string) {
	t.Helper()
	cloudtest.Check(t, os.WriteFile(filepath.Join(p.dir, file), []byte(text), 0o600))
}

func (p *simplesamlphp) serve(t *testing.T, port string) {
	t.Helper()
	// Settings change while it runs; the cache of files would notice only seconds later.
	c := exec.Command("php", "-d", "opcache.enable=0", "-S", "127.0.0.1:"+port, "-t", simplesamlphpPages)
	c.Env = append(os.Environ(), "SIMPLESAMLPHP_CONFIG_DIR="+p.dir)
	launch(t, p.dir, c, func() error {
		a, err := http.Get(p.metadataURL())
		if err != nil {
			return err
		}
		defer a.Body.Close()
		if a.StatusCode != http.StatusOK {
			return fmt.Errorf("simplesamlphp's metadata: %s", a.Status)
		}
		return nil
	})
}

func (p *simplesamlphp) metadataURL() string { return p.url + "/saml2/idp/metadata.php" }

// signOn is where requests go, those of programs, too.
func (p *simplesamlphp) signOn() string { return p.url + "/saml2/idp/SSOService.php" }

// signIn takes a walker who was sent here through the page that asks for a password, to the answer.
func (p *simplesamlphp) signIn(w *walker, at page) form {
	w.t.Helper()
	return w.form(w.send(w.form(at, "password"), "username", "bob", "password", bobsPassword), "SAMLResponse")
}
