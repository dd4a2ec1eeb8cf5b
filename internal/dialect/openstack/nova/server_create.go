package nova

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

type createBody struct {
	Server        *createServer `json:"server"`
	Hints         *hints        `json:"os:scheduler_hints"`
	HintsExtended *hints        `json:"OS-SCH-HNT:scheduler_hints"`
}

type createServer struct {
	Name             *string           `json:"name"`
	Description      *string           `json:"description"`
	FlavorRef        refString         `json:"flavorRef"`
	ImageRef         refString         `json:"imageRef"`
	KeyName          *string           `json:"key_name"`
	UserData         *string           `json:"user_data"`
	ConfigDrive      *looseBool        `json:"config_drive"`
	Metadata         map[string]string `json:"metadata"`
	Tags             []string          `json:"tags"`
	AdminPass        string            `json:"adminPass"`
	Networks         json.RawMessage   `json:"networks"`
	SecurityGroups   []nameOnly        `json:"security_groups"`
	BlockDevices     []blockDevice     `json:"block_device_mapping_v2"`
	OldBlockDevices  []oldBlockDevice  `json:"block_device_mapping"`
	AvailabilityZone *string           `json:"availability_zone"`
	MinCount         *looseInt         `json:"min_count"`
	MaxCount         *looseInt         `json:"max_count"`
	ReturnID         *looseBool        `json:"return_reservation_id"`
	Host             string            `json:"host"`
	Hypervisor       string            `json:"hypervisor_hostname"`
	Hostname         string            `json:"hostname"`
	facts
	Personality  json.RawMessage `json:"personality"`
	TrustedCerts []string        `json:"trusted_image_certificates"`
}

type nameOnly struct {
	Name string `json:"name"`
}

type hints struct {
	Group         string      `json:"group"`
	SameHost      stringOrSet `json:"same_host"`
	DifferentHost stringOrSet `json:"different_host"`
}

type networkRequest struct {
	UUID    string `json:"uuid"`
	Port    string `json:"port"`
	FixedIP string `json:"fixed_ip"`
	Tag     string `json:"tag"`
}

type blockDevice struct {
	SourceType      string          `json:"source_type"`
	DestinationType string          `json:"destination_type"`
	UUID            string          `json:"uuid"`
	VolumeID        string          `json:"volume_id"`
	VolumeSize      *looseInt       `json:"volume_size"`
	BootIndex       *nullableIndex  `json:"boot_index"`
	Delete          looseBool       `json:"delete_on_termination"`
	DeviceName      *string         `json:"device_name"`
	DiskBus         *string         `json:"disk_bus"`
	DeviceType      *string         `json:"device_type"`
	GuestFormat     *string         `json:"guest_format"`
	NoDevice        json.RawMessage `json:"no_device"`
	Tag             string          `json:"tag"`
	VolumeType      *string         `json:"volume_type"`
}

func (a *api) createServer(w http.ResponseWriter, r *http.Request) error {
	var body createBody
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	if body.Server == nil {
		return cloud.Invalidf("request", "server", "Invalid input: 'server' is a required property")
	}
	req, err := a.createRequest(r, body)
	if err != nil {
		return err
	}
	made, err := a.Compute.CreateInstance(r.Context(), req)
	if err != nil {
		return err
	}
	if body.Server.ReturnID != nil && bool(*body.Server.ReturnID) {
		return openstack.WriteJSON(w, http.StatusAccepted, map[string]any{"reservation_id": made[0].ReservationID})
	}
	in := made[0]
	w.Header().Set("Location", openstack.BaseURL(r)+a.Prefix+"/v2.1/servers/"+string(in.ID))
	groups := make([]any, 0, len(body.Server.SecurityGroups))
	for _, g := range body.Server.SecurityGroups {
		groups = append(groups, map[string]any{"name": g.Name})
	}
	if len(groups) == 0 {
		groups = append(groups, map[string]any{"name": "default"})
	}
	return openstack.WriteJSON(w, http.StatusAccepted, map[string]any{"server": map[string]any{
		"id": in.ID, "links": a.links(r, "servers", string(in.ID)), "OS-DCF:diskConfig": diskConfig(in.GrowRoot),
		"adminPass": req.AdminPassword, "security_groups": groups}})
}

