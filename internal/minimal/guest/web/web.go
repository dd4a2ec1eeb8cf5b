// Package web is an HTTP/1.0 client in a hundred lines for the guest: metadata
// and the curl command need nothing more, and net/http would double the size of
// init and cost boot time. It speaks no TLS.
package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Request is one question. Method is GET when empty.
type Request struct {
	Method, URL string
	Header      map[string]string
	Body        []byte
}

// Response is an answer; the caller closes Body.
type Response struct {
	Status     int
	StatusLine string
	Header     textproto.MIMEHeader
	Body       io.ReadCloser
}

// Do asks and returns the answer's head; redirects are not followed. The
// context bounds the connection and the reading of the head and body.
func Do(ctx context.Context, r Request) (*Response, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" {
		return nil, fmt.Errorf("%s: only http is supported here; use wget for https", r.URL)
	}
	addr := u.Host
	if u.Port() == "" {
		addr = net.JoinHostPort(u.Hostname(), "80")
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	resp, err := exchange(conn, u, r)
	if err != nil {
		stop()
		conn.Close()
		return nil, err
	}
	resp.Body = &body{resp.Body, conn, stop}
	return resp, nil
}

type body struct {
	io.Reader
	conn net.Conn
	stop func() bool
}

func (b *body) Close() error {
	b.stop()
	return b.conn.Close()
}

func exchange(conn net.Conn, u *url.URL, r Request) (*Response, error) {
	if _, err := io.WriteString(conn, encode(u, r)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(r.Body); err != nil {
		return nil, err
	}
	br := bufio.NewReader(conn)
	tp := textproto.NewReader(br)
	line, err := tp.ReadLine()
	if err != nil {
		return nil, fmt.Errorf("no answer from %s: %w", u.Host, err)
	}
	f := strings.SplitN(line, " ", 3)
	if len(f) < 2 || !strings.HasPrefix(f[0], "HTTP/") {
		return nil, fmt.Errorf("%s does not speak HTTP", u.Host)
	}
	status, err := strconv.Atoi(f[1])
	if err != nil {
		return nil, fmt.Errorf("%s does not speak HTTP", u.Host)
	}
	head, err := tp.ReadMIMEHeader()
	if err != nil && err != io.EOF {
		return nil, err
	}
	return &Response{status, line, head, io.NopCloser(sized(br, head, r.Method))}, nil
}

func sized(br *bufio.Reader, head textproto.MIMEHeader, method string) io.Reader {
	n, err := strconv.ParseInt(head.Get("Content-Length"), 10, 64)
	switch {
	case method == "HEAD":
		return strings.NewReader("")
	case err == nil:
		return io.LimitReader(br, n)
	}
	return br
}

func encode(u *url.URL, r Request) string {
	method := r.Method
	if method == "" {
		method = "GET"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.0\r\nHost: %s\r\n", method, u.RequestURI(), u.Host)
	if len(r.Body) > 0 {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.Body))
	}
	for k, v := range r.Header {
		fmt.Fprintf(&b, "%s: %s\r\n", k, v)
	}
	return b.String() + "\r\n"
}

// Get fetches the whole of a small document. A status other than 200 is a
// *StatusError.
func Get(ctx context.Context, r Request) ([]byte, error) {
	resp, err := Do(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.Status != 200 {
		return nil, &StatusError{r.URL, resp.Status}
	}
	return io.ReadAll(io.LimitReader(resp.Body, 16<<20))
}

// StatusError is an answer that is not 200.
type StatusError struct {
	URL    string
	Status int
}

func (e *StatusError) Error() string { return fmt.Sprintf("%s answered %d", e.URL, e.Status) }
