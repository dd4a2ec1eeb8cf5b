package applet

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/nubo-cloud/nubo/internal/minimal/fsprobe"
)

// blkid prints what block devices hold: all of them, or those named. -s and -o
// value choose what is printed, -L and -t choose by label or any tag.
func blkid(_ string, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("blkid", flag.ContinueOnError)
	tag := fs.String("s", "", "print this tag only")
	format := fs.String("o", "full", "full, value, device or export")
	label := fs.String("L", "", "the device with this label")
	match := fs.String("t", "", "devices with TAG=VALUE")
	if err := fs.Parse(args); err != nil {
		return exitCode(1)
	}
	if *label != "" {
		*match, *format = "LABEL="+*label, "device"
	}
	devices := fs.Args()
	if len(devices) == 0 {
		devices = allDevices()
	}
	found := false
	for _, d := range devices {
		info, ok := probeFile(d)
		if !ok || !matches(info, *match) {
			continue
		}
		found = true
		if _, err := io.WriteString(out, formatID(d, info, *tag, *format)); err != nil {
			return err
		}
	}
	if !found {
		return exitCode(2)
	}
	return nil
}

func allDevices() []string {
	entries, err := os.ReadDir("/sys/class/block")
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		out = append(out, "/dev/"+e.Name())
	}
	return out
}

func tags(i fsprobe.Info) [][2]string {
	var out [][2]string
	for _, t := range [][2]string{{"LABEL", i.Label}, {"UUID", i.UUID}, {"TYPE", i.Type}} {
		if t[1] != "" {
			out = append(out, t)
		}
	}
	return out
}

func matches(i fsprobe.Info, want string) bool {
	if want == "" {
		return true
	}
	name, value, _ := strings.Cut(want, "=")
	for _, t := range tags(i) {
		if t[0] == name && t[1] == strings.Trim(value, `"`) {
			return true
		}
	}
	return false
}

func formatID(device string, i fsprobe.Info, tag, format string) string {
	if format == "device" {
		return device + "\n"
	}
	var b strings.Builder
	if format == "full" {
		b.WriteString(device + ":")
	}
	for _, t := range tags(i) {
		switch {
		case tag != "" && t[0] != tag:
		case format == "value":
			b.WriteString(t[1] + "\n")
		case format == "export":
			b.WriteString(t[0] + "=" + t[1] + "\n")
		default:
			fmt.Fprintf(&b, " %s=%q", t[0], t[1])
		}
	}
	if format == "full" {
		b.WriteString("\n")
	}
	return b.String()
}
