package console

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// greeter is a guest whose console says hello.
type greeter struct{}

func (greeter) AuthorizeConsole(context.Context, cloud.InstanceID) error { return nil }

func (greeter) DialConsole(context.Context, cloud.InstanceID, spec.ConsoleKind) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		_, _ = io.WriteString(theirs, "hello") // the test fails if it does not arrive
		_ = theirs.Close()
	}()
	return ours, nil
}

// A viewer finds its websocket in the page's address; with another token it is connected and let go without a word.
func TestTokens(t *testing.T) {
	s := New(greeter{}, t.TempDir(), slog.New(slog.DiscardHandler))
	server := httptest.NewServer(s)
	defer server.Close()
	address, err := s.Open(t.Context(), "i", spec.ConsoleVNC)
	if err != nil {
		t.Fatal(err)
	}
	page, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	path := page.Query().Get("path")
	for _, c := range []struct{ path, want string }{{path, "hello"}, {strings.Replace(path, "token=", "token=bad", 1), ""}} {
		ws, _, err := websocket.Dial(t.Context(), server.URL+"/"+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, b, _ := ws.Read(t.Context()); string(b) != c.want {
			t.Errorf("%s: read %q, want %q", c.path, b, c.want)
		}
		_ = ws.CloseNow()
	}
	answer, err := http.Get(server.URL + "/console/websockify?token=bad")
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("without an upgrade: %s", answer.Status)
	}
}
