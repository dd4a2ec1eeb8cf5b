package openid_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/openid"
	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
)

// A person at a terminal signs in elsewhere, and gets a token that opens the cloud.
func TestDevice(t *testing.T) {
	for _, id := range []string{"cloud", "terminal"} { // with a secret and without
		still(t, func(w *world) {
			w.s = openid.Settings{Issuer: issuer, ClientID: id}
			if id == "cloud" {
				w.s.ClientSecret = secret
			}
			d, err := w.client.StartDevice(w.Context(), w.s)
			if err != nil {
				w.Fatal(err)
			}
			if d.Page != issuer+"/device" || d.UserCode == "" || d.PageWithCode == "" {
				w.Errorf("the person is told %+v", d)
			}
			time.AfterFunc(12*time.Second, func() { w.op.Approve(d.UserCode, someone) })
			got, err := w.client.PollDevice(w.Context(), w.s, d)
			if err != nil {
				w.Fatal(err)
			}
			w.asked(openidtest.Token, 3) // after 5, 10 and 15 seconds
			w.is(w.accept(got.Access), someone, member)
		})
	}
}

// The person's no, nobody's yes, and a caller who goes away end the waiting.
func TestDeviceEnds(t *testing.T) {
	still(t, func(w *world) {
		d := w.start()
		time.AfterFunc(time.Second, func() { w.op.Approve(d.UserCode, "") })
		_, err := w.client.PollDevice(w.Context(), w.s, d)
		refused(w.T, nil, err, openid.Denied)
	})
	still(t, func(w *world) {
		_, err := w.client.PollDevice(w.Context(), w.s, w.start())
		refused(w.T, nil, err, openid.Expired)
	})
}

// An issuer that wants to be asked more slowly is, and one that is down is asked again.
func TestDeviceSlowDown(t *testing.T) {
	still(t, func(w *world) {
		d := w.start()
		var at []time.Duration
		begun := time.Now()
		answers := []http.HandlerFunc{saying(400, map[string]string{"error": "slow_down"}), saying(400, map[string]string{"error": "authorization_pending"}),
			saying(503, nil), saying(400, map[string]string{"error": "expired_token"})}
		w.answering(openidtest.Token, func(rw http.ResponseWriter, r *http.Request) {
			at = append(at, time.Since(begun))
			answers[len(at)-1](rw, r)
		})
		_, err := w.client.PollDevice(w.Context(), w.s, d)
		refused(w.T, nil, err, openid.Expired)
		for n, want := range []time.Duration{5 * time.Second, 15 * time.Second, 25 * time.Second, 45 * time.Second} {
			if at[n] != want {
				w.Errorf("asked after %v", at)
			}
		}
	})
}

// An issuer's text goes to a terminal, which obeys some letters.
func TestDeviceText(t *testing.T) {
	still(t, func(w *world) {
		w.answering(openidtest.Device, saying(200, map[string]any{"device_code": "x", "user_code": "\x1b[2J", "verification_uri": issuer}))
		_, err := w.client.StartDevice(w.Context(), w.s)
		unreachable(w.T, nil, err)
		w.op.Be(openidtest.Behaviour{Document: map[string]any{"device_authorization_endpoint": nil}})
		other := openid.New(openid.Options{HTTP: openidtest.Client(w.op)})
		_, err = other.StartDevice(w.Context(), w.s)
		unreachable(w.T, nil, err)
	})
}

func (w *world) start() *openid.Device {
	w.Helper()
	d, err := w.client.StartDevice(w.Context(), w.s)
	if err != nil {
		w.Fatal(err)
	}
	return d
}
