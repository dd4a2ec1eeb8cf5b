package metadata

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// Signer has the key that documents are signed with, and the certificate that others check them by.
type Signer func(ctx context.Context) (crypto.Signer, *x509.Certificate, error)

// identityDocument is what an instance shows to others to prove which one it is. What this cloud never has is null.
type identityDocument struct {
	AccountID        string `json:"accountId"`
	Architecture     string `json:"architecture"`
	AvailabilityZone string `json:"availabilityZone"`
	Billing          any    `json:"billingProducts"`
	DevPay           any    `json:"devpayProductCodes"`
	Marketplace      any    `json:"marketplaceProductCodes"`
	ImageID          string `json:"imageId"`
	InstanceID       string `json:"instanceId"`
	InstanceType     string `json:"instanceType"`
	KernelID         any    `json:"kernelId"`
	PendingTime      string `json:"pendingTime"`
	PrivateIP        string `json:"privateIp"`
	RamdiskID        any    `json:"ramdiskId"`
	Region           string `json:"region"`
	Version          string `json:"version"`
}

const (
	ec2Identity     = "instance-identity"
	identityVersion = "2017-09-30"
)

// putIdentity adds the document and, if there is a key, its signatures: one of the bare document, and one that holds it.
func (l Layout) putIdentity(ctx context.Context, root *node, md spec.Metadata) {
	document := l.identityDocument(md)
	root.put(string(document), ec2Dynamic, ec2Identity, "document")
	if l.Signer == nil {
		return
	}
	put := func(name string, of func(signature []byte, by *x509.Certificate) ([]byte, error)) {
		root.add(&node{make: func() ([]byte, error) { return l.signed(ctx, document, of) }}, ec2Dynamic, ec2Identity, name)
	}
	message := func(signature []byte, by *x509.Certificate) ([]byte, error) {
		return signedMessage(document, signature, by)
	}
	put("signature", func(signature []byte, _ *x509.Certificate) ([]byte, error) { return signature, nil })
	put("pkcs7", message)
	put("rsa2048", message)
}

func (l Layout) identityDocument(md spec.Metadata) []byte {
	place := l.place(md)
	document, _ := json.MarshalIndent(identityDocument{AccountID: md.Account, Architecture: ec2Architecture(md.Architecture), AvailabilityZone: place.Zone,
		ImageID: shortID("ami", md.Short.Image), InstanceID: shortID("i", md.Short.Instance), InstanceType: md.Size,
		PendingTime: md.CreatedAt.UTC().Format(time.RFC3339), PrivateIP: firstAddress(md), Region: place.Region, Version: identityVersion}, "", "  ") // strings cannot fail
	return document
}

// signed is a form of the document's signature, as text.
func (l Layout) signed(ctx context.Context, document []byte, form func(signature []byte, by *x509.Certificate) ([]byte, error)) ([]byte, error) {
	key, certificate, err := l.Signer(ctx)
	if err != nil {
		return nil, fmt.Errorf("key of identity documents: %w", err)
	}
	sum := sha256.Sum256(document)
	signature, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	b, err := form(signature, certificate)
	return wrapped(b), err
}

// ec2Architecture is an architecture by the name that it has there.
func ec2Architecture(name string) string {
	switch {
	case name == "aarch64" || name == "" && runtime.GOARCH == "arm64":
		return "arm64"
	case name == "":
		return "x86_64"
	}
	return name
}

// wrapped is base 64 in lines, as tools that take it from here expect.
func wrapped(b []byte) []byte {
	const width = 64
	text := base64.StdEncoding.EncodeToString(b)
	var lines []string
	for len(text) > width {
		lines, text = append(lines, text[:width]), text[width:]
	}
	return []byte(strings.Join(append(lines, text), "\n"))
}
