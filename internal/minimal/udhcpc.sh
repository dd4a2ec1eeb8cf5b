#!/bin/sh
# What BusyBox's udhcpc runs when somebody calls it by hand; the guest's own DHCP is part of its init.
case "$1" in
deconfig)
	ip link set "$interface" up
	;;
bound | renew)
	ip addr replace "$ip/${mask:-24}" dev "$interface"
	[ -n "$mtu" ] && ip link set "$interface" mtu "$mtu"
	for gateway in $router; do
		ip route replace default via "$gateway" dev "$interface"
		break
	done
	if [ -n "$dns" ]; then
		: >/etc/resolv.conf
		[ -n "$search$domain" ] && echo "search ${search:-$domain}" >>/etc/resolv.conf
		for server in $dns; do
			echo "nameserver $server" >>/etc/resolv.conf
		done
	fi
	;;
esac
exit 0
