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
	// StrictSlash makes a path with a slash at its end one with an empty id, which does not exist; only the root of a
	// version ("/v2.1/") may have one.
	StrictSlash bool
	// OldPath, if set, is a prefix ("/v2") of a version before microversions, served by the routes below ProjectPath.
	OldPath string
	// Check, if set, runs for every authenticated request before its handler (microversions).
	Check func(w http.ResponseWriter, r *http.Request) (*http.Request, error)
	// Repeats, if set, makes creates with an idempotency key repeatable.
	Repeats Repeats
}

// NewService makes a Service without routes.
func NewService(name string, style FaultStyle, auth dialect.Authenticator, log *slog.Logger) *Service {
	s := &Service{Name: name, fault: style, auth: auth, log: log.With("service", name), mux: http.NewServeMux(),
		collections: map[string]bool{}}
	s.mux.HandleFunc("/", s.unrouted)
	return s
}

// unrouted answers what no route takes: a path that others have with other methods, or none at all. An empty id
// ("/servers/") is one that does not exist.
func (s *Service) unrouted(w http.ResponseWriter, r *http.Request) {
	allowed := s.methodsOf(r)
	if len(allowed) == 0 || emptyID(r) {
		s.Fail(w, r, errNoSuchPath())
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	s.Fail(w, r, errMethodNotAllowed)
}

// methodsOf lists the methods that have a route for the request's path.
func (s *Service) methodsOf(r *http.Request) []string {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := *r
		other.Method = method
		if _, pattern := s.mux.Handler(&other); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	return allowed
}

// refusesEmptyID tells whether the request is for the empty id of a collection ("/v2/images/") in a service where that is
// no other way to ask for the collection. The slash after a version ("/v2/") is one to ask for the version.
func (s *Service) refusesEmptyID(r *http.Request) bool {
	return (s.fault == FaultGlance || s.fault == FaultCinder) && strings.HasSuffix(r.URL.Path, "/") && strings.Count(r.URL.Path, "/") > 2
}

func errNoSuchPath() error {
	return &cloud.Error{Kind: cloud.NotFound, Resource: "resource", Message: "The resource could not be found."}
}

func emptyID(r *http.Request) bool { return strings.HasSuffix(RequestPath(r), "/") }

// Public adds a route that needs no token.
func (s *Service) Public(pattern string, h Handler) { s.add(pattern, h, false) }

// Handle adds a route for authenticated callers. The pattern is as for
// http.ServeMux, with a method: "GET /v2.1/servers/{id}".
func (s *Service) Handle(pattern string, h Handler) { s.add(pattern, s.repeatable(pattern, h), true) }

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
	cloud.VisitOf(r.Context()).RequestID = id
	if s.fault == FaultNova || s.fault == FaultCinder {
		w.Header().Set("X-Compute-Request-Id", id)
	}
	r = r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
	if s.refusesEmptyID(r) {
		s.Fail(w, r, errNoSuchPath())
		return
	}
	if s.dropsSlash(r.URL.Path) {
		r.URL.Path = strings.TrimSuffix(r.URL.Path, "/")
		r.URL.RawPath = strings.TrimSuffix(r.URL.RawPath, "/")
	}
	if r.URL.Path == "" {
		r.URL.Path = "/"
	}
	r = s.withoutOldPath(r)
	r.URL.Path, r.URL.RawPath = s.withoutProject(r.URL.Path), s.withoutProject(r.URL.RawPath)
	mw := &watchedWriter{ResponseWriter: w}
	defer s.recovered(mw, r)
	s.mux.ServeHTTP(mw, r)
}

type oldPathKey struct{}

// withoutOldPath leads a request to the old version's prefix to the routes of the present one, and remembers it.
func (s *Service) withoutOldPath(r *http.Request) *http.Request {
	rest, ok := strings.CutPrefix(r.URL.Path, s.OldPath+"/")
	if s.OldPath == "" || !ok {
		return r
	}
	r.URL.Path = s.ProjectPath + "/" + rest
	if raw, ok := strings.CutPrefix(r.URL.RawPath, s.OldPath+"/"); ok {
		r.URL.RawPath = s.ProjectPath + "/" + raw
	}
	return r.WithContext(context.WithValue(r.Context(), oldPathKey{}, true))
}

// OnOldPath tells whether the client asked under the service's OldPath.
func OnOldPath(r *http.Request) bool { return r.Context().Value(oldPathKey{}) != nil }

// dropsSlash tells whether a slash at a path's end means nothing.
func (s *Service) dropsSlash(path string) bool {
	if len(path) < 2 || !strings.HasSuffix(path, "/") {
		return false
	}
	return !s.StrictSlash || strings.Count(path, "/") == 2
}

// recovered makes a mistake of ours an answer in the service's form, with its place in the log, in place of
// a connection that breaks off.
func (s *Service) recovered(mw *watchedWriter, r *http.Request) {
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

// watchedWriter knows whether an answer has begun.
type watchedWriter struct {
	http.ResponseWriter
	wrote bool
}

func (m *watchedWriter) WriteHeader(status int) {
	m.wrote = true
	m.ResponseWriter.WriteHeader(status)
}

func (m *watchedWriter) Write(b []byte) (int, error) {
	m.wrote = true
	return m.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (m *watchedWriter) Unwrap() http.ResponseWriter { return m.ResponseWriter }

func (s *Service) authenticate(r *http.Request) (*http.Request, error) {
	token := r.Header.Get("X-Auth-Token")
	if token == "" {
		return r, &cloud.Error{Kind: cloud.Unauthenticated, Message: "The request you have made requires authentication."}
	}
	p, err := s.auth.Verify(r.Context(), token)
	if err != nil {
		return r, err
	}
	if !policy.MayRequest(p, s.types(), r.Method, r.URL.Path, RequestPath(r)) {
		return r, &cloud.Error{Kind: cloud.Forbidden, Message: "The application credential's access rules do not allow this request."}
	}
	caller := *p
	caller.RequestID = RequestID(r)
	cloud.VisitOf(r.Context()).Principal = &caller
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
