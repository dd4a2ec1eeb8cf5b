package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/mapping"
	"github.com/nubo-cloud/nubo/internal/operator"
)

// testMapping shows what a mapping makes of a person, without a cloud, or what the cloud would make of a token's owner.
func testMapping(args []string) error {
	f, o := operatorFlags("nubo idp test")
	rules := f.String("rules", "", "`FILE` with the rules of a mapping, as JSON")
	version := f.String("schema-version", mapping.V1, "`VERSION` of the rules: 1.0, 2.0 or 3.0")
	claims := f.String("claims", "", "`FILE` with the claims of an OpenID provider, as JSON")
	assertion := f.String("assertion", "", "`FILE` with attributes as the rules name them, as JSON, in place of claims")
	token := f.String("token-file", "", "`FILE` with somebody's access token (- for standard input): what the running cloud would make of it")
	provider := f.String("provider", checkInID, "`ID` of the provider that the token is of")
	protocol := f.String("protocol", "openid", "`NAME` of the protocol that the token would be shown to")
	if err := parse(f, args, false); err != nil {
		return err
	}
	if *token != "" {
		return testToken(o, *provider, *protocol, *token)
	}
	if *rules == "" || (*claims == "") == (*assertion == "") {
		return usageError{errors.New("--token-file FILE is needed, or --rules FILE and one of --claims FILE and --assertion FILE")}
	}
	m, err := readMapping(*rules, *version)
	if err != nil {
		return err
	}
	a, err := readAssertion(*claims, *assertion)
	if err != nil {
		return err
	}
	return explain(os.Stdout, m, a)
}

// readMapping takes a list of rules, or a file as Keystone's tools have it, with the list under "rules".
func readMapping(path, version string) (*mapping.Mapping, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var whole struct{ Rules json.RawMessage }
	if json.Unmarshal(text, &whole) == nil && whole.Rules != nil {
		text = whole.Rules
	}
	m, err := mapping.Parse(text, version)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func readAssertion(claims, assertion string) (a mapping.Assertion, err error) {
	if assertion != "" {
		return a, readJSON(assertion, &a)
	}
	var values map[string]json.RawMessage
	if err := readJSON(claims, &values); err != nil {
		return nil, err
	}
	return mapping.FromClaims(values)
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// testToken asks the cloud. The token is not on the command line, which others on this machine can read.
func testToken(o *operation, provider, protocol, file string) error {
	from := os.Stdin
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return err
		}
		defer opened.Close()
		from = opened
	}
	text, err := io.ReadAll(io.LimitReader(from, 1<<20))
	if err != nil {
		return err
	}
	return o.on(func(ctx context.Context, c *operator.Cloud) error {
		x, err := c.Explain(ctx, provider, protocol, strings.TrimSpace(string(text)))
		if err != nil || o.asJSON {
			return errors.Join(err, o.show(x))
		}
		return explained(o.out, x)
	})
}

// explained writes what the cloud says.
func explained(w io.Writer, x operator.Explanation) error {
	writeAttributes(w, x.Attributes)
	if len(x.Rules) > 0 {
		fmt.Fprintln(w, "rules:")
	}
	for _, r := range x.Rules {
		writeVerdict(w, r.Rule, r.Applies, r.Because)
	}
	for _, name := range x.MissingGroups {
		fmt.Fprintf(w, "there is no group '%s'\n", name)
	}
	if x.Refused != "" {
		return errors.New("the person does not get in: " + x.Refused)
	}
	return writeGets(w, x.Gets)
}

// explain writes what the rules see, which of them apply and why the others do not, and what the person would get.
func explain(w io.Writer, m *mapping.Mapping, a mapping.Assertion) error {
	writeAttributes(w, a)
	got, err := m.Apply(a)
	if err != nil && !errors.Is(err, mapping.ErrNoRule) {
		return err
	}
	fmt.Fprintln(w, "rules:")
	for i, v := range m.Verdicts(got) {
		writeVerdict(w, i+1, v.Applies, v.Because)
	}
	if err != nil {
		return err
	}
	return writeGets(w, map[string]any{"user": got.User, "group_ids": got.GroupIDs, "groups": got.Groups, "projects": got.Projects})
}

func writeAttributes(w io.Writer, a map[string]string) {
	if len(a) > 0 {
		fmt.Fprintln(w, "attributes:")
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		fmt.Fprintf(w, "  %s = %s\n", name, a[name])
	}
}

func writeVerdict(w io.Writer, rule int, applies bool, because string) {
	if applies {
		fmt.Fprintf(w, "  %d applies\n", rule)
		return
	}
	fmt.Fprintf(w, "  %d does not apply: %s\n", rule, because)
}

func writeGets(w io.Writer, gets any) error {
	text, err := json.MarshalIndent(gets, "  ", "  ")
	fmt.Fprintf(w, "the person gets:\n  %s\n", text)
	return err
}
