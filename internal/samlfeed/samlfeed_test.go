package samlfeed

import (
	"bytes"
	"context"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/saml/samltest"
)

// federation publishes a feed.
type federation struct {
	t      *testing.T
	signer *samltest.IdentityProvider
	dir    string
	text   []byte // what is published
	asked  int
	url    string
}

func newFederation(t *testing.T) *federation {
	t.Helper()
	f := &federation{t: t, signer: samltest.New(t, "https://federation.example", samltest.RSA()), dir: t.TempDir()}
	f.publish(10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		f.asked++
		_, _ = w.Write(f.text)
	}))
	t.Cleanup(server.Close)
	f.url = server.URL
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.signer.Certificate.Raw})
	if err := os.WriteFile(f.dir+"/signer.pem", certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *federation) publish(entities int) {
	f.t.Helper()
	var out bytes.Buffer
	samltest.Feed{Entities: entities, ValidUntil: time.Now().Add(24 * time.Hour)}.Write(f.t, &out, f.signer)
	f.text = out.Bytes()
}

func (f *federation) keeper() (*Keeper, *feed) {
	f.t.Helper()
	k, err := New(filepath.Join(f.dir, "state"), []Source{{Name: "edu", From: f.url, Certificate: f.dir + "/signer.pem", Every: time.Hour}}, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		f.t.Fatal(err)
	}
	return k, k.feeds["edu"]
}

// A feed is read once, is there after a restart before anybody asks for it, and is read again when it is another.
func TestFeedIsKept(t *testing.T) {
	f := newFederation(t)
	k, edu := f.keeper()
	if _, ok := k.Feed("edu"); ok || !k.Configured("edu") || k.Configured("other") {
		t.Error("a feed that was never read is there, or is not configured")
	}
	for _, want := range []bool{true, false} {
		if fresh, err := k.refresh(context.Background(), edu); err != nil || fresh != want {
			t.Fatalf("fresh %t, want %t: %v", fresh, want, err)
		}
	}
	asked := f.asked
	k, edu = f.keeper()
	index, ok := k.Feed("edu")
	if !ok || index.Len() != 5 || f.asked != asked {
		t.Fatalf("after a restart: %t, asked %d times", ok, f.asked-asked)
	}
	f.publish(20)
	if fresh, err := k.refresh(context.Background(), edu); err != nil || !fresh {
		t.Fatalf("another feed: %t, %v", fresh, err)
	}
	if index, _ := k.Feed("edu"); index.Len() != 10 {
		t.Errorf("%d providers", index.Len())
	}
}

// What is no feed, or signed by somebody else, leaves the one before; nothing is left of it.
func TestBadFeedsChangeNothing(t *testing.T) {
	f := newFederation(t)
	k, edu := f.keeper()
	if _, err := k.refresh(context.Background(), edu); err != nil {
		t.Fatal(err)
	}
	good := f.signer
	f.signer = samltest.New(t, "https://evil.example", samltest.Other())
	f.publish(30)
	f.signer = good
	for _, text := range [][]byte{f.text, []byte("<x/>"), nil} {
		f.text = text
		if _, err := k.refresh(context.Background(), edu); err == nil {
			t.Errorf("took %.20s", text)
		}
	}
	if index, ok := k.Feed("edu"); !ok || index.Len() != 5 {
		t.Error("the one before is gone")
	}
	left, err := os.ReadDir(k.dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left in the directory: %v %v", left, err)
	}
}
