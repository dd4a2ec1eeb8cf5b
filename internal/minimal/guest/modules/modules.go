// Package modules loads the kernel modules that the guest's devices ask for.
//
// It reads the same modules.dep and modules.alias that modprobe reads (the
// image builder writes them), so BusyBox's modprobe works beside it when the
// kernel asks for one. Init calls it for each device found or plugged in.
package modules

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Set is the modules of one kernel. It is safe from several goroutines.
type Set struct {
	dir     string
	mu      sync.Mutex
	files   map[string]string   // name -> path below dir
	needs   map[string][]string // name -> names, the deepest dependency last
	aliases []alias
	loaded  map[string]bool
}

type alias struct{ pattern, module string }

// Open reads the indexes in dir (/lib/modules/RELEASE).
func Open(dir string) (*Set, error) {
	s := &Set{dir: dir, files: map[string]string{}, needs: map[string][]string{}, loaded: map[string]bool{}}
	dep, err := os.ReadFile(filepath.Join(dir, "modules.dep"))
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(dep) {
		s.addDep(strings.TrimSpace(string(line)))
	}
	al, err := os.ReadFile(filepath.Join(dir, "modules.alias"))
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(al) {
		if f := strings.Fields(string(line)); len(f) == 3 && f[0] == "alias" {
			s.aliases = append(s.aliases, alias{f[1], f[2]})
		}
	}
	return s, nil
}

// Running is the directory of the running kernel's modules.
func Running() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "/lib/modules"
	}
	return filepath.Join("/lib/modules", unix.ByteSliceToString(u.Release[:]))
}

func (s *Set) addDep(line string) {
	file, deps, ok := strings.Cut(line, ":")
	if !ok {
		return
	}
	name := Name(file)
	s.files[name] = file
	for _, d := range strings.Fields(deps) {
		s.needs[name] = append(s.needs[name], Name(d))
	}
}

// Name is a module's name by its file: "kernel/x/virtio-ring.ko" is virtio_ring.
func Name(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// Match lists the modules whose aliases fit what a device says of itself.
func (s *Set) Match(modalias string) []string {
	var out []string
	for _, a := range s.aliases {
		if ok, _ := path.Match(a.pattern, modalias); ok {
			out = append(out, a.module)
		}
	}
	return out
}

// Load loads modules by name with what they depend on. A name that is not in
// the set is taken as built into the kernel. Repeatable.
func (s *Set) Load(names ...string) error {
	var errs []error
	for _, n := range names {
		_, err := s.LoadNew(n)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// LoadNew loads one module and reports whether that was news.
func (s *Set) LoadNew(name string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loadLocked(strings.ReplaceAll(name, "-", "_"))
}

func (s *Set) loadLocked(name string) (bool, error) {
	file, ok := s.files[name]
	if !ok || s.loaded[name] {
		return false, nil
	}
	// modules.dep lists what is needed last first.
	for i := len(s.needs[name]) - 1; i >= 0; i-- {
		if _, err := s.loadLocked(s.needs[name][i]); err != nil {
			return false, err
		}
	}
	s.loaded[name] = true
	f, err := os.Open(filepath.Join(s.dir, file))
	if err != nil {
		return false, err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return false, fmt.Errorf("load module %s: %w", name, err)
	}
	return true, nil
}
