package nova

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// actionFunc carries out one action; args is what stands under its name in the body.
type actionFunc func(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error

// actions is every key that POST /servers/{id}/action takes.
var actions = map[string]actionFunc{
	"os-start":            simple((*compute.Service).StartInstance),
	"os-stop":             simple((*compute.Service).StopInstance),
	"pause":               simple((*compute.Service).PauseInstance),
	"unpause":             simple((*compute.Service).UnpauseInstance),
	"suspend":             simple((*compute.Service).SuspendInstance),
	"resume":              simple((*compute.Service).ResumeInstance),
	"unlock":              simple((*compute.Service).UnlockInstance),
	"unrescue":            simple((*compute.Service).UnrescueInstance),
	"shelve":              simple((*compute.Service).ShelveInstance),
	"shelveOffload":       simple((*compute.Service).OffloadInstance),
	"revertResize":        simple((*compute.Service).RevertResize),
	"forceDelete":         simple((*compute.Service).DeleteInstance),
	"confirmResize":       confirmResize,
	"lock":                lock,
	"reboot":              reboot,
	"rebuild":             rebuild,
	"rescue":              rescue,
	"resize":              resize,
	"unshelve":            unshelve,
	"createImage":         createImage,
	"createBackup":        createBackup,
	"restore":             restore,
	"changePassword":      changePassword,
	"migrate":             migrate,
	"os-migrateLive":      migrateLive,
	"os-resetState":       resetState,
	"os-getConsoleOutput": consoleOutput,
	"os-getVNCConsole":    vncConsole,
	"os-getSerialConsole": serialConsole,
	"addSecurityGroup":    addSecurityGroup,
	"removeSecurityGroup": removeSecurityGroup,
	"os-getRDPConsole":    absentConsole,
	"os-getSPICEConsole":  absentConsole,
	"os-getMKSConsole":    absentConsole,
	"trigger_crash_dump":  crashDump,
	"evacuate":            evacuate,
	"resetNetwork":        removedAction,
	"injectNetworkInfo":   removedAction,
	"addFloatingIp":       addFloatingIP,
	"addFixedIp":          addFixedIP,
	"removeFixedIp":       removeFixedIP,
	"removeFloatingIp":    removeFloatingIP,
}

func (a *api) action(w http.ResponseWriter, r *http.Request) error {
	var body map[string]json.RawMessage
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if len(body) != 1 {
		return cloud.Invalidf("request", "body", "The body must name exactly one action.")
	}
	for name, args := range body {
		f, ok := actions[name]
		if !ok {
			return cloud.Invalidf("request", name, "There is no such action: %s", name)
		}
		return f(a, w, r, args)
	}
	return nil
}

// simple is an action without arguments whose answer is empty.
func simple(f func(*compute.Service, context.Context, cloud.InstanceID) error) actionFunc {
	return func(a *api, w http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
		if err := f(a.Compute, r.Context(), serverID(r)); err != nil {
			return err
		}
		return openstack.WriteEmpty(w, http.StatusAccepted)
	}
}

// given tells whether a value was sent at all.
func given(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// accept answers an action that has been started.
func accept(w http.ResponseWriter, err error) error {
	if err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusAccepted)
}

func confirmResize(a *api, w http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
	if err := a.Compute.ConfirmResize(r.Context(), serverID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func lock(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		Reason string `json:"locked_reason"`
	}
	if given(args) {
		if err := openstack.DecodeBytes(args, &body); err != nil {
			return err
		}
	}
	return accept(w, a.Compute.LockInstance(r.Context(), serverID(r), body.Reason))
}

func reboot(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		Type string `json:"type"`
	}
	if err := openstack.DecodeBytes(args, &body); err != nil {
		return err
	}
	kind := strings.ToUpper(body.Type)
	if kind != "SOFT" && kind != "HARD" {
		return cloud.Invalidf("request", "type", "Invalid input for field/attribute type. Value: %s. 'type' must be SOFT or HARD.", body.Type)
	}
	return accept(w, a.Compute.RebootInstance(r.Context(), serverID(r), kind == "HARD"))
}

func rebuild(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		ImageRef    refString                  `json:"imageRef"`
		Name        *string                    `json:"name"`
		AdminPass   string                     `json:"adminPass"`
		Metadata    map[string]string          `json:"metadata"`
		Description openstack.Optional[string] `json:"description"`
		KeyName     openstack.Optional[string] `json:"key_name"`
		UserData    openstack.Optional[string] `json:"user_data"`
		Hostname    *string                    `json:"hostname"`
		facts
		Ephemeral bool `json:"preserve_ephemeral"`
	}
	if err := openstack.DecodeBytes(args, &body); err != nil {
		return err
	}
	if body.ImageRef == "" {
		return cloud.Invalidf("request", "imageRef", "Invalid input: 'imageRef' is a required property")
	}
	if err := checkHostname(r, body.Hostname); err != nil {
		return err
	}
	if err := body.facts.check(); err != nil {
		return err
	}
	req := compute.RebuildRequest{Image: cloud.ImageID(body.ImageRef.id()), Name: body.Name, Properties: body.Metadata, Hostname: body.Hostname,
		AccessV4: body.AccessIPv4, AccessV6: body.AccessIPv6, GrowRoot: body.grow(), AdminPassword: body.AdminPass}
	if req.AdminPassword == "" {
		req.AdminPassword = newPassword()
	}
	for _, o := range []struct {
		from openstack.Optional[string]
		to   **string
	}{{body.Description, &req.Description}, {body.KeyName, &req.KeyName}, {body.UserData, &req.UserData}} {
		if o.from.Set {
			value := o.from.Value
			*o.to = &value
		}
	}
	if _, err := a.Compute.RebuildInstance(r.Context(), serverID(r), req); err != nil {
		return err
	}
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	w.Header().Set("Location", openstack.BaseURL(r)+a.Prefix+"/v2.1/servers/"+string(v.ID))
	return openstack.WriteJSON(w, http.StatusAccepted, map[string]any{"server": a.rebuilt(r, v, req.AdminPassword)})
}

