package applet

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/minimal/fsprobe"
)

// block is one line of lsblk.
type block struct {
	name, majMin, kind string
	removable, ro      string
	bytes              int64
	depth              int
}

func lsblk(_ string, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("lsblk", flag.ContinueOnError)
	bytes := fs.Bool("b", false, "sizes in bytes")
	noParts := fs.Bool("d", false, "disks only")
	fs.BoolVar(noParts, "nodeps", false, "disks only")
	noHead := fs.Bool("n", false, "no header")
	list := fs.Bool("l", false, "no tree")
	withFS := fs.Bool("f", false, "filesystems")
	columns := fs.String("o", "", "columns")
	if err := fs.Parse(splitFlags(args, "bdnlfpr")); err != nil {
		return exitCode(1)
	}
	cols := "NAME,MAJ:MIN,RM,SIZE,RO,TYPE,MOUNTPOINTS"
	if *withFS {
		cols = "NAME,FSTYPE,LABEL,UUID,MOUNTPOINTS"
	}
	if *columns != "" {
		cols = strings.ToUpper(*columns)
	}
	rows, err := blocks("/sys", *noParts, fs.Args())
	if err != nil {
		return err
	}
	t := &table{columns: strings.Split(cols, ","), bytes: *bytes, tree: !*list, mounts: mountpoints()}
	return t.print(out, rows, !*noHead)
}

// splitFlags turns -lb into -l -b for the letters given.
func splitFlags(args []string, letters string) []string {
	var out []string
	for _, a := range args {
		if len(a) < 3 || a[0] != '-' || a[1] == '-' || strings.Trim(a[1:], letters) != "" {
			out = append(out, a)
			continue
		}
		for _, l := range a[1:] {
			out = append(out, "-"+string(l))
		}
	}
	return out
}

func blocks(sys string, noParts bool, only []string) ([]block, error) {
	disks, err := os.ReadDir(filepath.Join(sys, "block"))
	if err != nil {
		return nil, err
	}
	var out []block
	for _, d := range disks {
		if !wanted(d.Name(), only) {
			continue
		}
		dir := filepath.Join(sys, "block", d.Name())
		disk := readBlock(dir, diskKind(d.Name()), 0)
		if disk.bytes == 0 {
			continue
		}
		disk.removable = strings.TrimSpace(readText(filepath.Join(dir, "removable")))
		out = append(out, disk)
		if noParts {
			continue
		}
		parts, _ := filepath.Glob(filepath.Join(dir, d.Name()+"*", "partition")) // the pattern is well formed
		for _, p := range parts {
			b := readBlock(filepath.Dir(p), "part", 1)
			b.removable = disk.removable
			out = append(out, b)
		}
	}
	return out, nil
}

func wanted(name string, only []string) bool {
	if len(only) == 0 {
		return true
	}
	for _, o := range only {
		if filepath.Base(o) == name {
			return true
		}
	}
	return false
}

func diskKind(name string) string {
	switch {
	case strings.HasPrefix(name, "sr"):
		return "rom"
	case strings.HasPrefix(name, "loop"):
		return "loop"
	}
	return "disk"
}

func readBlock(dir, kind string, depth int) block {
	sectors, _ := strconv.ParseInt(strings.TrimSpace(readText(filepath.Join(dir, "size"))), 10, 64) // 0 is left out
	return block{
		name: filepath.Base(dir), majMin: strings.TrimSpace(readText(filepath.Join(dir, "dev"))), kind: kind,
		ro: strings.TrimSpace(readText(filepath.Join(dir, "ro"))), bytes: sectors * 512, depth: depth,
	}
}

func readText(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}

func mountpoints() map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(readText("/proc/mounts")) {
		f := strings.Fields(line)
		if len(f) > 1 && out[filepath.Base(f[0])] == "" {
			out[filepath.Base(f[0])] = f[1]
		}
	}
	return out
}

// table prints aligned columns.
type table struct {
	columns     []string
	bytes, tree bool
	mounts      map[string]string
}

func (t *table) print(out io.Writer, rows []block, head bool) error {
	var lines [][]string
	if head {
		lines = append(lines, t.columns)
	}
	for _, r := range rows {
		lines = append(lines, t.cells(r))
	}
	width := make([]int, len(t.columns))
	for _, l := range lines {
		for i, c := range l {
			width[i] = max(width[i], len([]rune(c)))
		}
	}
	for _, l := range lines {
		var b strings.Builder
		for i, c := range l {
			fmt.Fprintf(&b, "%-*s ", width[i], c)
		}
		if _, err := fmt.Fprintln(out, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) cells(r block) []string {
	out := make([]string, len(t.columns))
	var info fsprobe.Info
	for _, c := range t.columns {
		if c == "FSTYPE" || c == "LABEL" || c == "UUID" {
			info, _ = probeFile("/dev/" + r.name)
		}
	}
	for i, c := range t.columns {
		switch c {
		case "NAME":
			out[i] = r.name
			if t.tree && r.depth > 0 {
				out[i] = "└─" + r.name
			}
		case "KNAME":
			out[i] = r.name
		case "PATH":
			out[i] = "/dev/" + r.name
		case "MAJ:MIN":
			out[i] = r.majMin
		case "RM":
			out[i] = r.removable
		case "RO":
			out[i] = r.ro
		case "TYPE":
			out[i] = r.kind
		case "SIZE":
			out[i] = t.size(r.bytes)
		case "MOUNTPOINT", "MOUNTPOINTS":
			out[i] = t.mounts[r.name]
		case "SERIAL":
			out[i] = strings.TrimSpace(readText("/sys/block/" + r.name + "/serial"))
		case "FSTYPE":
			out[i] = info.Type
		case "LABEL":
			out[i] = info.Label
		case "UUID":
			out[i] = info.UUID
		}
	}
	return out
}

func (t *table) size(n int64) string {
	if t.bytes {
		return strconv.FormatInt(n, 10)
	}
	f, unit := float64(n), 0
	for f >= 1024 && unit < 5 {
		f /= 1024
		unit++
	}
	s := strconv.FormatFloat(f, 'f', 1, 64)
	return strings.TrimSuffix(s, ".0") + "BKMGTP"[unit:unit+1]
}

func probeFile(path string) (fsprobe.Info, bool) {
	f, err := os.Open(path)
	if err != nil {
		return fsprobe.Info{}, false
	}
	defer f.Close()
	return fsprobe.Read(f)
}
