package operator

import (
	"fmt"
	"strings"
)

// Change is one thing that was done, or needed not be done.
type Change struct {
	Did    Did    `json:"did"`
	What   string `json:"what"` // "project"
	Name   string `json:"name"`
	ID     string `json:"id,omitempty"`
	Detail string `json:"detail,omitempty"` // what is new about it
}

// Did is what became of a thing.
type Did string

// What may become of a thing.
const (
	Made    Did = "made"
	Changed Did = "changed"
	Found   Did = "found" // as it should be
	Removed Did = "removed"
)

// String is a line for people.
func (c Change) String() string {
	words := []string{string(c.Did), c.What, c.Name}
	if c.ID != "" && c.ID != c.Name {
		words = append(words, "("+c.ID+")")
	}
	text := strings.Join(words, " ")
	if c.Detail != "" {
		text = fmt.Sprintf("%s: %s", text, c.Detail)
	}
	return text
}
