package dhcp

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/rfc1035label"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// optionNames6 are the names of DHCPv6 options in use.
var optionNames6 = map[string]dhcpv6.OptionCode{
	"dns-server": dhcpv6.OptionDNSRecursiveNameServer, "domain-search": dhcpv6.OptionDomainSearchList, "sntp-server": dhcpv6.OptionSNTPServerList,
	"ntp-server": dhcpv6.OptionNTPServer, "bootfile-url": dhcpv6.OptionBootfileURL, "bootfile-param": dhcpv6.OptionBootfileParam,
}

// extra6 sets a port's own options over ours, by number or name; an empty value takes one away.
func extra6(a *dhcpv6.Message, options []spec.DHCPOption) {
	for _, o := range options {
		code, ok := optionNames6[o.Name]
		if n, err := strconv.ParseUint(o.Name, 10, 16); err == nil {
			code, ok = dhcpv6.OptionCode(n), true
		}
		switch {
		case !ok || o.Version != 6:
		case o.Value == "":
			a.Options.Del(code)
		default:
			a.UpdateOption(option6(code, o.Value))
		}
	}
}

// option6 writes a value in the form its option has; what it does not know are addresses, or the text itself.
func option6(code dhcpv6.OptionCode, value string) dhcpv6.Option {
	words := strings.FieldsFunc(value, func(c rune) bool { return c == ',' || c == ' ' })
	addresses, isList := addressList6(words)
	switch {
	case code == dhcpv6.OptionDomainSearchList:
		return dhcpv6.OptDomainSearchList(&rfc1035label.Labels{Labels: words})
	case code == dhcpv6.OptionNTPServer && isList:
		servers := &dhcpv6.OptNTPServer{}
		for _, a := range addresses {
			address := dhcpv6.NTPSuboptionSrvAddr(a.AsSlice())
			servers.Suboptions.Add(&address)
		}
		return servers
	case isList:
		var data []byte
		for _, a := range addresses {
			data = append(data, a.AsSlice()...)
		}
		return &dhcpv6.OptionGeneric{OptionCode: code, OptionData: data}
	}
	return &dhcpv6.OptionGeneric{OptionCode: code, OptionData: []byte(value)}
}

func addressList6(words []string) ([]netip.Addr, bool) {
	addresses := make([]netip.Addr, len(words))
	for i, word := range words {
		a, err := netip.ParseAddr(word)
		if err != nil || !a.Is6() {
			return nil, false
		}
		addresses[i] = a
	}
	return addresses, len(words) > 0
}
