package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/trace"
)

// traceCommand shows the log of sign-ins and of who did what.
func traceCommand(args []string) error {
	c, filter := config.Default(), trace.Filter{}
	follow, asJSON := false, false
	f := flag.NewFlagSet("nubo trace", flag.ContinueOnError)
	f.StringVar(&c.StateDir, "state-dir", c.StateDir, "`DIR` of the cloud")
	f.StringVar(&filter.User, "user", "", "`USER`: its id, its name, or what its identity provider calls it")
	f.StringVar(&filter.Project, "project", "", "`ID` of a project")
	f.StringVar(&filter.Provider, "provider", "", "`ID` of an identity provider")
	f.Func("since", "`TIME`: 2026-03-31, 2026-03-31T12:00:00Z, or a time ago such as 36h", timeOption(&filter.Since))
	f.Func("until", "`TIME` before which it was", timeOption(&filter.Until))
	f.BoolVar(&follow, "follow", false, "go on with what comes")
	f.BoolVar(&asJSON, "json", false, "print the entries as they are kept, as JSON")
	if err := parse(f, args, false); err != nil {
		return err
	}
	if _, err := os.Stat(c.StateDir); err != nil {
		return fmt.Errorf("there is no cloud whose log could be shown: %w; name its directory with --state-dir", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r := trace.NewReader(c.Traces(), filter)
	give := func(e trace.Entry) error { return showEntry(os.Stdout, e, asJSON) }
	if follow {
		return r.Follow(ctx, give)
	}
	return r.Read(give)
}

func showEntry(w io.Writer, e trace.Entry, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(e)
	}
	_, err := fmt.Fprintln(w, entryLine(e))
	return err
}

// entryLine is an entry for people. What strangers chose is quoted, so that it cannot pass for another line.
func entryLine(e trace.Entry) string {
	words := []string{e.Time.Format(time.RFC3339), e.Kind}
	say := func(name, value string) {
		if value != "" {
			words = append(words, fmt.Sprintf("%s=%q", name, value))
		}
	}
	if e.Kind == trace.KindRequest {
		words = append(words, e.Method, fmt.Sprintf("%q", e.Path), fmt.Sprint(e.Status))
	} else if e.Reason == "" {
		words = append(words, "accepted")
	} else {
		words = append(words, "refused")
	}
	say("because", e.Reason)
	say("user", e.User)
	say("id", e.UserID)
	say("person", e.FederatedID)
	say("provider", e.ProviderID)
	say("protocol", e.Protocol)
	say("credential", e.CredentialID)
	say("project", e.ProjectID)
	say("from", e.From)
	say("agent", e.Agent)
	say("request", e.RequestID)
	return strings.Join(words, " ")
}

// timeOption reads a moment, a day, or a time ago.
func timeOption(into *time.Time) func(string) error {
	return func(text string) (err error) {
		if ago, err := time.ParseDuration(text); err == nil {
			*into = time.Now().Add(-ago)
			return nil
		}
		for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
			if *into, err = time.Parse(layout, text); err == nil {
				return nil
			}
		}
		return fmt.Errorf("'%s' is neither a time such as 2026-03-31 or 2026-03-31T12:00:00Z nor one ago such as 36h", text)
	}
}