func rescue(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		AdminPass string    `json:"adminPass"`
		Image     refString `json:"rescue_image_ref"`
	}
	if given(args) {
		if err := openstack.DecodeBytes(args, &body); err != nil {
			return err
		}
	}
	if body.AdminPass == "" {
		body.AdminPass = newPassword()
	}
	if _, err := a.Compute.RescueInstance(r.Context(), serverID(r), cloud.ImageID(body.Image.id()), body.AdminPass); err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"adminPass": body.AdminPass})
}

func resize(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		FlavorRef  refString `json:"flavorRef"`
		DiskConfig *string   `json:"OS-DCF:diskConfig"`
	}
	if err := openstack.DecodeBytes(args, &body); err != nil {
		return err
	}
	if body.FlavorRef == "" {
		return cloud.Invalidf("request", "flavorRef", "Invalid input: 'flavorRef' is a required property")
	}
	said := facts{DiskConfig: body.DiskConfig}
	if err := said.check(); err != nil {
		return err
	}
	return accept(w, a.Compute.ResizeInstance(r.Context(), serverID(r), cloud.FlavorID(body.FlavorRef.id()), said.grow()))
}

func createImage(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		Name     string            `json:"name"`
		Metadata map[string]string `json:"metadata"`
	}
	if err := openstack.DecodeBytes(args, &body); err != nil {
		return err
	}
	if body.Name == "" {
		return cloud.Invalidf("request", "name", "Invalid input: 'name' is a required property")
	}
	i, err := a.Compute.CreateImage(r.Context(), serverID(r), body.Name, body.Metadata)
	if err != nil {
		return err
	}
	return writeImageMade(w, r, i)
}

