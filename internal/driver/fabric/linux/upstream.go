package linux

import (
	"context"
	"net"

	"github.com/miekg/dns"
)

const resolvConf = "/etc/resolv.conf"

// upstream lists DNS servers for names that are not ours. The file is read each
// time: it is small, cached by the kernel, and changes with the host's networks.
func (f *Fabric) upstream() []string {
	servers, port := f.options.Upstream, "53"
	if servers == nil {
		config, err := dns.ClientConfigFromFile(resolvConf)
		if err != nil {
			f.log.Warn("upstream DNS servers unknown", "error", err)
			return nil
		}
		servers, port = config.Servers, config.Port
	}
	out := make([]string, len(servers))
	for i, s := range servers {
		out[i] = s
		if _, _, err := net.SplitHostPort(s); err != nil {
			out[i] = net.JoinHostPort(s, port)
		}
	}
	return out
}

// dialHost connects from the host's namespace. The address is a literal, so the
// socket is made on the calling thread.
func (f *Fabric) dialHost(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = f.host.Do(func() error {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}
