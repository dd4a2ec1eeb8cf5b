package oauthsign

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// formMax bounds a form in bytes.
const formMax = 64 << 10

type parameter struct{ name, value string }

var errParameters = errors.New("the parameters cannot be read")

// parameters are those of the header, the query and, if the body is one, the form, which it consumes.
func parameters(r *http.Request) ([]parameter, error) {
	all, err := headerParameters(r.Header.Get("Authorization"))
	if err != nil {
		return nil, err
	}
	texts := []string{r.URL.RawQuery}
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media == "application/x-www-form-urlencoded" && r.Body != nil {
		form, err := io.ReadAll(io.LimitReader(r.Body, formMax+1))
		if err != nil || len(form) > formMax {
			return nil, errParameters
		}
		texts = append(texts, string(form))
	}
	for _, text := range texts {
		values, err := url.ParseQuery(text)
		if err != nil {
			return nil, errParameters
		}
		for name, of := range values {
			for _, v := range of {
				all = append(all, parameter{name, v})
			}
		}
	}
	return all, nil
}

// headerParameters reads: OAuth name="value", name="value".
func headerParameters(header string) (all []parameter, err error) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	if !strings.EqualFold(scheme, "OAuth") {
		return nil, nil
	}
	for _, field := range strings.Split(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(field), "=")
		value = strings.TrimSpace(value)
		if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		}
		name, err1 := url.PathUnescape(strings.TrimSpace(name))
		value, err2 := url.PathUnescape(value)
		if !ok || name == "" || err1 != nil || err2 != nil {
			return nil, errParameters
		}
		all = append(all, parameter{name, value})
	}
	return all, nil
}
