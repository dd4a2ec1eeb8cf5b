package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Level says how bad a finding is.
type Level string

// The levels. Warning: guests run, but something is slower, smaller or missing. Problem: guests
// do not run.
const (
	OK      Level = "ok"
	Warning Level = "warning"
	Problem Level = "problem"
)

// Finding is the answer of one check.
type Finding struct {
	Check string `json:"check"`
	Level Level  `json:"level"`
	What  string `json:"what"`
	// Why it matters and what to Do; empty where nothing is wrong.
	Why string `json:"why,omitempty"`
	Do  string `json:"do,omitempty"`
}

// Report is all findings, in the order people read them.
type Report []Finding

// Problems counts what keeps guests from running.
func (r Report) Problems() int {
	n := 0
	for _, f := range r {
		if f.Level == Problem {
			n++
		}
	}
	return n
}

// Write prints one line for each finding.
func (r Report) Write(w io.Writer) error {
	for _, f := range r {
		line := fmt.Sprintf("%-8s %-14s %s", f.Level, f.Check, f.What)
		if f.Why != "" {
			line += "; " + f.Why
		}
		if f.Do != "" {
			line += ". To do: " + f.Do
		}
		if _, err := fmt.Fprintln(w, strings.ReplaceAll(line, "\n", " ")); err != nil {
			return err
		}
	}
	return nil
}

// WriteJSON prints the findings for programs.
func (r Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