func (a *api) createRequest(r *http.Request, body createBody) (compute.CreateRequest, error) {
	s := body.Server
	if err := checkCreate(r, s); err != nil {
		return compute.CreateRequest{}, err
	}
	req := compute.CreateRequest{
		Name: *s.Name, Description: s.Description, Hostname: s.Hostname, Flavor: cloud.FlavorID(s.FlavorRef.id()), Image: cloud.ImageID(s.ImageRef.id()),
		KeyName: deref(s.KeyName), UserData: deref(s.UserData), Properties: s.Metadata, Tags: s.Tags, AdminPassword: s.AdminPass,
		AccessV4: deref(s.AccessIPv4), AccessV6: deref(s.AccessIPv6), KeepUnplaced: true,
	}
	if g := s.grow(); g != nil {
		req.GrowRoot = *g
	}
	if s.ConfigDrive != nil {
		req.ConfigDrive = bool(*s.ConfigDrive)
	}
	if req.AdminPassword == "" {
		req.AdminPassword = newPassword()
	}
	for _, g := range s.SecurityGroups {
		req.SecurityGroups = append(req.SecurityGroups, g.Name)
	}
	if err := readCounts(s, &req); err != nil {
		return req, err
	}
	if err := readNetworks(r, s.Networks, &req); err != nil {
		return req, err
	}
	if err := readDisks(r, s, &req); err != nil {
		return req, err
	}
	if err := a.readZone(r, s, &req); err != nil {
		return req, err
	}
	readHints(body, &req)
	return req, nil
}

// checkCreate refuses what the body's version does not have.
func checkCreate(r *http.Request, s *createServer) error {
	switch {
	case s.Name == nil:
		return cloud.Invalidf("request", "name", "Invalid input: 'name' is a required property")
	case s.FlavorRef == "":
		return cloud.Invalidf("request", "flavorRef", "Invalid input: 'flavorRef' is a required property")
	case s.Description != nil && !atLeast(r, 19):
		return unexpected("description")
	case s.Tags != nil && !atLeast(r, 52):
		return unexpected("tags")
	case (s.Host != "" || s.Hypervisor != "") && !atLeast(r, 74):
		return unexpected("host")
	case s.Personality != nil && atLeast(r, 57):
		return unexpected("personality")
	case s.TrustedCerts != nil && !atLeast(r, 63):
		return unexpected("trusted_image_certificates")
	}
	if err := checkHostname(r, &s.Hostname); err != nil {
		return err
	}
	if err := checkMetadata(s.Metadata); err != nil {
		return err
	}
	return s.facts.check()
}

func unexpected(key string) error {
	return cloud.Invalidf("request", key, "Additional properties are not allowed ('%s' was unexpected)", key)
}

func readCounts(s *createServer, req *compute.CreateRequest) error {
	if s.MinCount != nil {
		req.CountMin = int(*s.MinCount)
	}
	if s.MaxCount != nil {
		req.CountMax = int(*s.MaxCount)
	}
	if s.MinCount != nil && req.CountMin < 1 || s.MaxCount != nil && req.CountMax < 1 {
		return cloud.Invalidf("request", "min_count", "Invalid input for field/attribute min_count. Counts must be 1 or more.")
	}
	if s.MinCount != nil && s.MaxCount != nil && req.CountMin > req.CountMax {
		return cloud.Invalidf("request", "min_count", "min_count must be <= max_count")
	}
	if s.MinCount == nil && s.MaxCount != nil {
		req.CountMin = 1
	}
	return nil
}

