package charon

import (
	"context"
	"slices"
	"strings"
	"time"
)

// startedPrefix begins the names of children that we begin: whoever watches sees it in the daemon.
const startedPrefix = "s"

// restartAfter is how long what we begin may be missing. The daemon itself asks a silent peer for ever, and gives one up that says no:
// one whose owner has not set it up yet.
const restartAfter = 10 * time.Second

type startedChild struct{ connection, child string }

// restart begins anew what has been missing for long, and is not being begun.
func (w *watch) restart(ctx context.Context, conns map[string][]string, sas []association) {
	now := time.Now()
	still := map[startedChild]time.Time{}
	for name, children := range conns {
		if beginning(name, sas) {
			continue
		}
		for _, c := range children {
			if !strings.HasPrefix(c, startedPrefix) || stands(name, c, sas) {
				continue
			}
			k := startedChild{name, c}
			since, known := w.missing[k]
			if !known {
				since = now
			} else if now.Sub(since) >= restartAfter {
				initiate(ctx, w.session, name, c)
				since = now
			}
			still[k] = since
		}
	}
	w.missing = still
}

// beginning tells whether the daemon is agreeing with a connection's peer upon something.
func beginning(name string, sas []association) bool {
	return slices.ContainsFunc(sas, func(a association) bool { return a.name == name && (a.busy || a.state != "ESTABLISHED") })
}

func stands(name, child string, sas []association) bool {
	return slices.ContainsFunc(sas, func(a association) bool {
		return a.name == name && slices.ContainsFunc(a.children, func(c childSA) bool { return c.name == child })
	})
}
