package config

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// SAMLFeed is a federation's signed list of identity providers.
type SAMLFeed struct {
	Name string `json:"name"`
	From string `json:"from"` // a URL or an absolute path
	// Certificate is the PEM file of who signs it. Have it from the federation by another way than the feed.
	Certificate string `json:"certificate"`
	// RefreshHours is how often it is fetched again; 0: every 6 hours.
	RefreshHours int `json:"refresh_hours"`
}

const refreshHoursDefault = 6

// Refresh is how often the feed is fetched again.
func (f SAMLFeed) Refresh() time.Duration {
	return time.Duration(cmp.Or(f.RefreshHours, refreshHoursDefault)) * time.Hour
}

// feedName may be part of a file's name.
var feedName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (c *Config) checkFeeds() error {
	seen := map[string]bool{}
	for _, f := range c.SAMLFeeds {
		switch {
		case !feedName.MatchString(f.Name) || seen[f.Name]:
			return fmt.Errorf("saml_feeds: %q: each needs a name of its own, of 64 letters, digits, dots and dashes at most", f.Name)
		case f.From == "" || f.Certificate == "":
			return errors.New("saml_feeds: " + f.Name + " needs from, a URL or a path, and certificate, the PEM file of who signs it")
		case f.RefreshHours < 0:
			return errors.New("saml_feeds: " + f.Name + ": refresh_hours is not negative")
		}
		seen[f.Name] = true
	}
	return nil
}
