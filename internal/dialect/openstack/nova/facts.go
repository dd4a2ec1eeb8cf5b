package nova

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// facts are what an owner writes on a server at its creation, at a rebuild and by an update.
type facts struct {
	AccessIPv4 *string `json:"accessIPv4"`
	AccessIPv6 *string `json:"accessIPv6"`
	DiskConfig *string `json:"OS-DCF:diskConfig"`
}

// check refuses what does not fit and writes addresses in their shortest form.
func (f facts) check() error {
	if err := checkAddress("accessIPv4", f.AccessIPv4, netip.Addr.Is4); err != nil {
		return err
	}
	if err := checkAddress("accessIPv6", f.AccessIPv6, netip.Addr.Is6); err != nil {
		return err
	}
	if d := f.DiskConfig; d != nil && *d != "AUTO" && *d != "MANUAL" {
		return cloud.Invalidf("request", "OS-DCF:diskConfig", "Invalid input for field/attribute OS-DCF:diskConfig. Value: %s. '%s' is not one of ['AUTO', 'MANUAL']", *d, *d)
	}
	return nil
}

// checkAddress takes an empty string too: it removes the address.
func checkAddress(field string, text *string, fits func(netip.Addr) bool) error {
	if deref(text) == "" {
		return nil
	}
	ip, err := netip.ParseAddr(*text)
	if err != nil || !fits(ip) {
		return cloud.Invalidf("request", field, "Invalid input for field/attribute %s. Value: %s. '%s' is not a '%s'", field, *text, *text, strings.ToLower(field[len("access"):]))
	}
	*text = ip.String()
	return nil
}

// grow is the disk configuration; nil: not said.
func (f facts) grow() *bool {
	if f.DiskConfig == nil {
		return nil
	}
	auto := *f.DiskConfig == "AUTO"
	return &auto
}

func (f facts) apply(in *cloud.Instance) {
	if f.AccessIPv4 != nil {
		in.AccessV4 = *f.AccessIPv4
	}
	if f.AccessIPv6 != nil {
		in.AccessV6 = *f.AccessIPv6
	}
	if g := f.grow(); g != nil {
		in.GrowRoot = *g
	}
}

// checkHostname: a name of the guest's own came with 2.90, and a fully qualified one with 2.94.
func checkHostname(r *http.Request, name *string) error {
	switch {
	case deref(name) == "":
		return nil
	case !atLeast(r, 90):
		return unexpected("hostname")
	case !atLeast(r, 94) && strings.Contains(*name, "."):
		return cloud.Invalidf("request", "hostname", "Invalid input for field/attribute hostname. Value: %s. A fully qualified name needs version 2.94.", *name)
	}
	return nil
}
