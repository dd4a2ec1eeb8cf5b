package openid

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	devicePause = 5 * time.Second  // between two questions, if the issuer does not say
	deviceSlow  = 5 * time.Second  // more, each time that it says slow_down
	deviceLife  = 10 * time.Minute // of a code whose issuer does not say
)

// Device is a sign-in that a person ends on another screen than the one where it began (RFC 8628).
type Device struct {
	Page         string // where the person goes, with any browser
	UserCode     string // and what to type in there
	PageWithCode string // the same in one, as a link or a picture; may be empty
	Expires      time.Time

	code, verifier string
	pause          time.Duration
}

// Tokens are what a person at a terminal gets. The access token is the issuer's; whom it is shown to checks it.
type Tokens struct {
	Access, Refresh string
	Expires         time.Time // zero: the issuer did not say
}

// StartDevice begins a sign-in at a terminal. The caller shows the person Page and UserCode, and calls PollDevice.
func (c *Client) StartDevice(ctx context.Context, s Settings) (*Device, error) {
	i, d, err := c.signIn(ctx, s)
	if err != nil {
		return nil, err
	}
	if d.Device == "" {
		return nil, i.unreachable("device sign-in", errNothingToAsk)
	}
	verifier := newVerifier()
	a, err := c.postForm(ctx, s, d.Device, d.TokenAuth, url.Values{"client_id": {s.ClientID}, "scope": {strings.Join(s.scopes(), " ")},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"}})
	if err != nil {
		return nil, i.unreachable("device sign-in", err)
	}
	if a.status != http.StatusOK {
		return nil, i.unreachable("device sign-in", a.failure())
	}
	begun, err := readDevice(a.body, c.o.Now())
	if err != nil {
		return nil, i.unreachable("device sign-in", err)
	}
	begun.verifier = verifier
	return begun, nil
}

func readDevice(object []byte, now time.Time) (*Device, error) {
	var said struct {
		Code     string  `json:"device_code"`
		UserCode string  `json:"user_code"`
		Page     string  `json:"verification_uri"`
		Whole    string  `json:"verification_uri_complete"`
		Seconds  float64 `json:"expires_in"`
		Interval float64 `json:"interval"`
	}
	if err := json.Unmarshal(object, &said); err != nil {
		return nil, err
	}
	if said.Code == "" || said.UserCode == "" || said.Page == "" {
		return nil, errors.New("the issuer's answer has no code, or no page")
	}
	for _, shown := range []string{said.UserCode, said.Page, said.Whole} {
		if strings.ContainsFunc(shown, func(r rune) bool { return r < ' ' || r > '~' }) {
			return nil, errors.New("the issuer's answer has letters that could confuse a terminal")
		}
	}
	return &Device{Page: said.Page, UserCode: said.UserCode, PageWithCode: said.Whole, code: said.Code,
		Expires: now.Add(cmp.Or(seconds(said.Seconds), deviceLife)), pause: cmp.Or(seconds(said.Interval), devicePause)}, nil
}

// seconds is none for what makes no sense.
func seconds(n float64) time.Duration {
	if n <= 0 || n > float64(24*time.Hour/time.Second) {
		return 0
	}
	return time.Duration(n * float64(time.Second))
}

// PollDevice waits until the person has signed in, and asks the issuer no more often than it wants. A Refusal says Denied or
// Expired; an issuer that cannot be reached for a while is asked again, more and more slowly.
func (c *Client) PollDevice(ctx context.Context, s Settings, begun *Device) (*Tokens, error) {
	i, d, err := c.signIn(ctx, s)
	if err != nil {
		return nil, err
	}
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {begun.code}, "code_verifier": {begun.verifier}}
	for pause := begun.pause; ; {
		if err := sleep(ctx, pause); err != nil {
			return nil, i.unreachable("token", err)
		}
		if !c.o.Now().Before(begun.Expires) {
			return nil, i.refuse(Expired, "nobody signed in until %s", begun.Expires.UTC().Format(time.RFC3339))
		}
		got, err := c.grant(ctx, s, d, form)
		if err == nil {
			return &Tokens{Access: got.Access, Refresh: got.Refresh, Expires: got.ends(c.o.Now())}, nil
		}
		if pause, err = i.nextPause(pause, err); err != nil {
			return nil, err
		}
	}
}

// nextPause is how long to wait after an answer that is not the last (RFC 8628, section 3.5).
func (i *issuer) nextPause(pause time.Duration, err error) (time.Duration, error) {
	var no *grantError
	if !errors.As(err, &no) || no.status >= http.StatusInternalServerError {
		return 2 * pause, nil // nobody there
	}
	switch no.Code {
	case "authorization_pending":
		return pause, nil
	case "slow_down":
		return pause + deviceSlow, nil
	case "access_denied":
		return 0, i.refuse(Denied, "%v", no)
	case "expired_token":
		return 0, i.refuse(Expired, "%v", no)
	}
	return 0, i.grantFailed(err)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
