package openidtest

import (
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// Paths of what a provider serves, below its issuer.
const (
	Discovery     = "/.well-known/openid-configuration"
	Keys          = "/keys"
	Token         = "/oauth/token"
	Userinfo      = "/userinfo"
	Introspection = "/oauth/introspect"
	Device        = "/device_authorization"

	signInPath = "/sign-in"
)

// Behaviour are the switches. The zero value is a good provider.
type Behaviour struct {
	Down     bool                        // every request is answered 503
	Hang     <-chan struct{}             // every request waits until this is closed
	Document map[string]any              // what else the discovery document says, or other than it should; nil removes
	Subject  string                      // whom userinfo speaks of, whoever it is about
	Instead  map[string]http.HandlerFunc // by path: what answers in the provider's place
}

// Provider is an OpenID provider. It is safe for concurrent use.
type Provider struct {
	Issuer string
	op     *op.Provider

	mu        sync.Mutex
	behaviour Behaviour
	requests  map[string]int
	users     map[string]User
	apps      map[string]App
	keys      []key // the last one signs
	browsing  string
	sessions  map[string]*session
	codes     map[string]*session
	refreshes map[string]*session
	tokens    map[string]given
	revoked   map[string]bool
	devices   map[string]*device // by device code
}

// New makes a provider without users. Nothing listens: it is an http.Handler.
func New(issuer string) *Provider {
	p := &Provider{Issuer: issuer, requests: map[string]int{}, users: map[string]User{}, apps: map[string]App{}, keys: []key{firstKey()},
		sessions: map[string]*session{}, codes: map[string]*session{}, refreshes: map[string]*session{}, tokens: map[string]given{},
		revoked: map[string]bool{}, devices: map[string]*device{}}
	config := &op.Config{CodeMethodS256: true, AuthMethodPost: true, GrantTypeRefreshToken: true,
		DeviceAuthorization: op.DeviceAuthorizationConfig{Lifetime: tokenLife, PollInterval: devicePause, UserFormPath: "/device", UserCode: op.UserCodeBase20}}
	p.op = must(op.NewProvider(config, storage{p}, op.StaticIssuer(issuer), op.WithAllowInsecure(),
		op.WithAccessTokenVerifierOpts(op.WithSupportedAccessTokenSigningAlgorithms("RS256", "ES256"))))
	return p
}

// Listen makes a provider that listens on an address of this machine until it is stopped.
func Listen(address string) (p *Provider, stop func(), err error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	p = New("http://" + l.Addr().String())
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: p}}
	server.Start()
	return p, server.Close, nil
}

// Be sets the switches.
func (p *Provider) Be(b Behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behaviour = b
}

// Behaviour are the switches as they are.
func (p *Provider) Behaviour() Behaviour {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.behaviour
}

// Requests is how often a path was asked for.
func (p *Provider) Requests(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[path]
}

// RequestsAll is how often anything was.
func (p *Provider) RequestsAll() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := 0
	for _, n := range p.requests {
		sum += n
	}
	return sum
}

func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests[r.URL.Path]++
	be := p.behaviour
	p.mu.Unlock()
	if be.Hang != nil {
		select {
		case <-be.Hang:
		case <-r.Context().Done():
			return
		}
	}
	switch instead := be.Instead[r.URL.Path]; {
	case be.Down:
		http.Error(w, "down", http.StatusServiceUnavailable)
	case instead != nil:
		instead(w, r)
	case r.URL.Path == Discovery:
		p.serveDocument(w, r, be.Document)
	case r.URL.Path == signInPath:
		p.serveSignIn(w, r)
	case r.URL.Path == Token && r.FormValue("grant_type") == "password":
		p.servePassword(w, r)
	default:
		p.op.ServeHTTP(w, r)
	}
}

// serveDocument is zitadel's discovery document, with what a test wants otherwise.
func (p *Provider) serveDocument(w http.ResponseWriter, r *http.Request, other map[string]any) {
	recorded := httptest.NewRecorder()
	p.op.ServeHTTP(recorded, r)
	document := map[string]any{}
	if err := json.Unmarshal(recorded.Body.Bytes(), &document); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if grants, ok := document["grant_types_supported"].([]any); ok {
		document["grant_types_supported"] = append(grants, "password")
	}
	maps.Copy(document, other)
	maps.DeleteFunc(document, func(_ string, value any) bool { return value == nil })
	writeJSON(w, http.StatusOK, document)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value) // who is gone reads nothing
}

// Client is a client that reaches the providers named by their issuers' hosts, and nothing else, without a network.
func Client(providers ...*Provider) *http.Client {
	return &http.Client{Transport: wire(providers)}
}

type wire []*Provider

// RoundTrip serves in a goroutine, as a network would: whoever asked may go away before the answer is there.
func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	for _, p := range w {
		if p.Issuer == r.URL.Scheme+"://"+r.URL.Host {
			return p.roundTrip(r)
		}
	}
	return nil, &net.DNSError{Err: "no such host", Name: r.URL.Host, IsNotFound: true}
}

func (p *Provider) roundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	served := make(chan *http.Response, 1)
	asked := httptest.NewRequestWithContext(ctx, r.Method, r.URL.String(), r.Body)
	asked.Header = r.Header.Clone()
	go func() { served <- p.serve(asked) }()
	select {
	case answer := <-served:
		return answer, r.Context().Err()
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// serve is one connection. Like a server's, it survives a handler that panics: zitadel's do on some tokens.
func (p *Provider) serve(r *http.Request) (answer *http.Response) {
	w := httptest.NewRecorder()
	defer func() {
		if recover() != nil {
			answer = &http.Response{StatusCode: http.StatusInternalServerError, Header: http.Header{}, Body: http.NoBody}
		}
	}()
	p.ServeHTTP(w, r)
	return w.Result()
}
