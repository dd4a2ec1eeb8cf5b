// Package console lets a browser or program reach a guest's console: addresses
// with a secret in them that lives for a while, a page with the noVNC viewer, and the websocket
// behind it, which carries RFB or the serial line's bytes.
//
// It knows neither dialects nor hosts: who may open a console and how to reach it is given to it.
package console

import (
	"context"
	_ "embed"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Dialer checks the caller's right and connects to a guest's console.
type Dialer interface {
	// AuthorizeConsole answers an error if the caller may not open it, or the instance does not run.
	AuthorizeConsole(ctx context.Context, id cloud.InstanceID) error
	DialConsole(ctx context.Context, id cloud.InstanceID, kind spec.ConsoleKind) (net.Conn, error)
}

// lifetime of an address; a connection made with it may last longer.
const lifetime = 10 * time.Minute

// Server hands out addresses and serves them. It is safe for use from several goroutines.
type Server struct {
	dialer   Dialer
	novncDir string
	log      *slog.Logger
	mu       sync.Mutex
	sessions map[string]session
}

type session struct {
	instance cloud.InstanceID
	kind     spec.ConsoleKind
	expires  time.Time
}

// New makes a Server. novncDir holds the viewer ("core/rfb.js").
func New(d Dialer, novncDir string, log *slog.Logger) *Server {
	return &Server{dialer: d, novncDir: novncDir, log: log, sessions: map[string]session{}}
}

// Open answers path and query of an address for the console.
func (s *Server) Open(ctx context.Context, id cloud.InstanceID, kind spec.ConsoleKind) (string, error) {
	if err := s.dialer.AuthorizeConsole(ctx, id); err != nil {
		return "", err
	}
	token := cloud.NewHexID()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for t, old := range s.sessions {
		if old.expires.Before(now) {
			delete(s.sessions, t)
		}
	}
	s.sessions[token] = session{instance: id, kind: kind, expires: now.Add(lifetime)}
	socket := "/console/websockify?token=" + token
	if kind == spec.ConsoleSerial {
		return socket, nil
	}
	// The viewer's own parameter says where its websocket is; other viewers read it too.
	return "/console/vnc.html?path=" + url.QueryEscape(socket[1:]), nil
}

func (s *Server) session(token string) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.sessions[token]
	return found, ok && found.expires.After(time.Now())
}

//go:embed vnc.html
var page []byte

// ServeHTTP serves everything below /console/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/console/vnc.html":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(page) // the browser is gone: nobody to tell
	case r.URL.Path == "/console/websockify":
		s.connect(w, r)
	default:
		http.StripPrefix("/console/novnc/", http.FileServer(http.Dir(s.novncDir))).ServeHTTP(w, r)
	}
}

// token is in the query, or in a cookie as older viewers have it.
func token(r *http.Request) string {
	if t := r.URL.Query().Get("token"); t != "" {
		return t
	}
	if path, err := url.Parse(r.URL.Query().Get("path")); err == nil && path.Query().Get("token") != "" {
		return path.Query().Get("token")
	}
	c, err := r.Cookie("token")
	if err != nil {
		return ""
	}
	return c.Value
}

// connect joins a websocket to the console.
func (s *Server) connect(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "WebSockify Nubo") // clients look for the word
	found, ok := s.session(token(r))
	if !ok {
		refuse(w, r)
		return
	}
	guest, err := s.dialer.DialConsole(r.Context(), found.instance, found.kind)
	if err != nil {
		s.log.Warn("cannot reach console", "instance", found.instance, "kind", found.kind, "error", err)
		http.Error(w, "The guest's console cannot be reached. Is the server running?", http.StatusBadGateway)
		return
	}
	defer guest.Close()
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"binary"}, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return // Accept has answered
	}
	defer ws.CloseNow()
	join(r.Context(), ws, guest)
}

// refuse closes the connection of a token that has expired or never was. A websocket is accepted for that: a viewer tells
// its user that it was disconnected, and shows nothing of an answer in words.
func refuse(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		http.Error(w, "This console's address has expired or never was. Ask for a new one.", http.StatusForbidden)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"binary"}, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return // Accept has answered
	}
	_ = ws.CloseNow() // without a word
}

// join copies both ways until one side ends.
func join(ctx context.Context, ws *websocket.Conn, guest net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	browser := websocket.NetConn(ctx, ws, websocket.MessageBinary)
	go func() {
		defer cancel()
		_, _ = io.Copy(browser, guest) // ends when either side does, which is no failure
	}()
	go func() {
		defer cancel()
		_, _ = io.Copy(guest, browser)
	}()
	<-ctx.Done()
}
