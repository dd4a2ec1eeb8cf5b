package federation

import (
	"strings"
	"testing"
)

// TestSAMLBrowserSignIn takes Chromium the way that TestSAMLWebSignIn takes a program: its cookies are those that browsers send along.
func TestSAMLBrowserSignIn(t *testing.T) {
	needSites(t)
	browsers, address := newDriver(t), freeAddress(t)
	d := newDashboard(t, "http://"+address)
	c := newCampus(t, map[string]any{"listen": address, "trusted_dashboards": []string{d.page()}})
	t.Run("signed in", func(t *testing.T) {
		b := browsers.browser(t)
		for _, signsIn := range []func(*browser){c.idp.enter, func(*browser) {}} { // the second time the provider knows bob
			b.open(c.beginning(d.page()))
			signsIn(b)
			if got := b.text("#projects"); got != "crew" {
				t.Errorf("the dashboard shows the projects %q, want crew", got)
			}
		}
	})
	t.Run("untrusted dashboard", func(t *testing.T) {
		thief, b := newDashboard(t, c.url), browsers.browser(t)
		b.open(c.beginning(thief.page()))
		wantSaid(b, "not a trusted dashboard host")
		if n := thief.visits(); n > 0 {
			t.Errorf("an untrusted dashboard was brought %d tokens", n)
		}
	})
	t.Run("another browser", func(t *testing.T) {
		before, b := d.visits(), browsers.browser(t)
		b.open(newWalker(t).sentTo(c.beginning(d.page())).String())
		c.idp.enter(b)
		wantSaid(b, "did not begin in this browser")
		if n := d.visits() - before; n != 0 {
			t.Errorf("the dashboard was brought %d tokens", n)
		}
	})
}

// enter takes a browser that was sent here through the page that asks for a password.
func (p *simplesamlphp) enter(b *browser) {
	b.t.Helper()
	b.fill("[name=username]", "bob")
	b.fill("[name=password]", bobsPassword)
	b.click("#submit_button")
}

func wantSaid(b *browser, words string) {
	b.t.Helper()
	if said := b.text("body"); !strings.Contains(said, words) {
		b.t.Errorf("at %s: %s", b.address(), said)
	}
}
