package qemu

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// defaultFirmwareDirs is where Debian, Fedora, SUSE and Arch keep OVMF.
var defaultFirmwareDirs = []string{"/usr/share/OVMF", "/usr/share/edk2/ovmf", "/usr/share/qemu", "/usr/share/edk2/x64"}

// firmwarePairs are code and variables that fit together, best first. Secure boot
// variants are left out: they need SMM, which is off.
var firmwarePairs = [][2]string{
	{"OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"},
	{"OVMF_CODE.fd", "OVMF_VARS.fd"},
	{"ovmf-x86_64-4m-code.bin", "ovmf-x86_64-4m-vars.bin"},
	{"OVMF_CODE.4m.fd", "OVMF_VARS.4m.fd"},
}

// findFirmware is the UEFI code and the template of its variables.
func findFirmware(dirs []string) (code, vars string, err error) {
	for _, dir := range dirs {
		for _, p := range firmwarePairs {
			code, vars := filepath.Join(dir, p[0]), filepath.Join(dir, p[1])
			if exists(code) && exists(vars) {
				return code, vars, nil
			}
		}
	}
	return "", "", fmt.Errorf("UEFI: %w: no OVMF firmware in %v; install the package ovmf", spec.ErrNotSupported, dirs)
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// ensureVars makes a guest's own variables, once. The size tells which code they belong to:
// after a change of firmware packages they are made anew.
func ensureVars(name, template string) error {
	t, err := os.ReadFile(template)
	if err != nil {
		return err
	}
	if s, err := os.Stat(name); err == nil && s.Size() == int64(len(t)) {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return writeFile(name, t)
}
