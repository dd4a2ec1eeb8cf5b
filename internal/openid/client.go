package openid

import (
	"cmp"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// Options are how a Client works; the zero value is good.
type Options struct {
	HTTP *http.Client     // for its transport; redirects are never followed
	Now  func() time.Time // default time.Now
	Log  *slog.Logger     // what goes on behind: issuers whose old words are used, since they cannot be reached. Default: none

	RequestTimeout time.Duration // of one request to an issuer. Default 5 s
	KeepResults    time.Duration // how long a token is believed without another look, if it does not expire before. Default 60 s; negative: not at all
	KeepBytes      int           // of claims kept, in all. Default 16 MiB
	KeepDiscovery  time.Duration // how old discovery documents and keys get before they are fetched again. Default 1 h
	Pause          time.Duration // between two fetches of the same thing, whatever tokens come meanwhile. Default 10 s
}

// Client asks issuers. It is safe for concurrent use; one serves a whole process.
type Client struct {
	o    Options
	http *http.Client

	mu      sync.Mutex // of issuers; never held while anything is waited for
	issuers map[string]*issuer

	taken sync.Map // how issuers take clients' words: by words escaped, those taken

	checks  singleflight.Group // of tokens, by fingerprint
	people  *results
	refused *results // apart, so that made-up tokens push no good one out
}

// New makes a Client. It asks nobody yet.
func New(o Options) *Client {
	o = o.withDefaults()
	asking := &http.Client{Transport: o.HTTP.Transport, Timeout: o.RequestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Client{o: o, http: asking, issuers: map[string]*issuer{}, people: newResults(o.KeepBytes), refused: newResults(o.KeepBytes / 16)}
}

// transport is Go's own, for issuers that may answer anything and are asked by many at a time.
func transport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok { // somebody put another in its place, and means it
		return http.DefaultTransport
	}
	t = t.Clone()
	t.MaxResponseHeaderBytes, t.MaxIdleConnsPerHost = 64<<10, 16
	return t
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Transport: transport()}
	}
	o.RequestTimeout = cmp.Or(o.RequestTimeout, 5*time.Second)
	o.KeepResults = cmp.Or(o.KeepResults, time.Minute)
	o.KeepBytes = cmp.Or(o.KeepBytes, 16<<20)
	o.KeepDiscovery = cmp.Or(o.KeepDiscovery, time.Hour)
	o.Pause = cmp.Or(o.Pause, 10*time.Second)
	return o
}

// issuer is what is kept of the issuer that s names. Settings come from an operator, so they are not many.
func (c *Client) issuer(s Settings) (*issuer, error) {
	if err := s.Check(); err != nil {
		return nil, &Unreachable{Issuer: s.Issuer, Doing: "settings", Cause: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.issuers[s.Issuer]
	if i == nil {
		i = newIssuer(c, s.Issuer)
		c.issuers[s.Issuer] = i
	}
	return i, nil
}