func writeImageMade(w http.ResponseWriter, r *http.Request, i *cloud.Image) error {
	if atLeast(r, 45) {
		return openstack.WriteJSON(w, http.StatusAccepted, map[string]any{"image_id": i.ID})
	}
	w.Header().Set("Location", openstack.BaseURL(r)+"/image/images/"+string(i.ID))
	return openstack.WriteEmpty(w, http.StatusAccepted)
}

func createBackup(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		Name     string            `json:"name"`
		Type     string            `json:"backup_type"`
		Rotation *looseInt         `json:"rotation"`
		Metadata map[string]string `json:"metadata"`
	}
	if err := openstack.DecodeBytesStrict(args, &body); err != nil {
		return err
	}
	if body.Name == "" || body.Type == "" || body.Rotation == nil || *body.Rotation < 0 {
		return cloud.Invalidf("request", "createBackup", "Invalid input: 'name', 'backup_type' and 'rotation' (0 or more) are required properties")
	}
	i, err := a.Compute.BackupInstance(r.Context(), serverID(r), body.Name, body.Type, int(*body.Rotation), body.Metadata)
	if err != nil {
		return err
	}
	return writeImageMade(w, r, i)
}

// restore brings a server back that is deleted later. Here none is: deleting is at once.
func restore(a *api, _ http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	return cloud.Errorf(cloud.WrongState, "instance", v.ID, "Cannot 'restore' instance %s while it is in vm_state %s", v.ID, stateOf(v.Instance).VM)
}

func changePassword(a *api, _ http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		Password *string `json:"adminPass"`
	}
	if err := openstack.DecodeBytesStrict(args, &body); err != nil {
		return err
	}
	if body.Password == nil {
		return cloud.Invalidf("request", "adminPass", "Invalid input for field/attribute changePassword. 'adminPass' is a required property")
	}
	return a.Compute.ChangePassword(r.Context(), serverID(r))
}

func resetState(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		State string `json:"state"`
	}
	if err := openstack.DecodeBytes(args, &body); err != nil {
		return err
	}
	phase, ok := map[string]cloud.Phase{"active": cloud.PhaseReady, "error": cloud.PhaseFailed}[body.State]
	if !ok {
		return cloud.Invalidf("request", "state", "Invalid input for field/attribute state. '%s' is not one of ['active', 'error']", body.State)
	}
	return accept(w, a.Compute.ResetInstance(r.Context(), serverID(r), phase))
}

// bytesPerLine turns the lines a client asks for into an upper bound of bytes to read.
const bytesPerLine = 1024

func consoleOutput(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		Length *looseInt `json:"length"`
	}
	if given(args) {
		if err := openstack.DecodeBytes(args, &body); err != nil {
			return err
		}
	}
	lines, tail := -1, int64(0)
	if body.Length != nil && *body.Length >= 0 {
		lines = int(*body.Length)
		tail = int64(lines+1) * bytesPerLine
	}
	b, err := a.Compute.ConsoleLog(r.Context(), serverID(r), tail)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"output": lastLines(strings.ToValidUTF8(string(b), "?"), lines)})
}

// lastLines keeps the last n lines, all for a negative n.
func lastLines(text string, n int) string {
	if n < 0 {
		return text
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}

func addSecurityGroup(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body nameOnly
	if err := openstack.DecodeBytes(args, &body); err != nil {
		return err
	}
	return accept(w, a.Compute.AddSecurityGroup(r.Context(), serverID(r), body.Name))
}

func removeSecurityGroup(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body nameOnly
	if err := openstack.DecodeBytes(args, &body); err != nil {
		return err
	}
	return accept(w, a.Compute.RemoveSecurityGroup(r.Context(), serverID(r), body.Name))
}

// serverGroupsOf lists the security groups on a server's ports.
func (a *api) serverGroupsOf(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	groups := []*cloud.SecurityGroup{}
	seen := map[cloud.SecurityGroupID]bool{}
	for _, p := range v.Ports {
		for _, g := range p.Groups {
			if !seen[g.ID] {
				seen[g.ID] = true
				groups = append(groups, g)
			}
		}
	}
	views, err := a.securityGroupViews(r, groups)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"security_groups": views})
}
