package openstacktest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Request is one of a script: a paragraph that begins with a method, a path below the cloud's root, and then, as needed, the
// names its answer gives ("NET=network.id"), the microversion ("@2.90"), headers ("X-Subject-Token:$TOKEN"), the code of a refusal
// and "spoils", which keeps it from being asked twice. The body, if any, is in the lines that follow. "$NET" stands for the name's value in later requests.
type Request struct {
	Method, Path, Version, Body string
	Names                       map[string]string // name -> where in the answer
	Header                      map[string]string
	Refusal                     int // the code of the answer, if it must be one
	Spoils                      bool
}

// Script reads the requests of a text. Lines that begin with # are for people.
func Script(text string) (requests []Request, err error) {
	for _, paragraph := range strings.Split(comments.ReplaceAllString(text, ""), "\n\n") {
		head, body, _ := strings.Cut(strings.TrimSpace(paragraph), "\n")
		words := strings.Fields(head)
		if len(words) == 0 {
			continue
		}
		if len(words) < 2 {
			return nil, fmt.Errorf("no request: %q", head)
		}
		r, err := request(words, strings.TrimSpace(body))
		if err != nil {
			return nil, err
		}
		requests = append(requests, r)
	}
	return requests, nil
}

var comments = regexp.MustCompile(`(?m)^#.*\n`)

func request(words []string, body string) (r Request, err error) {
	r = Request{Method: words[0], Path: words[1], Body: body, Names: map[string]string{}, Header: map[string]string{}}
	for _, word := range words[2:] {
		name, where, gives := strings.Cut(word, "=")
		key, value, header := strings.Cut(word, ":")
		switch {
		case gives:
			r.Names[name] = where
		case header:
			r.Header[key] = value
		case word == "spoils":
			r.Spoils = true
		case word[0] == '@':
			r.Version = word[1:]
		default:
			r.Refusal, err = strconv.Atoi(word)
		}
	}
	return r, err
}
