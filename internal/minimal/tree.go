package minimal

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/minimal/guest"
	"github.com/nubo-cloud/nubo/internal/minimal/guest/applet"
)

// entry is a file, directory or symbolic link of the guest's root, which goes
// both onto the disk and into the initramfs. Parents come before children.
type entry struct {
	path     string // "/usr/bin/busybox"
	mode     fs.FileMode
	perm     uint32 // with setuid and sticky bits, as the kernel has them
	uid, gid int
	link     string
	data     []byte
}

type tree []entry

func (t *tree) dir(perm uint32, paths ...string) {
	for _, p := range paths {
		*t = append(*t, entry{path: p, mode: fs.ModeDir, perm: perm})
	}
}

func (t *tree) file(path string, perm uint32, data []byte) {
	*t = append(*t, entry{path: path, perm: perm, data: data})
}

func (t *tree) symlink(path, target string) {
	*t = append(*t, entry{path: path, mode: fs.ModeSymlink, perm: 0o777, link: target})
}

func (t *tree) own(uid, gid int) { (*t)[len(*t)-1].uid, (*t)[len(*t)-1].gid = uid, gid }

// rootTree is the guest's root filesystem, without what only the initramfs has.
func (b *build) rootTree(ctx context.Context) (tree, error) {
	var t tree
	t.dir(0o755, "/usr", "/usr/bin", "/usr/lib", "/usr/lib/modules", "/usr/share", "/usr/local", "/usr/local/bin",
		"/dev", "/proc", "/sys", "/run", "/etc", "/etc/ssh", "/etc/udhcpc", "/etc/cirros", "/home", "/mnt", "/media", "/opt", "/srv",
		"/var", "/var/lib", "/var/lib/nubo-guest", "/var/log", "/var/spool")
	t.dir(0o1777, "/tmp", "/var/tmp")
	t.dir(0o700, "/root")
	t.dir(0o755, "/home/cirros")
	t.own(1000, 1000)
	for _, l := range [][2]string{
		{"/bin", "usr/bin"}, {"/sbin", "usr/bin"}, {"/usr/sbin", "bin"}, {"/lib", "usr/lib"}, {"/var/run", "/run"}, {"/etc/mtab", "/proc/mounts"},
	} {
		t.symlink(l[0], l[1])
	}
	t.file(guest.Program, 0o755, nil) // init shows itself here
	t.configFiles(b.kernel.version)
	return t, t.commands(ctx, b)
}

// commands adds BusyBox under all its names and the guest's own tools.
func (t *tree) commands(ctx context.Context, b *build) error {
	data, err := os.ReadFile(b.tools.busybox)
	if err != nil {
		return err
	}
	// Setuid for su, passwd, ping and login; BusyBox gives the right up for
	// every other applet.
	t.file("/usr/bin/busybox", 0o4755, data)
	out, err := run(ctx, "", b.tools.busybox, "--list")
	if err != nil {
		return fmt.Errorf("list BusyBox's commands: %w", err)
	}
	ours := map[string]bool{"busybox": true, "init": true, "linuxrc": true}
	for _, name := range applet.Links() {
		ours[name] = true
		t.symlink("/usr/bin/"+name, guest.Program)
	}
	for _, name := range strings.Fields(string(out)) {
		if !ours[name] {
			t.symlink("/usr/bin/"+name, "busybox")
		}
	}
	return nil
}

// initOnly is what the initramfs has beside the root's files.
func (b *build) initOnly(mods []module) tree {
	var t tree
	// Setuid for sudo; every other tool gives it up at once.
	t.file("/init", 0o4755, b.guest)
	dir := "/usr/lib/modules/" + b.kernel.version
	made := map[string]bool{"/usr/lib/modules": true}
	var mkdir func(p string)
	mkdir = func(p string) {
		if made[p] {
			return
		}
		mkdir(path.Dir(p))
		made[p] = true
		t.dir(0o755, p)
	}
	for _, m := range mods {
		p := path.Join(dir, m.file)
		mkdir(path.Dir(p))
		t.file(p, 0o644, m.data)
	}
	dep, alias := moduleIndexes(mods)
	t.file(dir+"/modules.dep", 0o644, dep)
	t.file(dir+"/modules.alias", 0o644, alias)
	return t
}

// buildTime is the time of every file, so that equal inputs give equal trees.
var buildTime = time.Unix(1700000000, 0)
