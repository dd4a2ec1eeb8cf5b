package openstack

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/nubo-cloud/nubo/internal/idempotency"
)

// keyHeader carries a client's idempotency key.
const keyHeader = "X-Idempotency-Key"

// Repeats remembers the answers of creates. Package idempotency implements it.
type Repeats interface {
	Once(ctx context.Context, r idempotency.Request, create func(ctx context.Context) ([]byte, error)) ([]byte, error)
}

// creates tells whether a route makes a thing of its own: a POST to a collection. Verbs on a thing are none.
func creates(pattern string) bool {
	path, ok := strings.CutPrefix(pattern, "POST ")
	return ok && (!strings.Contains(path, "{") || strings.HasSuffix(path, "/application_credentials"))
}

// repeatable makes a create with a key one that may be sent again.
func (s *Service) repeatable(pattern string, h Handler) Handler {
	if !creates(pattern) {
		return h
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		key := r.Header.Get(keyHeader)
		if s.Repeats == nil || key == "" {
			return h(w, r)
		}
		body, err := ReadBody(r)
		if err != nil {
			return err
		}
		answer, err := s.Repeats.Once(r.Context(), idempotency.Request{Scope: s.Name + " " + pattern, Key: key, Body: body},
			func(ctx context.Context) ([]byte, error) { return answerOf(ctx, r, body, h) })
		if err != nil {
			return err
		}
		return replay(w, answer)
	}
}

// answerOf runs a handler and keeps what it writes.
func answerOf(ctx context.Context, r *http.Request, body []byte, h Handler) ([]byte, error) {
	r = r.WithContext(ctx)
	r.Body = io.NopCloser(bytes.NewReader(body))
	a := &answer{Status: http.StatusOK, Headers: http.Header{}}
	if err := h(a, r); err != nil {
		return nil, err
	}
	return json.Marshal(a)
}

// answer is an http.ResponseWriter whose answer can be kept.
type answer struct {
	Status  int         `json:"status"`
	Headers http.Header `json:"headers"`
	Body    []byte      `json:"body"`
}

// Header answers the headers to be written.
func (a *answer) Header() http.Header { return a.Headers }

// WriteHeader keeps the status.
func (a *answer) WriteHeader(status int) { a.Status = status }

// Write keeps a part of the body.
func (a *answer) Write(b []byte) (int, error) {
	a.Body = append(a.Body, b...)
	return len(b), nil
}

func replay(w http.ResponseWriter, kept []byte) error {
	var a answer
	if err := json.Unmarshal(kept, &a); err != nil {
		return err
	}
	maps.Copy(w.Header(), a.Headers)
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // the client is gone: it may ask again
	return nil
}
