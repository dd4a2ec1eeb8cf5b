// Package mappingtest holds rules with what they make of assertions, and writes results so that two programs can agree about them.
package mappingtest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/nubo-cloud/nubo/internal/mapping"
)

// Pair is rules and what they are applied to.
type Pair struct {
	Rules     json.RawMessage   `json:"rules"`
	Assertion map[string]string `json:"assertion"`
}

// Outcome is a result whose sets are sorted, and in which nothing is empty.
type Outcome struct {
	Error    string            `json:"error,omitempty"` // "no rule", or "refused" for what cannot be filled in
	User     map[string]any    `json:"user,omitempty"`
	GroupIDs []string          `json:"group_ids,omitempty"`
	Groups   [][3]string       `json:"groups,omitempty"` // name, the domain's id, its name
	Projects []mapping.Project `json:"projects,omitempty"`
}

func (o Outcome) String() string {
	b, err := json.Marshal(o)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Of is what this cloud makes of a pair. The error says that the rules cannot be read.
func Of(p Pair) (Outcome, error) {
	m, err := mapping.Parse(p.Rules, mapping.V1)
	if err != nil {
		return Outcome{}, err
	}
	got, err := m.Apply(p.Assertion)
	switch {
	case errors.Is(err, mapping.ErrNoRule):
		return Outcome{Error: "no rule"}, nil
	case err != nil:
		return Outcome{Error: "refused"}, nil
	}
	out := Outcome{Projects: got.Projects, GroupIDs: slices.Sorted(slices.Values(got.GroupIDs))}
	for _, g := range got.Groups {
		out.Groups = append(out.Groups, [3]string{g.Name, g.Domain.ID, g.Domain.Name})
	}
	slices.SortFunc(out.Groups, func(a, b [3]string) int { return slices.Compare(a[:], b[:]) })
	user, err := json.Marshal(got.User)
	if err != nil {
		return Outcome{}, err
	}
	return out, json.Unmarshal(user, &out.User)
}

// Case is a pair with the outcome that Keystone gives it.
type Case struct {
	Name string `json:"name"`
	Pair
	Want Outcome `json:"want"`
}

//go:embed corpus.jsonl
var corpus []byte

// Corpus is the cases that are kept: what sites write, and the odd corners of the language.
func Corpus() (all []Case, err error) {
	for n, line := range bytes.Split(bytes.TrimSpace(corpus), []byte("\n")) {
		var c Case
		if err := json.Unmarshal(line, &c); err != nil {
			return nil, fmt.Errorf("corpus.jsonl: line %d: %w", n+1, err)
		}
		all = append(all, c)
	}
	return all, nil
}
