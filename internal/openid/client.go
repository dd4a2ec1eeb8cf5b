package openid

import (
	"log/slog"
	"net/http"
	"time"
)

// Options are how a Client works; the zero value is good.
type Options struct {
	HTTP *http.Client     // for its transport; redirects are never followed
	Now  func() time.Time // default time.Now
	Log  *slog.Logger     // what goes on behind: issuers that cannot be reached, keys that change. Default: none

	RequestTimeout time.Duration // of one request to an issuer. Default 5 s
	KeepResults    time.Duration // how long a token is believed without another look, if it does not expire before. Default 60 s; negative: not at all
	KeepBytes      int           // of claims kept, in all. Default 16 MiB
	KeepDiscovery  time.Duration // how old discovery documents and keys get before they are fetched again. Default 1 h
	Pause          time.Duration // between two fetches of the same thing, whatever tokens come meanwhile. Default 10 s
}

// Client asks issuers. It is safe for concurrent use; one serves a whole process.
type Client struct {
	o Options
}

// New makes a Client. It asks nobody yet.
func New(o Options) *Client {
	return &Client{o: o}
}
