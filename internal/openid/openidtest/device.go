package openidtest

import (
	"context"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// devicePause is how often a device may ask.
const devicePause = 5 * time.Second

// device is a terminal that waits for somebody to sign in elsewhere.
type device struct {
	userCode string
	state    op.DeviceAuthorizationState
}

func (s storage) StoreDeviceAuthorization(_ context.Context, app, code, userCode string, expires time.Time, scopes []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.devices[code] = &device{userCode: userCode, state: op.DeviceAuthorizationState{ClientID: app, Scopes: scopes, Expires: expires}}
	return nil
}

func (s storage) GetDeviceAuthorizatonState(_ context.Context, app, code string) (*op.DeviceAuthorizationState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.devices[code]
	if !ok || d.state.ClientID != app {
		return nil, errNone
	}
	state := d.state
	return &state, nil
}

// Approve is somebody typing in a device's code and signing in; an empty subject says no.
func (p *Provider) Approve(userCode, subject string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.devices {
		if d.userCode == userCode {
			d.state.Subject, d.state.Done, d.state.Denied, d.state.AuthTime = subject, subject != "", subject == "", time.Now()
			return true
		}
	}
	return false
}