// readNetworks takes a list, or from 2.37 on "auto" or "none", and then one of the three is needed.
func readNetworks(r *http.Request, raw json.RawMessage, req *compute.CreateRequest) error {
	if !given(raw) {
		if atLeast(r, 37) {
			return cloud.Invalidf("request", "networks", "Invalid input: 'networks' is a required property")
		}
		req.NICDefault = cloud.OnlyNetwork
		return nil
	}
	var word string
	if json.Unmarshal(raw, &word) == nil {
		if !atLeast(r, 37) || word != "auto" && word != "none" {
			return cloud.Invalidf("request", "networks", "Invalid input for field/attribute networks. '%s' is not of type 'array'", word)
		}
		if word == "auto" {
			req.NICDefault = cloud.AutoNetwork
		}
		return nil
	}
	var list []networkRequest
	if err := openstack.DecodeBytes(raw, &list); err != nil {
		return err
	}
	for _, n := range list {
		nic, err := nicRequest(n)
		if err != nil {
			return err
		}
		req.NICs = append(req.NICs, nic)
	}
	if !atLeast(r, 37) {
		req.NICDefault = cloud.OnlyNetwork
	}
	return nil
}

func nicRequest(n networkRequest) (cloud.NICRequest, error) {
	if n.Port == "" && n.UUID != "" && !uuid.MatchString(n.UUID) {
		return cloud.NICRequest{}, cloud.Invalidf("request", "uuid", "Invalid input for field/attribute uuid. Value: %s. '%s' is not a 'uuid'", n.UUID, n.UUID)
	}
	nic := cloud.NICRequest{NetworkID: cloud.NetworkID(n.UUID), PortID: cloud.PortID(n.Port), Tag: n.Tag}
	if n.FixedIP != "" {
		ip, err := netip.ParseAddr(n.FixedIP)
		if err != nil {
			return nic, cloud.Invalidf("request", "fixed_ip", "Invalid input for field/attribute fixed_ip. '%s' is not an address.", n.FixedIP)
		}
		nic.FixedIP = ip
	}
	if n.UUID == "" && n.Port == "" {
		return nic, cloud.Invalidf("request", "networks", "A network needs 'uuid' or 'port'.")
	}
	if n.Port != "" {
		nic.NetworkID = ""
	}
	return nic, nil
}

func readDisks(r *http.Request, s *createServer, req *compute.CreateRequest) error {
	devices, err := s.blockDevices()
	if err != nil {
		return err
	}
	for _, b := range devices {
		if b.Tag != "" && !atLeast(r, 32) {
			return unexpected("tag")
		}
		if b.VolumeType != nil && !atLeast(r, 67) {
			return unexpected("volume_type")
		}
		d, err := diskRequest(b)
		if err != nil {
			return err
		}
		if d.Source == "image" && !d.Volume && d.BootIndex == 0 {
			// The usual root disk, said in the long form.
			req.Image = cloud.ImageID(d.SourceID)
			continue
		}
		req.Disks = append(req.Disks, d)
	}
	for _, d := range req.Disks {
		if d.BootIndex == 0 && (d.Source == "image" || d.Source == "snapshot") {
			req.Image = "" // what is booted says by itself what it is made of; imageRef, if given, only repeats it
		}
	}
	return nil
}

func diskRequest(b blockDevice) (compute.DiskRequest, error) {
	d := compute.DiskRequest{Source: b.SourceType, SourceID: b.UUID, Volume: b.DestinationType == "volume", BootIndex: -1,
		DeleteWithInstance: bool(b.Delete), Device: deref(b.DeviceName), Bus: deref(b.DiskBus), Tag: b.Tag, Type: deref(b.VolumeType),
		CDROM: deref(b.DeviceType) == "cdrom", Swap: deref(b.GuestFormat) == "swap"}
	if b.BootIndex != nil && b.BootIndex.set {
		d.BootIndex = b.BootIndex.value
	}
	if b.VolumeSize != nil {
		d.SizeGiB = int(*b.VolumeSize)
	}
	if d.SourceID == "" {
		d.SourceID = b.VolumeID
	}
	if b.DestinationType == "" {
		d.Volume = d.Source == "volume" || d.Source == "snapshot"
	}
	if t := b.DestinationType; t != "" && t != "local" && t != "volume" {
		return d, cloud.Invalidf("request", "destination_type", "Invalid input for field/attribute destination_type. Value: %s. '%s' is not one of ['local', 'volume']", t, t)
	}
	switch d.Source {
	case "image", "volume", "snapshot":
		if d.SourceID == "" {
			return d, cloud.Invalidf("request", "uuid", "Block Device Mapping is Invalid: a %s needs its uuid.", d.Source)
		}
	case "blank":
	default:
		return d, cloud.Invalidf("request", "source_type", "Invalid input for field/attribute source_type. '%s' is not one of ['volume', 'image', 'snapshot', 'blank']", b.SourceType)
	}
	return d, nil
}

