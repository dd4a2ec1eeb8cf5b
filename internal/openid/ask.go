package openid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// answerMax bounds what an issuer may answer, in bytes.
const answerMax = 1 << 20

// answer is an issuer's, read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) mediaType() string {
	kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil { // as good as none
		return ""
	}
	return kind
}

func (c *Client) ask(r *http.Request) (*answer, error) {
	r.Header.Set("Accept", "application/json")
	got, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	body, err := io.ReadAll(io.LimitReader(got.Body, answerMax+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > answerMax:
		return nil, fmt.Errorf("the answer is larger than %d bytes", answerMax)
	case got.StatusCode >= 300 && got.StatusCode < 400:
		return nil, fmt.Errorf("the issuer redirects to '%s', where nothing is sent", got.Header.Get("Location"))
	}
	return &answer{status: got.StatusCode, header: got.Header, body: body}, nil
}

// getJSON reads what an issuer publishes.
func (c *Client) getJSON(ctx context.Context, from string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	a, err := c.ask(r)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return fmt.Errorf("%s answered %d", from, a.status)
	}
	return json.Unmarshal(a.body, into)
}

// postForm sends a form in the name of the client that s is. methods are the ways to authenticate that the endpoint lists.
func (c *Client) postForm(ctx context.Context, s Settings, to string, methods []string, form url.Values) (*answer, error) {
	inForm, err := s.authenticatesInForm(methods)
	if err != nil {
		return nil, err
	}
	if inForm {
		form.Set("client_id", s.ClientID)
		if s.ClientSecret != "" {
			form.Set("client_secret", s.ClientSecret)
		}
		return c.sendForm(ctx, to, form, nil)
	}
	return c.sendBasic(ctx, s, to, form)
}

// sendForm sends one with a Basic header, if there is something for it.
func (c *Client) sendForm(ctx context.Context, to string, form url.Values, basic *url.Userinfo) (*answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basic != nil {
		password, _ := basic.Password()
		r.SetBasicAuth(basic.Username(), password)
	}
	return c.ask(r)
}

// authenticatesInForm says where the client's id and secret go. A list that is not there means Basic (Discovery, section 3). A public client
// has only a name to show.
func (s Settings) authenticatesInForm(methods []string) (bool, error) {
	switch {
	case s.ClientSecret == "":
		return true, nil
	case len(methods) == 0 || slices.Contains(methods, "client_secret_basic"):
		return false, nil
	case slices.Contains(methods, "client_secret_post"):
		return true, nil
	}
	return false, errors.New("the issuer takes no client secret, only " + strings.Join(methods, ", "))
}
