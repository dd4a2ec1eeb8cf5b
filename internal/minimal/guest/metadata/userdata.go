package metadata

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
)

// Kind of a part of user-data.
type Kind int

const (
	Unknown Kind = iota
	Script
	CloudConfig
)

// Part is one piece of user-data.
type Part struct {
	Kind Kind
	Type string // what it says it is, for people
	Body []byte
}

// maxUserData bounds what a compressed user-data may grow to, in bytes.
const maxUserData = 16 << 20

// Parse takes user-data apart: gzip and MIME multipart are undone, parts that
// are neither a script nor a cloud-config come back as Unknown.
func Parse(raw []byte) ([]Part, error) {
	raw, err := unzip(raw)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	if isMIME(raw) {
		return parseMIME(raw)
	}
	return []Part{classify("", raw)}, nil
}

func unzip(raw []byte) ([]byte, error) {
	if !bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		return raw, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("user-data is not gzip after all: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(z, maxUserData+1))
	if err != nil {
		return nil, fmt.Errorf("unpack user-data: %w", err)
	}
	if len(out) > maxUserData {
		return nil, fmt.Errorf("user-data unpacks to more than %d bytes", maxUserData)
	}
	return out, nil
}

func isMIME(raw []byte) bool {
	first := strings.ToLower(string(raw[:min(len(raw), 64)]))
	return strings.HasPrefix(first, "content-type:") || strings.HasPrefix(first, "mime-version:")
}

func classify(mimeType string, body []byte) Part {
	first, _, _ := strings.Cut(string(body[:min(len(body), 128)]), "\n")
	first = strings.TrimSpace(first)
	p := Part{Type: first, Body: body}
	if mimeType != "" {
		p.Type = mimeType
	}
	switch {
	case strings.HasPrefix(first, "#!"):
		p.Kind = Script
	case strings.HasPrefix(first, "#cloud-config"), mimeType == "text/cloud-config":
		p.Kind = CloudConfig
	}
	return p
}

func parseMIME(raw []byte) ([]Part, error) {
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("user-data is not MIME after all: %w", err)
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		return nil, fmt.Errorf("user-data: %w", err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		body, err := decode(msg.Header.Get("Content-Transfer-Encoding"), msg.Body)
		return []Part{classify(kind, body)}, err
	}
	return parseParts(multipart.NewReader(msg.Body, params["boundary"]))
}

func parseParts(r *multipart.Reader) ([]Part, error) {
	var out []Part
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("user-data: %w", err)
		}
		body, err := decode(p.Header.Get("Content-Transfer-Encoding"), p)
		if err != nil {
			return out, fmt.Errorf("user-data: %w", err)
		}
		if body, err = unzip(body); err != nil {
			return out, err
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		out = append(out, classify(kind, body))
	}
}

func decode(encoding string, r io.Reader) ([]byte, error) {
	if strings.EqualFold(encoding, "base64") {
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	return io.ReadAll(io.LimitReader(r, maxUserData))
}
