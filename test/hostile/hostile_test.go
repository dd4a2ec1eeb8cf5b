package hostile

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// TestHostileImages uploads each file through the API. Every one is refused with a sentence
// that says what is wrong, and leaves nothing behind.
func TestHostileImages(t *testing.T) {
	files := cloudtest.Need(t, "qemu-img", "nft", "ip")
	c := cloudtest.Start(t, files, cloudtest.Settings{"check_seconds": 2, "acceleration": "tcg"})
	token := c.SDK(t).Provider.TokenID
	for _, s := range samples(t) {
		t.Run(s.name, func(t *testing.T) {
			id := register(t, c, token, s.declared)
			status, answer := c.Request("PUT", "/image/v2/images/"+id+"/file", token, octets, s.content)
			if status < 400 || status > 499 {
				t.Errorf("upload answered %d: %s", status, answer)
			}
			if !strings.Contains(string(answer), s.refusal) {
				t.Errorf("the refusal %q does not say %q", answer, s.refusal)
			}
			if got := imageStatus(t, c, token, id); got == "active" {
				t.Errorf("image is %s", got)
			}
			if status, _ := c.Request("DELETE", "/image/v2/images/"+id, token, nil, nil); status != http.StatusNoContent {
				t.Errorf("delete answered %d", status)
			}
			c.NothingLeft(t)
		})
	}
	t.Run("bomb", func(t *testing.T) { bomb(t, c, token) })
	t.Run("upload cut off", func(t *testing.T) { cutOff(t, c, token) })
}

var octets = map[string]string{"Content-Type": "application/octet-stream"}

func register(t *testing.T, c *cloudtest.Cloud, token, format string) string {
	t.Helper()
	body := fmt.Sprintf(`{"name": "hostile", "disk_format": %q, "container_format": "bare"}`, format)
	status, answer := c.Request("POST", "/image/v2/images", token, map[string]string{"Content-Type": "application/json"}, []byte(body))
	if status != http.StatusCreated {
		t.Fatalf("image not registered: %d %s", status, answer)
	}
	var image struct{ ID string }
	cloudtest.Check(t, json.Unmarshal(answer, &image))
	return image.ID
}

func imageStatus(t *testing.T, c *cloudtest.Cloud, token, id string) string {
	t.Helper()
	status, answer := c.Request("GET", "/image/v2/images/"+id, token, nil, nil)
	var image struct{ Status string }
	if status != http.StatusOK || json.Unmarshal(answer, &image) != nil {
		t.Fatalf("image not shown: %d %s", status, answer)
	}
	return image.Status
}

// cutOff announces more bytes than it sends and hangs up.
func cutOff(t *testing.T, c *cloudtest.Cloud, token string) {
	id := register(t, c, token, "raw")
	ctx, cancel := context.WithTimeout(context.Background(), cloudtest.Patience(5*time.Second))
	defer cancel()
	address := strings.TrimPrefix(c.URL, "http://")
	conn, err := c.Host.Dial(ctx, "tcp", address)
	cloudtest.Check(t, err)
	_, err = fmt.Fprintf(conn, "PUT /image/v2/images/%s/file HTTP/1.1\r\nHost: %s\r\nX-Auth-Token: %s\r\n"+
		"Content-Type: application/octet-stream\r\nContent-Length: 100000000\r\n\r\n%s", id, address, token, strings.Repeat("x", 5<<20))
	cloudtest.Check(t, err)
	cloudtest.Eventually(t, cloudtest.Patience(5*time.Second), func() error {
		if got := imageStatus(t, c, token, id); got != "saving" {
			return fmt.Errorf("image is %s while it is uploaded", got)
		}
		return nil
	})
	cloudtest.Check(t, conn.(*net.TCPConn).SetLinger(0)) // a reset, as from a client that crashed
	conn.Close()
	cloudtest.Eventually(t, cloudtest.Patience(10*time.Second), func() error {
		if got := imageStatus(t, c, token, id); got != "queued" {
			return fmt.Errorf("image is %s after its upload was cut off", got)
		}
		for _, line := range c.Account() {
			if strings.HasPrefix(line, "file ") {
				return fmt.Errorf("left: %s", line)
			}
		}
		return nil
	})
	// It can be uploaded after all.
	if status, answer := c.Request("PUT", "/image/v2/images/"+id+"/file", token, octets, []byte(strings.Repeat("x", 4096))); status != http.StatusNoContent {
		t.Fatalf("second upload answered %d: %s", status, answer)
	}
	if status, _ := c.Request("DELETE", "/image/v2/images/"+id, token, nil, nil); status != http.StatusNoContent {
		t.Errorf("delete answered %d", status)
	}
	c.NothingLeft(t)
}

// bomb is a small file of a large disk: it may be kept, for it is what any empty disk looks like, but no server may be
// made from it on a flavor whose disk is smaller.
func bomb(t *testing.T, c *cloudtest.Cloud, token string) {
	m := maker{t: t, dir: t.TempDir()}
	content := m.make("qcow2", "", "10T")
	id := register(t, c, token, "qcow2")
	status, answer := c.Request("PUT", "/image/v2/images/"+id+"/file", token, octets, content)
	if status != http.StatusNoContent {
		t.Fatalf("upload answered %d: %s", status, answer)
	}
	body := fmt.Sprintf(`{"server": {"name": "boom", "imageRef": %q, "flavorRef": "1", "networks": "none"}}`, id)
	status, answer = c.Request("POST", "/compute/v2.1/servers", token, map[string]string{"Content-Type": "application/json", "OpenStack-API-Version": "compute 2.79"}, []byte(body))
	if status != http.StatusBadRequest || !strings.Contains(string(answer), "disk") {
		t.Errorf("server from the bomb: %d %s", status, answer)
	}
	volume := fmt.Sprintf(`{"volume": {"size": 1, "imageRef": %q}}`, id)
	status, answer = c.Request("POST", "/volume/v3/volumes", token, map[string]string{"Content-Type": "application/json"}, []byte(volume))
	if status != http.StatusBadRequest {
		t.Errorf("volume from the bomb: %d %s", status, answer)
	}
	if status, _ := c.Request("DELETE", "/image/v2/images/"+id, token, nil, nil); status != http.StatusNoContent {
		t.Errorf("delete answered %d", status)
	}
	c.NothingLeft(t)
}
