package daemon

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/trace"
)

func (d *Daemon) openTraces() (*trace.Log, error) {
	return trace.Open(d.config.Traces(), trace.Options{Months: d.config.TraceMonths, FederatedID: d.federatedID, Log: d.log})
}

// federatedID is what a provider calls a user, or any provider if none is named; empty if it cannot be told.
func (d *Daemon) federatedID(user, provider string) string {
	u, err := d.store.Users.Get(context.Background(), cloud.UserID(user))
	if err != nil { // deleted, or the database is away: the user's id tells, too
		return ""
	}
	for _, f := range u.Federated {
		if provider == "" || string(f.ProviderID) == provider {
			return f.UniqueID
		}
	}
	return ""
}

// traced has whatever a request leads to know where it came from, and writes down those that may change something.
func (d *Daemon) traced(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &cloud.Visit{From: d.clientOf(r), Agent: r.UserAgent(), Method: r.Method, Path: r.URL.Path}
		r = r.WithContext(cloud.WithVisit(r.Context(), v))
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions:
			h.ServeHTTP(w, r)
			return
		}
		s := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() { d.traces.Requested(v, s.status) }() // also what broke off
		h.ServeHTTP(s, r)
	})
}

// clientOf is the address that a request came from: the last in its way whose word need not be taken.
func (d *Daemon) clientOf(r *http.Request) string {
	last := r.RemoteAddr
	if a, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		last = a.Addr().Unmap().String()
	}
	if len(d.config.TrustedProxies) == 0 {
		return last
	}
	for _, hop := range slices.Backward(strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")) {
		said, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil || !d.trusts(last) {
			break
		}
		last = said.Unmap().String()
	}
	return last
}

func (d *Daemon) trusts(address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(d.config.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// statusWriter knows how a request was answered.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	if status >= http.StatusOK { // what comes before is no answer
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
