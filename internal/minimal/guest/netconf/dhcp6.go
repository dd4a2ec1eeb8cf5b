package netconf

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/dhcpv6/nclient6"
	"github.com/insomniacslk/dhcp/iana"
)

// lease6 is what a DHCPv6 reply gives.
type lease6 struct {
	address netip.Addr // zero when only other configuration was asked for
	seconds int
	renewIn time.Duration
	dns     []netip.Addr
	search  []string
}

func parseLease6(reply *dhcpv6.Message) (lease6, error) {
	l := lease6{dns: addrs(reply.Options.DNS()), renewIn: time.Hour}
	if s := reply.Options.DomainSearchList(); s != nil {
		l.search = s.Labels
	}
	na := reply.Options.OneIANA()
	if na == nil {
		return l, nil
	}
	if st := na.Options.Status(); st != nil && st.StatusCode != iana.StatusSuccess {
		return l, errors.New("the DHCPv6 server says: " + st.StatusCode.String() + " " + st.StatusMessage)
	}
	one := na.Options.OneAddress()
	if one == nil {
		return l, errors.New("the DHCPv6 server gave no address")
	}
	l.address, _ = netip.AddrFromSlice(one.IPv6Addr.To16())
	if one.ValidLifetime < time.Duration(0xFFFFFFFF)*time.Second {
		l.seconds = int(one.ValidLifetime / time.Second)
		l.renewIn = one.ValidLifetime / 2
	}
	if na.T1 > 0 && na.T1 < l.renewIn {
		l.renewIn = na.T1
	}
	l.renewIn = max(l.renewIn, time.Second)
	return l, nil
}

// dhcp6 holds an address (managed) or only asks for name servers, until ctx
// ends.
func (c *conf) dhcp6(ctx context.Context, managed bool) {
	for ctx.Err() == nil {
		next := time.Second
		if l, err := c.ask6(ctx, managed); err == nil {
			c.apply6(l)
			next = l.renewIn
		}
		if !wait(ctx, nil, next) {
			return
		}
	}
}

// ask6 asks from the start each time: the server knows us by our DUID and
// gives the same address again.
func (c *conf) ask6(ctx context.Context, managed bool) (lease6, error) {
	client, err := nclient6.New(c.name, nclient6.WithTimeout(time.Second), nclient6.WithRetry(4))
	if err != nil {
		return lease6{}, err
	}
	defer client.Close()
	if !managed {
		return c.inform6(ctx, client)
	}
	adv, err := client.Solicit(ctx)
	if err != nil {
		return lease6{}, err
	}
	reply, err := client.Request(ctx, adv)
	if err != nil {
		return lease6{}, err
	}
	return parseLease6(reply)
}

func (c *conf) inform6(ctx context.Context, client *nclient6.Client) (lease6, error) {
	m, err := dhcpv6.NewMessage()
	if err != nil {
		return lease6{}, err
	}
	m.MessageType = dhcpv6.MessageTypeInformationRequest
	m.AddOption(dhcpv6.OptRequestedOption(dhcpv6.OptionDNSRecursiveNameServer, dhcpv6.OptionDomainSearchList))
	reply, err := client.SendAndRead(ctx, client.RemoteAddr(), m, nclient6.IsMessageType(dhcpv6.MessageTypeReply))
	if err != nil {
		return lease6{}, err
	}
	return parseLease6(reply)
}

func (c *conf) apply6(l lease6) {
	if l.address.IsValid() {
		if err := c.address(netip.PrefixFrom(l.address, 128), l.seconds); err != nil {
			c.log("%s: DHCPv6: %v", c.name, err)
		}
	}
	if len(l.dns) > 0 {
		c.resolver.set(c.name, "dhcp6", l.dns, l.search)
	}
}