// readZone takes "zone", or for administrators "zone:host".
func (a *api) readZone(r *http.Request, s *createServer, req *compute.CreateRequest) error {
	zone, host, forced := strings.Cut(deref(s.AvailabilityZone), ":")
	if i := strings.IndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	req.Zone = zone
	for _, h := range []string{s.Host, s.Hypervisor} {
		if h != "" {
			host, forced = h, true
		}
	}
	if forced && host != "" {
		h, err := a.Compute.Host(r.Context(), host)
		if cloud.Is(err, cloud.NotFound) {
			return cloud.Invalidf("request", "host", "Compute host %s could not be found.", host)
		}
		if err != nil {
			return err
		}
		req.Hints.Host = h.ID
	}
	return a.knownZone(r, zone)
}

// knownZone refuses a zone that no host is in; none at all is no mistake.
func (a *api) knownZone(r *http.Request, zone string) error {
	if zone == "" {
		return nil
	}
	zones, err := a.Compute.ListZones(r.Context(), false)
	if err != nil {
		return err
	}
	for _, z := range zones {
		if z.Name == zone {
			return nil
		}
	}
	return cloud.Invalidf("request", "availability_zone", "The requested availability zone is not available")
}

func readHints(body createBody, req *compute.CreateRequest) {
	for _, h := range []*hints{body.Hints, body.HintsExtended} {
		if h == nil {
			continue
		}
		req.Hints.Group = cloud.InstanceGroupID(h.Group)
		for _, id := range h.SameHost {
			req.Hints.SameHost = append(req.Hints.SameHost, cloud.InstanceID(id))
		}
		for _, id := range h.DifferentHost {
			req.Hints.DifferentHost = append(req.Hints.DifferentHost, cloud.InstanceID(id))
		}
	}
}

func newPassword() string {
	const letters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz"
	b := make([]byte, 12)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b)
}

// uuid takes ids with and without hyphens, as Nova does.
var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$`)

// refString is an id, or a link that ends in one.
type refString string

func (s refString) id() string {
	text := string(s)
	if i := strings.LastIndexByte(text, '/'); i >= 0 {
		return text[i+1:]
	}
	return text
}

// UnmarshalJSON takes numbers too: flavor ids are often written so.
func (s *refString) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*s = refString(text)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return cloud.Invalidf("request", "flavorRef", "Invalid input for field/attribute flavorRef. %s is not a string.", b)
	}
	*s = refString(n.String())
	return nil
}

// looseBool takes true and "true".
type looseBool bool

func (v *looseBool) UnmarshalJSON(b []byte) error {
	on, err := openstack.ParseBool("boolean", strings.Trim(string(b), `"`))
	if string(b) == "null" || string(b) == `""` {
		on, err = false, nil
	}
	*v = looseBool(on)
	return err
}

// looseInt takes 1 and "1".
type looseInt int

func (v *looseInt) UnmarshalJSON(b []byte) error {
	if string(b) == "null" || string(b) == `""` {
		return nil
	}
	n, err := strconv.Atoi(strings.Trim(string(b), `"`))
	if err != nil {
		return cloud.Invalidf("request", "integer", "Invalid input: %s is not an integer.", b)
	}
	*v = looseInt(n)
	return nil
}

// nullableIndex is a boot index; null means not bootable.
type nullableIndex struct {
	set   bool
	value int
}

func (v *nullableIndex) UnmarshalJSON(b []byte) error {
	v.value = -1
	if string(b) == "null" {
		return nil
	}
	var n looseInt
	if err := n.UnmarshalJSON(b); err != nil {
		return err
	}
	v.set, v.value = true, int(n)
	return nil
}

// stringOrSet takes one string or a list of them.
type stringOrSet []string

func (v *stringOrSet) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*v = []string{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(v))
}
