package federation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// driver is chromedriver, which runs browsers for who speaks the W3C's WebDriver protocol.
type driver struct{ url string }

func newDriver(t *testing.T) *driver {
	t.Helper()
	for _, program := range []string{"chromium", "chromedriver"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs the program %s, which is not installed", program)
		}
	}
	c := exec.Command("chromedriver", "--port=0")
	dir := t.TempDir()
	c.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir) // profiles go with the test
	out, err := c.StdoutPipe()
	cloudtest.Check(t, err)
	cloudtest.Check(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Kill() // its browsers have ended
		_ = c.Wait()
	})
	started := regexp.MustCompile(`started successfully on port (\d+)`)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := started.FindStringSubmatch(lines.Text()); m != nil {
			go func() { _, _ = io.Copy(io.Discard, out) }() // it must not wait for a reader
			return &driver{"http://127.0.0.1:" + m[1]}
		}
	}
	t.Fatalf("chromedriver does not say its port: %v", lines.Err())
	return nil
}

// browser is a headless Chromium with a profile of its own.
type browser struct {
	t   *testing.T
	url string // of its session
}

// browser starts one. What a test looks for on a page is waited for.
func (d *driver) browser(t *testing.T) *browser {
	t.Helper()
	b := &browser{t: t, url: d.url + "/session"}
	var made struct{ SessionID string }
	b.ask("POST", "", object{"capabilities": object{"alwaysMatch": object{"timeouts": object{"implicit": cloudtest.Patience(10 * time.Second).Milliseconds()},
		"goog:chromeOptions": object{"args": []string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en",
			"--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"}}}}}, &made)
	b.url += "/" + made.SessionID
	t.Cleanup(func() { b.ask("DELETE", "", nil, nil) })
	return b
}

// element names what is found on a page; its key is the protocol's.
type element struct {
	ID string `json:"element-6066-11e4-a52e-4f735466cecf"`
}

// try asks the driver.
func (b *browser) try(method, path string, body, into any) error {
	b.t.Helper()
	var text []byte
	if body != nil {
		var err error
		text, err = json.Marshal(body)
		cloudtest.Check(b.t, err)
	}
	r, err := http.NewRequest(method, b.url+path, bytes.NewReader(text))
	cloudtest.Check(b.t, err)
	a, err := http.DefaultClient.Do(r)
	cloudtest.Check(b.t, err)
	defer a.Body.Close()
	var answer struct{ Value json.RawMessage }
	cloudtest.Check(b.t, json.NewDecoder(a.Body).Decode(&answer))
	if a.StatusCode != http.StatusOK {
		var why struct{ Message string }
		_ = json.Unmarshal(answer.Value, &why) // what has no message says nothing
		return fmt.Errorf("browser: %s %s: %s: %s", method, path, a.Status, why.Message)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, into)
}

func (b *browser) ask(method, path string, body, into any) {
	b.t.Helper()
	cloudtest.Check(b.t, b.try(method, path, body, into))
}

// open goes to an address and waits for the page that it leads to.
func (b *browser) open(address string) {
	b.t.Helper()
	b.ask("POST", "/url", object{"url": address}, nil)
}

// address is where the browser is.
func (b *browser) address() (at string) {
	b.t.Helper()
	b.ask("GET", "/url", nil, &at)
	return at
}

// see is what a script on the page answers; nothing while pages change.
func (b *browser) see(script string, arguments ...any) (answer string) {
	b.t.Helper()
	if err := b.try("POST", "/execute/sync", object{"script": script, "args": append([]any{}, arguments...)}, &answer); err != nil {
		return ""
	}
	return answer
}

func (b *browser) find(selector string) (e element) {
	b.t.Helper()
	if err := b.try("POST", "/element", object{"using": "css selector", "value": selector}, &e); err != nil {
		b.t.Fatalf("%v\nat %s the page says:\n%s", err, b.address(), b.see("return document.body.innerText"))
	}
	return e
}

// text is what an element shows.
func (b *browser) text(selector string) (shown string) {
	b.t.Helper()
	b.ask("GET", "/element/"+b.find(selector).ID+"/text", nil, &shown)
	return shown
}

func (b *browser) fill(selector, text string) {
	b.t.Helper()
	b.ask("POST", "/element/"+b.find(selector).ID+"/value", object{"text": text}, nil)
}

func (b *browser) click(selector string) {
	b.t.Helper()
	b.press(b.find(selector))
}

func (b *browser) clickAll(selector string) {
	b.t.Helper()
	var all []element
	b.ask("POST", "/elements", object{"using": "css selector", "value": selector}, &all)
	for _, e := range all {
		b.press(e)
	}
}

func (b *browser) press(e element) {
	b.t.Helper()
	b.ask("POST", "/element/"+e.ID+"/click", object{}, nil)
}

// tab opens one more tab and turns to it.
func (b *browser) tab() string {
	b.t.Helper()
	var made struct{ Handle string }
	b.ask("POST", "/window/new", object{"type": "tab"}, &made)
	b.turnTo(made.Handle)
	return made.Handle
}

func (b *browser) turnTo(tab string) {
	b.t.Helper()
	b.ask("POST", "/window", object{"handle": tab}, nil)
}
