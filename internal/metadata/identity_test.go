package metadata

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// signingGuest asks a handler that signs, and has its certificate.
func signingGuest(t *testing.T) (guest, *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "cloud"}, NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	signer := func(context.Context) (crypto.Signer, *x509.Certificate, error) { return key, certificate, nil }
	lookup := func(context.Context, spec.PortID) (spec.Metadata, error) { return sample(), nil }
	return guest{t, NewHandler(lookup, Layout{Signer: signer}, nil, nil)}, certificate
}

const identityPath = "/latest/dynamic/instance-identity/"

// TestIdentitySignature: the signature is of the document as it is served.
func TestIdentitySignature(t *testing.T) {
	g, certificate := signingGuest(t)
	if got := g.want(200, "GET", identityPath); got != "document\npkcs7\nrsa2048\nsignature" {
		t.Errorf("listed: %q", got)
	}
	document := g.want(200, "GET", identityPath+"document")
	var says map[string]any
	if err := json.Unmarshal([]byte(document), &says); err != nil || says["instanceId"] != "i-83679162" || says["accountId"] != "123456789012" {
		t.Errorf("%v says %v", err, says)
	}
	signature, err := base64.StdEncoding.DecodeString(g.want(200, "GET", identityPath+"signature"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(document))
	if err := rsa.VerifyPKCS1v15(certificate.PublicKey.(*rsa.PublicKey), crypto.SHA256, sum[:], signature); err != nil {
		t.Error(err)
	}
}

// TestIdentityMessage: a common tool takes the document out of its message, and believes it by the cloud's certificate.
func TestIdentityMessage(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("there is no openssl here")
	}
	g, certificate := signingGuest(t)
	dir := t.TempDir()
	message := "-----BEGIN PKCS7-----\n" + g.want(200, "GET", identityPath+"pkcs7") + "\n-----END PKCS7-----\n"
	for name, text := range map[string][]byte{"message": []byte(message), "certificate": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(openssl, "smime", "-verify", "-inform", "PEM", "-in", "message", "-certfile", "certificate", "-noverify")
	c.Dir = dir
	out, err := c.Output()
	if err != nil || strings.ReplaceAll(string(out), "\r\n", "\n") != g.want(200, "GET", identityPath+"document") {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			t.Log(string(failed.Stderr))
		}
		t.Errorf("%v, and what was signed is\n%s", err, out)
	}
}
