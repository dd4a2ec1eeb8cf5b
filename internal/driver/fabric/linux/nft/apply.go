package nft

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
)

// State is what was applied last in one network namespace. The zero State knows
// nothing of the kernel and replaces everything at first. One goroutine at a time.
type State struct {
	tables  []Table
	known   bool
	listing string
}

// Apply makes the kernel hold the tables, as one transaction. It runs nothing
// if that is already so. If the difference does not apply, because somebody else
// changed our tables, they are made anew.
func (s *State) Apply(ctx context.Context, ns *netns.Handle, want []Table) error {
	if s.known {
		script, ok := Change(s.tables, want)
		if ok && script == "" {
			return nil
		}
		if ok && Run(ctx, ns, script) == nil {
			s.tables, s.listing = want, ""
			return nil
		}
	}
	s.known, s.listing = false, ""
	if err := Run(ctx, ns, Replace(want)); err != nil {
		return err
	}
	s.tables, s.known = want, true
	return nil
}

// Known tells whether something was applied and not forgotten.
func (s *State) Known() bool { return s.known }

// Forget makes the next Apply replace everything.
func (s *State) Forget() { s.known = false }

// Verify compares the kernel with what it showed after the last Apply, and
// forgets the state if they differ: the next Apply repairs. It tells whether all was
// well, as far as it can know: before the first Apply nothing is expected.
func (s *State) Verify(ctx context.Context, ns *netns.Handle) (bool, error) {
	if !s.known {
		return true, nil
	}
	if s.listing == "" {
		// First look since the last change. What differences left is listed in another
		// order than what is made whole, so it is made whole once, to compare with from now on.
		err := Run(ctx, ns, Replace(s.tables))
		if err == nil {
			s.listing, err = s.list(ctx, ns)
		}
		if err != nil {
			s.Forget()
		}
		return err == nil, err
	}
	listing, err := s.list(ctx, ns)
	if err != nil {
		s.Forget()
		return false, nil // a table that cannot be listed is gone
	}
	if listing != s.listing {
		s.Forget()
		return false, nil
	}
	return true, nil
}

func (s *State) list(ctx context.Context, ns *netns.Handle) (string, error) {
	var all strings.Builder
	for _, t := range s.tables {
		out, err := List(ctx, ns, "table", t.Family, t.Name)
		if err != nil {
			return "", err
		}
		all.WriteString(out)
	}
	return all.String(), nil
}

// Run applies a script in a namespace, whole or not at all.
func Run(ctx context.Context, ns *netns.Handle, script string) error {
	_, err := command(ctx, ns, script, "-f", "-")
	return err
}

// Check tells whether the kernel would take a script, and changes nothing.
func Check(ctx context.Context, ns *netns.Handle, script string) error {
	_, err := command(ctx, ns, script, "-c", "-f", "-")
	return err
}

func command(ctx context.Context, ns *netns.Handle, input string, args ...string) (string, error) {
	var out, complaint bytes.Buffer
	err := ns.Do(func() error {
		cmd := exec.CommandContext(ctx, "nft", args...)
		cmd.Stdin = strings.NewReader(input)
		cmd.Stdout, cmd.Stderr = &out, &complaint
		return cmd.Run()
	})
	if err != nil {
		return "", fmt.Errorf("nft %s: %w: %s", strings.Join(args, " "), err, firstLines(complaint.String(), 3))
	}
	return out.String(), nil
}

func firstLines(s string, n int) string {
	lines := strings.SplitN(strings.TrimSpace(s), "\n", n+1)
	if len(lines) > n {
		lines = lines[:n]
	}
	return strings.Join(lines, " | ")
}

// List shows an object as the nft program does, for example List(ctx, ns, "table", "inet", "x").
func List(ctx context.Context, ns *netns.Handle, object ...string) (string, error) {
	return command(ctx, ns, "", append([]string{"-s", "list"}, object...)...)
}

// ListJSON shows objects as the nft program does, with what counters have counted, as JSON.
func ListJSON(ctx context.Context, ns *netns.Handle, object ...string) (string, error) {
	return command(ctx, ns, "", append([]string{"-j", "list"}, object...)...)
}
