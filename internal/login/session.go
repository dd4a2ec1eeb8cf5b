package login

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

type object = map[string]any

// session is a person's with the cloud's identity service.
type session struct {
	root  string
	http  *http.Client
	token string // the last one given
}

// answerMax bounds what is read of an answer.
const answerMax = 4 << 20 // bytes

func escape(name string) string { return url.PathEscape(name) }

// call makes a request by the session's token, or by what authorization says. A token in the answer is the session's from then on.
func (c *session) call(ctx context.Context, method, path, authorization string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if body == nil {
		text = nil
	}
	q, err := http.NewRequestWithContext(ctx, method, c.root+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	q.Header.Set("Accept", "application/json")
	if body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	if authorization != "" {
		q.Header.Set("Authorization", authorization)
	} else if c.token != "" {
		q.Header.Set("X-Auth-Token", c.token)
	}
	a, err := c.http.Do(q)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	text, err = io.ReadAll(io.LimitReader(a.Body, answerMax))
	if err != nil {
		return err
	}
	if a.StatusCode < http.StatusOK || a.StatusCode >= http.StatusMultipleChoices {
		return refusal(a.StatusCode, text)
	}
	if t := a.Header.Get("X-Subject-Token"); t != "" {
		c.token = t
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

func refusal(status int, body []byte) error {
	var fault struct{ Error struct{ Message string } }
	if json.Unmarshal(body, &fault) != nil || fault.Error.Message == "" {
		fault.Error.Message = http.StatusText(status)
	}
	return fmt.Errorf("%s (%d)", fault.Error.Message, status)
}
