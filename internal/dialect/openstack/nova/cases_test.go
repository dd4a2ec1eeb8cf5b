package nova_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// TestCases runs each file of testdata/cases against a cloud of its own with two simulated hosts. A file has exchanges
// separated by "---": a request ("2.1 GET /compute/v2.1/servers" and a body) and the expected answer ("=> 200" and a
// body). Ids, times and secrets of answers are replaced by words; requests may use the ids: ID1 is the first that any
// answer showed. "until ACTIVE" instead of a body repeats a GET until the answer says so. UPDATE=1 rewrites the
// answers.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*.txt")
	ok(t, err)
	if len(files) == 0 {
		t.Fatal("no cases")
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { runCase(t, path) })
	}
}

func runCase(t *testing.T, path string) {
	t.Parallel()
	text, err := os.ReadFile(path)
	ok(t, err)
	c := newClient(t)
	var out []string
	for _, exchange := range strings.Split(string(text), "\n---\n") {
		request, want, _ := strings.Cut(exchange, "\n=> ")
		got := c.exchange(request)
		if strings.TrimSpace(got) != strings.TrimSpace(want) && os.Getenv("UPDATE") == "" {
			t.Errorf("%s\n=> %s\nwant:\n=> %s", request, got, want)
		}
		out = append(out, request+"\n=> "+strings.TrimSpace(got))
	}
	if os.Getenv("UPDATE") != "" {
		ok(t, os.WriteFile(path, []byte(strings.Join(out, "\n---\n")+"\n"), 0o644))
	}
}

// client asks one cloud as its administrator, who owns a network and an image.
type client struct {
	t       *testing.T
	handler http.Handler
	token   string
	ids     map[string]string // id -> word
	words   []string          // ids in the order of their words
}

func newClient(t *testing.T) *client {
	cloud := testcloud.New(t, testcloud.Options{Hosts: 2})
	c := &client{t: t, handler: cloud.Handler(), ids: map[string]string{}}
	body := fmt.Sprintf(`{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "admin", "domain": {"id": "default"}, "password": %q}}},
		"scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}}`, cloud.Password())
	c.token = c.send("", http.MethodPost, "/v3/auth/tokens", body).Header().Get("X-Subject-Token")
	if c.token == "" {
		t.Fatal("no token")
	}
	var made struct{ ID string }
	w := c.send("", http.MethodPost, "/image/v2/images", `{"name": "tiny", "disk_format": "raw", "container_format": "bare"}`)
	ok(t, json.Unmarshal(w.Body.Bytes(), &made))
	if w := c.send("", http.MethodPut, "/image/v2/images/"+made.ID+"/file", strings.Repeat("x", 4096), "application/octet-stream"); w.Code != http.StatusNoContent {
		t.Fatalf("upload: %d %s", w.Code, w.Body)
	}
	c.remember("IMAGE", made.ID)
	var net struct{ Network struct{ ID string } }
	ok(t, json.Unmarshal(c.send("", http.MethodPost, "/network/v2.0/networks", `{"network": {"name": "net"}}`).Body.Bytes(), &net))
	c.remember("NET", net.Network.ID)
	w = c.send("", http.MethodPost, "/network/v2.0/subnets", `{"subnet": {"network_id": "`+net.Network.ID+`", "ip_version": 4, "cidr": "10.0.0.0/29"}}`)
	if w.Code != http.StatusCreated {
		t.Fatalf("subnet: %d %s", w.Code, w.Body)
	}
	return c
}

func (c *client) remember(word, id string) { c.ids[id] = word }

func (c *client) send(version, method, path, body string, contentType ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RequestURI = path
	r.Host = "cloud"
	r.Header.Set("Content-Type", "application/json")
	if len(contentType) > 0 {
		r.Header.Set("Content-Type", contentType[0])
	}
	r.Header.Set("X-Auth-Token", c.token)
	if version != "" {
		r.Header.Set("OpenStack-API-Version", "compute "+version)
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return w
}

// exchange sends a request and answers what came back, in the form of the files.
func (c *client) exchange(request string) string {
	c.t.Helper()
	lines := strings.SplitN(strings.TrimSpace(c.expand(request)), "\n", 2)
	words := strings.Fields(lines[0])
	if len(words) != 3 {
		c.t.Fatalf("not a request: %q", lines[0])
	}
	body := ""
	if len(lines) > 1 {
		body = lines[1]
	}
	if state, waits := strings.CutPrefix(body, "until "); waits {
		return c.until(words, state)
	}
	w := c.send(words[0], words[1], words[2], body)
	return fmt.Sprintf("%d\n%s", w.Code, c.normal(w.Body.Bytes()))
}

// until repeats a GET until the answer has the text, whose code and text then stand for it.
func (c *client) until(words []string, text string) string {
	var w *httptest.ResponseRecorder
	testcloud.Eventually(c.t, strings.Join(words, " ")+" until "+text, func() bool {
		w = c.send(words[0], words[1], words[2], "")
		if _, err := strconv.Atoi(text); err == nil {
			return fmt.Sprint(w.Code) == text // an id may well have these digits
		}
		return strings.Contains(w.Body.String(), text)
	})
	return fmt.Sprintf("%d\n%s", w.Code, text)
}

var word = regexp.MustCompile(`\b(ID\d+|IMAGE|NET)\b`)

func (c *client) expand(text string) string {
	return word.ReplaceAllStringFunc(text, func(w string) string {
		for id, known := range c.ids {
			if known == w {
				return id
			}
		}
		return w
	})
}

var (
	anyID   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{56}\b|\b[0-9a-f]{32}\b`)
	anyTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?`)
	anyMAC  = regexp.MustCompile(`\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b`)
	anyHost = regexp.MustCompile(`("OS-EXT-SRV-ATTR:(?:host|hypervisor_hostname)": )"[^"]*"`)
	anyIP   = regexp.MustCompile(`\b(10\.0\.0|172\.24\.4)\.\d+"`)
	secrets = regexp.MustCompile(`("(?:adminPass|private_key|public_key|fingerprint|OS-EXT-SRV-ATTR:reservation_id|request_id)": )"[^"]*"`)
)

// normal is the body with what differs from run to run replaced.
func (c *client) normal(b []byte) string {
	var pretty bytes.Buffer
	if len(b) == 0 {
		return ""
	}
	ok(c.t, json.Indent(&pretty, b, "", "  "))
	text := secrets.ReplaceAllString(pretty.String(), `$1"SECRET"`)
	text = anyIP.ReplaceAllString(anyHost.ReplaceAllString(text, `$1"HOST"`), `$1.N"`)
	text = anyID.ReplaceAllStringFunc(text, func(id string) string {
		if c.ids[id] == "" {
			c.words = append(c.words, id)
			c.remember(fmt.Sprintf("ID%d", len(c.words)), id)
		}
		return c.ids[id]
	})
	return anyMAC.ReplaceAllString(anyTime.ReplaceAllString(text, "TIME"), "MAC")
}
