package metadata

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// Passwords keeps what a guest posts: its administrator's password, encrypted
// by the guest with the owner's public key (cloudbase-init does).
type Passwords interface {
	// Get answers what was posted, empty if nothing.
	Get(ctx context.Context, instanceID string) (string, error)
	// Set keeps it; spec.ErrExists if there is one already.
	Set(ctx context.Context, instanceID, encrypted string) error
}

// passwordBytesMax is Nova's: four properties of 255 characters.
const passwordBytesMax = 1020

func (h *Handler) servePassword(q *request) {
	switch {
	case q.Method == http.MethodGet || q.Method == http.MethodHead:
		h.getPassword(q)
	case q.Method == http.MethodPost && h.passwords != nil:
		h.setPassword(q)
	default:
		q.readOnly()
	}
}

func (h *Handler) getPassword(q *request) {
	password := ""
	if h.passwords != nil {
		var err error
		if password, err = h.passwords.Get(q.Context(), q.md.InstanceID); err != nil {
			h.log.Error("password could not be read", "instance", q.md.InstanceID, "error", err)
			http.Error(q.ResponseWriter, "500 Internal Server Error", http.StatusInternalServerError)
			return
		}
	}
	q.answer(kindText, []byte(password))
}

// setPassword takes a password once: a second one is 409, so that nothing in the guest can replace it unseen.
func (h *Handler) setPassword(q *request) {
	b, err := io.ReadAll(io.LimitReader(q.Body, passwordBytesMax+1))
	if err != nil || len(b) > passwordBytesMax {
		http.Error(q.ResponseWriter, "Request is too large.", http.StatusBadRequest)
		return
	}
	err = h.passwords.Set(q.Context(), q.md.InstanceID, string(b))
	switch {
	case errors.Is(err, spec.ErrExists):
		http.Error(q.ResponseWriter, "409 Conflict", http.StatusConflict)
	case err != nil:
		h.log.Error("password could not be kept", "instance", q.md.InstanceID, "error", err)
		http.Error(q.ResponseWriter, "500 Internal Server Error", http.StatusInternalServerError)
	}
}
