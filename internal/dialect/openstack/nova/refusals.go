package nova

import (
	"encoding/json"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// removed are the parts of the API that Compute itself took out; they answer that they are gone to every version.
var removed = []string{"os-agents", "os-cells", "os-certificates", "os-cloudpipe", "os-fixed-ips", "os-floating-ip-dns", "os-floating-ips-bulk",
	"os-fping", "os-security-group-default-rules"}

func (a *api) removals() {
	for _, name := range removed {
		for _, route := range []string{"GET /" + name, "POST /" + name, "GET /" + name + "/{rest...}", "POST /" + name + "/{rest...}",
			"PUT /" + name + "/{rest...}", "DELETE /" + name + "/{rest...}"} {
			a.handle(route, gone)
		}
	}
	a.handle("GET /servers/{id}/consoles", gone)
}

func gone(http.ResponseWriter, *http.Request) error {
	return openstack.Gone("This part of the API is gone: Compute removed it for all versions.")
}

// removedAction is an action that Compute took out.
func removedAction(*api, http.ResponseWriter, *http.Request, json.RawMessage) error {
	return gone(nil, nil)
}

// absentConsole is a console that needs another hypervisor's or display protocol.
func absentConsole(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		Type string `json:"type"`
	}
	if err := openstack.DecodeBytesStrict(args, &body); err != nil {
		return err
	}
	if atLeast(r, 6) {
		return noRoute()
	}
	if _, err := a.Compute.Instance(r.Context(), serverID(r)); err != nil {
		return err
	}
	_, err := a.openConsole(r, body.Type)
	return err
}

// crashDump came with 2.17. A guest's dump would need a place to go that its owner can read.
func crashDump(a *api, _ http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
	if err := since(r, 17); err != nil {
		return err
	}
	if err := a.Compute.MayInterrupt(r.Context(), serverID(r)); err != nil {
		return err
	}
	return openstack.NotImplemented("Guests' crash dumps are not kept by this cloud.")
}
