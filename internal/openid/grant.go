package openid

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// tokens are what an issuer gives for a grant.
type tokens struct {
	Access  string  `json:"access_token"`
	ID      string  `json:"id_token"`
	Refresh string  `json:"refresh_token"`
	Seconds float64 `json:"expires_in"`
}

// grantError is an issuer's no.
type grantError struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (e *grantError) Error() string {
	return fmt.Sprintf("the issuer answered %d %.80q %.200q", e.status, e.Code, e.Description)
}

// failure is an answer that is none.
func (a *answer) failure() error {
	e := &grantError{}
	if json.Unmarshal(a.body, e) != nil { // a page for people: the status must do
		*e = grantError{}
	}
	e.status = a.status
	return e
}

// grant asks the token endpoint. The error is a *grantError if the issuer said no.
func (c *Client) grant(ctx context.Context, s Settings, d *document, form url.Values) (*tokens, error) {
	if d.Token == "" {
		return nil, errNothingToAsk
	}
	a, err := c.postForm(ctx, s, d.Token, d.TokenAuth, form)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, a.failure()
	}
	var got tokens
	if err := json.Unmarshal(a.body, &got); err != nil {
		return nil, fmt.Errorf("the issuer's tokens do not read: %w", err)
	}
	return &got, nil
}

// ends is when an access token given now does, or the zero time.
func (t *tokens) ends(now time.Time) time.Time {
	if t.Seconds <= 0 || t.Seconds > lastSecond {
		return time.Time{}
	}
	return now.Add(time.Duration(t.Seconds) * time.Second)
}
