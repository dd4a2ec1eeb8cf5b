package openstack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// bodyMax bounds a JSON body in bytes; user data and policies are well below it.
const bodyMax = 4 << 20

// ReadBody reads a JSON body, which is UTF-8, into memory.
func ReadBody(r *http.Request) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r.Body, bodyMax+1))
	if err != nil {
		return nil, cloud.Invalidf("request", "body", "The request body could not be read.")
	}
	if len(b) > bodyMax {
		return nil, &cloud.Error{Kind: cloud.TooLarge, Resource: "request", Message: fmt.Sprintf("The request body is larger than %d bytes.", bodyMax)}
	}
	if !utf8.Valid(b) { // JSON's only encoding; a decoder would put marks in place of what it cannot read
		return nil, cloud.Invalidf("request", "body", "Malformed request body: it is not in UTF-8.")
	}
	return b, nil
}

// What is read of a body that nobody wants any more, before the answer: at most so many bytes, for at most so long.
const (
	discardMax  = 64 << 20
	discardTime = 5 * time.Second
)

// discardRest lets a client that is still sending get to its end: the connection would be closed under it, and the
// answer lost with it. A client that asked whether to send was not told to.
func discardRest(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 || r.Header.Get("Expect") != "" {
		return
	}
	c := http.NewResponseController(w)
	if c.SetReadDeadline(time.Now().Add(discardTime)) != nil {
		return // no connection: a test's recorder, or an answer that is kept
	}
	if _, err := io.CopyN(io.Discard, r.Body, discardMax); err == io.EOF {
		_ = c.SetReadDeadline(time.Time{}) // fails only with the connection
	}
}

// Decode reads a JSON body into v, leaving unknown keys out of account. What does not fit
// is Invalid, naming the field.
func Decode(r *http.Request, v any) error {
	b, err := ReadBody(r)
	if err != nil {
		return err
	}
	return DecodeBytes(b, v)
}

// DecodeStrict is Decode that refuses unknown keys, for the services that do.
func DecodeStrict(r *http.Request, v any) error {
	b, err := ReadBody(r)
	if err != nil {
		return err
	}
	return DecodeBytesStrict(b, v)
}

// DecodeBytes is Decode for bytes.
func DecodeBytes(b []byte, v any) error { return bodyError(json.Unmarshal(b, v)) }

func bodyError(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := cloud.AsError(err); ok {
		return err
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return cloud.Invalidf("request", wrong.Field, "Invalid input for field/attribute %s. A JSON %s is not what belongs there.", lastPart(wrong.Field), wrong.Value)
	}
	if key, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name := strings.Trim(key, `"`)
		return cloud.Invalidf("request", name, "Additional properties are not allowed ('%s' was unexpected)", name)
	}
	return cloud.Invalidf("request", "body", "Malformed request body: %s.", strings.TrimPrefix(err.Error(), "json: "))
}

func lastPart(path string) string {
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		return path[i+1:]
	}
	return path
}

// WriteJSON answers with a JSON body.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	space := answers.Get().(*[]byte)
	defer answers.Put(space)
	b, err := appendJSON((*space)[:0], v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	if cap(b) <= answerKept {
		*space = b
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // the client is gone: nobody to tell
	return nil
}

// answers is memory in which answers are encoded; that of larger ones than answerKept is given back.
var answers = sync.Pool{New: func() any { return new([]byte) }}

const answerKept = 8 << 20

// WriteEmpty answers without a body.
func WriteEmpty(w http.ResponseWriter, status int) error {
	w.WriteHeader(status)
	return nil
}

// Optional tells a key that was left out from one that was null.
type Optional[T any] struct {
	Set   bool
	Null  bool
	Value T
}

// UnmarshalJSON is called only when the key is there.
func (o *Optional[T]) UnmarshalJSON(b []byte) error {
	o.Set = true
	if string(b) == "null" {
		o.Null = true
		return nil
	}
	return json.Unmarshal(b, &o.Value)
}

// Apply puts the value into dst if the key was there; null gives the zero value.
func (o Optional[T]) Apply(dst *T) {
	if o.Set {
		*dst = o.Value
	}
}
