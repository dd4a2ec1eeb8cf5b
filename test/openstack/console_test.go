package openstack

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// consolePage opens the console's address in a browser: noVNC connects and the guest's screen is on the page.
func (s *site) consolePage(t *testing.T) {
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("needs the program chromium, which is not installed")
	}
	address := s.user.Object("console url show --novnc one").String("url")
	page := openBrowser(t, s.cloud, address)
	cloudtest.Eventually(t, cloudtest.Patience(20*time.Second), func() error {
		if state := page.evaluate(t, `document.getElementById("state") ? document.getElementById("state").textContent : ""`); state != "connected" {
			return fmt.Errorf("the page says %q", state)
		}
		return nil
	})
	cloudtest.Eventually(t, cloudtest.Patience(20*time.Second), func() error {
		url := page.evaluate(t, `document.querySelector("canvas").toDataURL("image/png")`)
		return hasText(t, url)
	})
	status, _ := s.cloud.Request("GET", "/console/websockify?token=0123456789abcdef", "", nil, nil)
	equal(t, "answer to a wrong token", status, http.StatusForbidden)
}

// hasText looks for light on dark, as a console has.
func hasText(t *testing.T, dataURL string) error {
	t.Helper()
	_, text, ok := strings.Cut(dataURL, "base64,")
	if !ok {
		return fmt.Errorf("the page has no picture: %.80s", dataURL)
	}
	screen, err := png.Decode(base64.NewDecoder(base64.StdEncoding, strings.NewReader(text)))
	if err != nil {
		return err
	}
	const someText = 100 // pixels
	if n := lightPixels(screen); n < someText {
		return fmt.Errorf("the guest's screen of %v has %d light pixels", screen.Bounds().Max, n)
	}
	return nil
}

func lightPixels(i image.Image) int {
	const light = 0x6000
	n := 0
	for y := i.Bounds().Min.Y; y < i.Bounds().Max.Y; y++ {
		for x := i.Bounds().Min.X; x < i.Bounds().Max.X; x++ {
			if r, g, b, _ := i.At(x, y).RGBA(); max(r, g, b) > light {
				n++
			}
		}
	}
	return n
}

// browser is one page of a headless Chromium, driven by its remote debugging protocol.
type browser struct {
	socket *websocket.Conn
	number int
}

func openBrowser(t *testing.T, c *cloudtest.Cloud, address string) *browser {
	t.Helper()
	port := c.Host.FreePort(t)
	profile := filepath.Join(c.Host.Dir, "browser")
	command := c.Host.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		fmt.Sprintf("--remote-debugging-port=%d", port), "--remote-allow-origins=*", "--user-data-dir="+profile, address)
	command.Env = append(os.Environ(), "HOME="+profile)
	cloudtest.Check(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill() // the page is of no more use
		_ = command.Wait()
	})
	client := &http.Client{Transport: &http.Transport{DialContext: c.Host.Dial}}
	var target string
	cloudtest.Eventually(t, cloudtest.Patience(20*time.Second), func() (err error) {
		target, err = findPage(client, port)
		return err
	})
	socket, _, err := websocket.Dial(context.Background(), target, &websocket.DialOptions{HTTPClient: client})
	cloudtest.Check(t, err)
	socket.SetReadLimit(64 << 20)
	t.Cleanup(func() { socket.CloseNow() })
	return &browser{socket: socket}
}

func findPage(client *http.Client, port int) (string, error) {
	resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/json", port))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var targets []struct {
		Type string `json:"type"`
		URL  string `json:"webSocketDebuggerUrl"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&targets); err != nil {
		return "", err
	}
	for _, target := range targets {
		if target.Type == "page" {
			return target.URL, nil
		}
	}
	return "", fmt.Errorf("the browser has no page yet: %v", targets)
}

// evaluate answers a JavaScript expression that is a string; errors in the page are an empty one.
func (b *browser) evaluate(t *testing.T, expression string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), cloudtest.Patience(10*time.Second))
	defer cancel()
	b.number++
	call, err := json.Marshal(map[string]any{"id": b.number, "method": "Runtime.evaluate", "params": map[string]any{"expression": expression}})
	cloudtest.Check(t, err)
	cloudtest.Check(t, b.socket.Write(ctx, websocket.MessageText, call))
	for {
		_, message, err := b.socket.Read(ctx)
		cloudtest.Check(t, err)
		var answer struct {
			ID     int
			Result struct{ Result struct{ Value any } }
		}
		cloudtest.Check(t, json.Unmarshal(message, &answer))
		if answer.ID == b.number {
			text, _ := answer.Result.Result.Value.(string) // nil if the page is not there yet
			return text
		}
	}
}
