package metadata

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

var _ agent.MetadataHandler = (*Handler)(nil)

// Lookup finds the metadata of the guest behind a port: spec.ErrMissing if there is none.
type Lookup func(ctx context.Context, port spec.PortID) (spec.Metadata, error)

// Handler answers guests over HTTP. It is safe for use from several goroutines.
type Handler struct {
	lookup    Lookup
	layout    Layout
	passwords Passwords
	tokens    tokens
	log       *slog.Logger
}

// NewHandler makes a Handler. With nil passwords, guests cannot post one.
func NewHandler(lookup Lookup, layout Layout, passwords Passwords, log *slog.Logger) *Handler {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Handler{lookup: lookup, layout: layout, passwords: passwords, tokens: newTokens(layout.TokenKey), log: log}
}

// request is one question of one guest.
type request struct {
	http.ResponseWriter
	*http.Request
	md   spec.Metadata
	path []string // without empty parts: a trailing slash means nothing
}

// ServeMetadata implements agent.MetadataHandler.
func (h *Handler) ServeMetadata(w http.ResponseWriter, r *http.Request, port spec.PortID) {
	parts := strings.Split(strings.Trim(path.Clean("/"+r.URL.Path), "/"), "/")
	if parts[0] == "" {
		parts = nil
	}
	md, err := h.lookup(r.Context(), port)
	if err != nil {
		h.fail(w, port, err)
		return
	}
	q := &request{ResponseWriter: w, Request: r, md: md, path: parts}
	openstack := len(parts) > 0 && parts[0] == "openstack"
	switch {
	case md.Access.Disabled:
		http.Error(w, "403 - Forbidden", http.StatusForbidden)
	case isTokenPath(parts):
		h.limitHops(w, md)
		h.tokens.issue(w, r, md.InstanceID)
	case !h.mayAsk(r, md, openstack):
		http.Error(w, "401 - Unauthorized", http.StatusUnauthorized)
	case openstack:
		h.serveOpenStack(q)
	default:
		h.serveEC2(q)
	}
}

// mayAsk: a token that is shown to the EC2 tree has to hold. Where tokens are required neither tree says anything without one.
func (h *Handler) mayAsk(r *http.Request, md spec.Metadata, openstack bool) bool {
	token := r.Header.Get(tokenHeader)
	if token == "" || openstack && !md.Access.TokensRequired {
		return !md.Access.TokensRequired
	}
	return h.tokens.valid(token, md.InstanceID)
}

// limitHops keeps the answer from who is further away than the guest's owner wants. A way to answer that knows no hops is no network.
func (h *Handler) limitHops(w http.ResponseWriter, md spec.Metadata) {
	limited, ok := w.(agent.HopLimiter)
	if !ok {
		return
	}
	if err := limited.SetHopLimit(max(1, md.Access.HopLimit)); err != nil {
		h.log.Error("the hop limit of a token could not be set", "instance", md.InstanceID, "error", err)
	}
}

// fail: guests ask again after a 500, and give up after a 404.
func (h *Handler) fail(w http.ResponseWriter, port spec.PortID, err error) {
	if errors.Is(err, spec.ErrMissing) {
		http.Error(w, "404 Not Found", http.StatusNotFound)
		return
	}
	h.log.Error("metadata lookup failed", "port", port, "error", err)
	http.Error(w, "500 Internal Server Error", http.StatusInternalServerError)
}

func (q *request) notFound() { http.Error(q.ResponseWriter, "404 Not Found", http.StatusNotFound) }

// readOnly refuses methods that change things; it answers true if it did.
func (q *request) readOnly() bool {
	if q.Method == http.MethodGet || q.Method == http.MethodHead {
		return false
	}
	q.Header().Set("Allow", "GET, HEAD")
	http.Error(q.ResponseWriter, "405 Method Not Allowed", http.StatusMethodNotAllowed)
	return true
}

// answer sends a body as it is: leaves have no line end.
func (q *request) answer(kind string, body []byte) {
	q.Header().Set("Content-Type", kind)
	// A write error means that the guest has hung up.
	_, _ = q.Write(body)
}

// Header is the response's; http.Request has one of the same name.
func (q *request) Header() http.Header { return q.ResponseWriter.Header() }

// Write writes the response; http.Request has one of the same name.
func (q *request) Write(b []byte) (int, error) { return q.ResponseWriter.Write(b) }

const (
	kindText = "text/plain; charset=UTF-8"
	kindJSON = "application/json"
	kindData = "application/octet-stream"
)

func (h *Handler) serveOpenStack(q *request) {
	switch {
	case len(q.path) == 1:
		if !q.readOnly() {
			q.answer(kindText, []byte(strings.Join(append(slices.Clone(openstackVersions), latest), "\n")))
		}
	case !knownOpenStack(q.path[1]) || len(q.path) > 3:
		q.notFound()
	case len(q.path) == 2:
		if !q.readOnly() {
			q.answer(kindText, []byte(strings.Join(openstackList(q.md, q.path[1]), "\n")))
		}
	case q.path[2] == passwordFile && atLeast(q.path[1], osHavana):
		h.servePassword(q)
	default:
		h.serveOpenStackFile(q)
	}
}

func (h *Handler) serveOpenStackFile(q *request) {
	if q.readOnly() {
		return
	}
	b, found, err := h.layout.openstackFile(q.md, q.path[1], q.path[2], false)
	switch {
	case err != nil:
		h.log.Error("metadata could not be laid out", "instance", q.md.InstanceID, "file", q.path[2], "error", err)
		http.Error(q.ResponseWriter, "500 Internal Server Error", http.StatusInternalServerError)
	case !found:
		q.notFound()
	case q.path[2] == userDataFile:
		q.answer(kindData, b)
	default:
		q.answer(kindJSON, b)
	}
}

func (h *Handler) serveEC2(q *request) {
	if q.readOnly() {
		return
	}
	if len(q.path) == 0 {
		q.answer(kindText, []byte(strings.Join(append(slices.Clone(ec2Versions), latest), "\n")))
		return
	}
	if q.path[0] == "ec2" { // Nova answers the tree below this name too
		q.path = q.path[1:]
	}
	if len(q.path) == 0 || !knownEC2(q.path[0]) {
		q.notFound()
		return
	}
	n := h.layout.ec2Tree(q.Context(), q.md).find(q.path[1:])
	switch {
	case n == nil:
		q.notFound()
	case n.entries != nil:
		q.answer(kindText, []byte(n.listing()))
	default:
		h.serveLeaf(q, n)
	}
}

func (h *Handler) serveLeaf(q *request, n *node) {
	content, err := n.read()
	switch {
	case err != nil:
		h.log.Error("metadata could not be laid out", "instance", q.md.InstanceID, "path", q.URL.Path, "error", err)
		http.Error(q.ResponseWriter, "500 Internal Server Error", http.StatusInternalServerError)
	case slices.Equal(q.path[1:], []string{ec2UserData}):
		q.answer(kindData, content)
	default:
		q.answer(kindText, content)
	}
}

// listing names a directory's entries, one per line: directories with a slash, keys with their names.
func (n *node) listing() string {
	var lines []string
	for name, e := range n.entries {
		switch {
		case e.name != "":
			name += "=" + e.name
		case e.entries != nil:
			name += "/"
		}
		lines = append(lines, name)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
