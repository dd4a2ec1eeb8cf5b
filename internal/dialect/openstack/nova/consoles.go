package nova

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Consoles makes addresses under which a browser or program reaches a console for a while.
type Consoles interface {
	// Open answers the path and query of a page ("/console/vnc?token=…") for a
	// console of a running instance that the caller may use.
	Open(ctx context.Context, id cloud.InstanceID, kind spec.ConsoleKind) (string, error)
}

// consoleTypes are the words clients use for a protocol and its page.
var consoleTypes = map[string]spec.ConsoleKind{"novnc": spec.ConsoleVNC, "serial": spec.ConsoleSerial}

func (a *api) openConsole(r *http.Request, word string) (string, error) {
	kind, ok := consoleTypes[word]
	if !ok {
		return "", cloud.Invalidf("request", "type", "Unavailable console type %s.", word)
	}
	path, err := a.Consoles.Open(r.Context(), serverID(r), kind)
	if err != nil {
		return "", err
	}
	base := openstack.BaseURL(r)
	if kind == spec.ConsoleSerial {
		base = "ws" + base[len("http"):]
	}
	return base + path, nil
}

func (a *api) remoteConsole(w http.ResponseWriter, r *http.Request) error {
	if err := since(r, 6); err != nil {
		return err
	}
	var body struct {
		Console struct {
			Protocol string `json:"protocol"`
			Type     string `json:"type"`
		} `json:"remote_console"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	c := body.Console
	if c.Protocol != "vnc" && c.Protocol != "serial" {
		return cloud.Invalidf("request", "protocol", "Invalid input for field/attribute protocol. '%s' is not offered here: vnc, serial.", c.Protocol)
	}
	url, err := a.openConsole(r, c.Type)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"remote_console": map[string]any{"protocol": c.Protocol, "type": c.Type, "url": url}})
}

// showServerPassword answers what the guest posted to the metadata service, encrypted with the server's key pair; empty
// for nothing.
func (a *api) showServerPassword(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"password": v.PostedPassword})
}

func (a *api) clearServerPassword(w http.ResponseWriter, r *http.Request) error {
	if err := a.Compute.PostPassword(r.Context(), serverID(r), ""); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func vncConsole(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	return a.consoleAction(w, r, args)
}

func serialConsole(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	return a.consoleAction(w, r, args)
}

// consoleAction is how consoles were asked for before 2.6.
func (a *api) consoleAction(w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		Type string `json:"type"`
	}
	if err := openstack.DecodeBytes(args, &body); err != nil {
		return err
	}
	url, err := a.openConsole(r, body.Type)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"console": map[string]any{"type": body.Type, "url": url}})
}
