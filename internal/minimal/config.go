package minimal

import (
	_ "embed"
	"strings"
)

//go:embed udhcpc.sh
var udhcpcScript []byte

// passwordHash is SHA-256 crypt of the password "gocubsgo", which everybody
// knows from CirrOS. It opens the console; SSH takes it only on an instance
// that was given no key.
const passwordHash = "$5$nubominimal$4Ta7GkETcpILPqA6qf6JsGmbt4z4MscNPB7ooT8Jm6B"

// configFiles are the small files of /etc.
func (t *tree) configFiles(version string) {
	for _, f := range []struct{ path, text string }{
		{"/etc/passwd", `root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
cirros:x:1000:1000:the default user:/home/cirros:/bin/sh
`},
		{"/etc/group", `root:x:0:
tty:x:5:
disk:x:6:
wheel:x:10:root
sudo:x:27:cirros
cirros:x:1000:
nogroup:x:65534:
`},
		{"/etc/profile", `export PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] && PS1='# ' || PS1='$ '
`},
		{"/etc/issue", "login as 'cirros' user. default password: 'gocubsgo'. use 'sudo' for root.\n"},
		{"/etc/os-release", "NAME=\"Nubo minimal\"\nPRETTY_NAME=\"Nubo minimal (Linux " + version + ")\"\nID=nubo-minimal\nID_LIKE=cirros\n"},
		{"/etc/cirros-release", "Nubo minimal, in the place of CirrOS\n"},
		{"/etc/cirros/version", "0.6.2\n"},
		{"/etc/hostname", "cirros\n"},
		{"/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"},
		{"/etc/shells", "/bin/sh\n/bin/ash\n"},
		{"/etc/nsswitch.conf", "hosts: files dns\n"},
		{"/etc/resolv.conf", ""},
	} {
		t.file(f.path, 0o644, []byte(f.text))
	}
	t.file("/etc/shadow", 0o600, []byte(strings.Join([]string{
		"root:*:19000:0:99999:7:::", "nobody:*:19000:0:99999:7:::", "cirros:" + passwordHash + ":19000:0:99999:7:::", "",
	}, "\n")))
	t.file("/etc/udhcpc/default.script", 0o755, udhcpcScript)
}
