package openstack

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sort"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Handler answers one route. An error it returns is written as the service's fault; it must not
// have written anything before it returns one.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Service is one OpenStack API: its routes and how it says no.
type Service struct {
	Name  string // "nova"
	fault FaultStyle
	auth  dialect.Authenticator
	log   *slog.Logger
	mux   *http.ServeMux
	// routes in the order they were added, "METHOD /path".
	routes []string
	// ProjectPath, if set, is a version prefix ("/v2.1") behind which clients may write a
	// project's id; it is taken out before routing. The token decides the project.
	ProjectPath string
	collections map[string]bool // first path elements of routes below ProjectPath
	// Check, if set, runs for every authenticated request before its handler (microversions).
	Check func(w http.ResponseWriter, r *http.Request) (*http.Request, error)
}

// NewService makes a Service without routes.
func NewService(name string, style FaultStyle, auth dialect.Authenticator, log *slog.Logger) *Service {
	s := &Service{Name: name, fault: style, auth: auth, log: log.With("service", name), mux: http.NewServeMux(),
		collections: map[string]bool{}}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.Fail(w, r, &cloud.Error{Kind: cloud.NotFound, Resource: "resource", Message: "The resource could not be found."})
	})
	return s
}

// Public adds a route that needs no token.
func (s *Service) Public(pattern string, h Handler) { s.add(pattern, h, false) }

// Handle adds a route for authenticated callers. The pattern is as for
// http.ServeMux, with a method: "GET /v2.1/servers/{id}".
func (s *Service) Handle(pattern string, h Handler) { s.add(pattern, h, true) }

func (s *Service) add(pattern string, h Handler, authenticated bool) {
	s.routes = append(s.routes, pattern)
	if _, path, ok := strings.Cut(pattern, " "+s.ProjectPath+"/"); ok && s.ProjectPath != "" {
		first, _, _ := strings.Cut(path, "/")
		s.collections[first] = true
	}
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		var err error
		if authenticated {
			r, err = s.authenticate(r)
		}
		if err == nil && s.Check != nil {
			r, err = s.Check(w, r)
		}
		if err == nil {
			err = h(w, r)
		}
		if err != nil {
			s.Fail(w, r, err)
		}
	})
}

// Routes lists all routes, sorted.
func (s *Service) Routes() []string {
	routes := append([]string(nil), s.routes...)
	sort.Strings(routes)
	return routes
}

// ServeHTTP gives the request its id and routes it. The caller has stripped the service's prefix.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := "req-" + cloud.NewID()
	w.Header().Set("X-Openstack-Request-Id", id)
	if s.fault == FaultNova || s.fault == FaultCinder {
		w.Header().Set("X-Compute-Request-Id", id)
	}
	r = r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
	if len(r.URL.Path) > 1 && strings.HasSuffix(r.URL.Path, "/") {
		r.URL.Path = strings.TrimSuffix(r.URL.Path, "/")
		r.URL.RawPath = strings.TrimSuffix(r.URL.RawPath, "/")
	}
	if r.URL.Path == "" {
		r.URL.Path = "/"
	}
	r.URL.Path, r.URL.RawPath = s.withoutProject(r.URL.Path), s.withoutProject(r.URL.RawPath)
	mw := &methodWriter{ResponseWriter: w}
	defer s.recovered(mw, r)
	s.mux.ServeHTTP(mw, r)
	if mw.notAllowed {
		s.Fail(w, r, errMethodNotAllowed)
	}
}

// recovered makes a mistake of ours an answer in the service's form, with its place in the log, in place of
// a connection that breaks off.
func (s *Service) recovered(mw *methodWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler || mw.wrote {
		panic(cause) // too late for another answer
	}
	s.Fail(mw.ResponseWriter, r, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
}

// withoutProject takes the project's id out of "/v2.1/ID/servers".
func (s *Service) withoutProject(path string) string {
	rest, ok := strings.CutPrefix(path, s.ProjectPath+"/")
	if !ok || s.ProjectPath == "" {
		return path
	}
	project, rest, ok := strings.Cut(rest, "/")
	if !ok || s.collections[project] {
		return path
	}
	if first, _, _ := strings.Cut(rest, "/"); !s.collections[first] {
		return path
	}
	return s.ProjectPath + "/" + rest
}

// methodWriter catches the plain-text 405 that ServeMux writes by itself.
type methodWriter struct {
	http.ResponseWriter
	notAllowed, wrote bool
}

func (m *methodWriter) WriteHeader(status int) {
	if !m.wrote && status == statusMethodNotAllowed && m.Header().Get("Allow") != "" {
		m.notAllowed = true
		return
	}
	m.wrote = true
	m.ResponseWriter.WriteHeader(status)
}

func (m *methodWriter) Write(b []byte) (int, error) {
	if m.notAllowed {
		return len(b), nil
	}
	m.wrote = true
	return m.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (m *methodWriter) Unwrap() http.ResponseWriter { return m.ResponseWriter }

func (s *Service) authenticate(r *http.Request) (*http.Request, error) {
	token := r.Header.Get("X-Auth-Token")
	if token == "" {
		return r, &cloud.Error{Kind: cloud.Unauthenticated, Message: "The request you have made requires authentication."}
	}
	p, err := s.auth.Verify(r.Context(), token)
	if err != nil {
		return r, err
	}
	if !policy.MayRequest(p, s.types(), r.Method, r.URL.Path, requestPath(r)) {
		return r, &cloud.Error{Kind: cloud.Forbidden, Message: "The application credential's access rules do not allow this request."}
	}
	caller := *p
	caller.RequestID = RequestID(r)
	return r.WithContext(cloud.WithPrincipal(r.Context(), &caller)), nil
}

type requestIDKey struct{}

// RequestID is the id this request was given ("req-…").
func RequestID(r *http.Request) string {
	id, _ := r.Context().Value(requestIDKey{}).(string)
	return id
}

// BaseURL is the address the client used, up to and without the service's path:
// scheme and host, also behind a proxy that says so.
func BaseURL(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	if p := r.Header.Get("X-Forwarded-Proto"); p == "http" || p == "https" {
		scheme = p
	}
	host := r.Host
	if h := r.Header.Get("X-Forwarded-Host"); h != "" {
		host = h
	}
	return scheme + "://" + host
}
