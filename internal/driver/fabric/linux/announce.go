package linux

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/ndp"
	"github.com/mdlayher/packet"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/frame"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// announceAgain is when an announcement is repeated, as one frame may be lost.
const announceAgain = time.Second

// announce tells the networks where a router's addresses are, when they have
// changed: neighbours may remember another router's MAC for a floating IP.
func (f *Fabric) announce(r *router, doc spec.Router) {
	if said := fmt.Sprint(attachments(doc), doc.AdminUp); !doc.AdminUp || said == r.spoken {
		return
	} else {
		r.spoken = said
	}
	f.announceAll(r.ns, attachments(doc), kindRouter, string(doc.ID))
}

// announceAll tells networks where addresses are, now and once more.
func (f *Fabric) announceAll(from *netns.Handle, links []spec.RouterInterface, kind, id string) {
	for _, a := range links {
		conn, err := openAnnouncer(from, a)
		if err != nil {
			f.log.Warn("addresses not announced", kind, id, "port", a.Port, "error", err)
			continue
		}
		shout(conn, a)
		f.start(func() {
			defer conn.Close()
			if f.rest(announceAgain) {
				shout(conn, a)
			}
		})
	}
}

func openAnnouncer(from *netns.Handle, a spec.RouterInterface) (conn *packet.Conn, err error) {
	err = from.Do(func() error {
		link, err := net.InterfaceByName(routerLinkName(a.Port))
		if err != nil {
			return err
		}
		conn, err = packet.Listen(link, packet.Raw, 0, nil)
		return err
	})
	return conn, err
}

// shout is best effort: who does not hear it asks when it needs to know.
func shout(conn *packet.Conn, a spec.RouterInterface) {
	mac, err := parseMAC(a.MAC)
	if err != nil {
		return
	}
	for _, p := range a.Addresses {
		if p.Addr().Is4() {
			conn.WriteTo(frame.GratuitousARP(mac, p.Addr()), &packet.Addr{HardwareAddr: frame.Broadcast})
		} else if b := advertise(mac, p.Addr()); b != nil {
			conn.WriteTo(b, &packet.Addr{HardwareAddr: frame.MulticastMAC(everyNode)})
		}
	}
}

var everyNode = netip.MustParseAddr("ff02::1")

func advertise(mac net.HardwareAddr, a netip.Addr) []byte {
	message, err := ndp.MarshalMessageChecksum(&ndp.NeighborAdvertisement{
		Router: true, Override: true, TargetAddress: a,
		Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Target, Addr: mac}},
	}, a, everyNode)
	if err != nil {
		return nil
	}
	return frame.ICMP6(frame.MulticastMAC(everyNode), mac, a, everyNode, message)
}
