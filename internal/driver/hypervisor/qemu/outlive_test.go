package qemu

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const helperEnv = "NUBO_QEMU_TEST_HELPER"

// TestMain lets the test binary be a daemon that is there to be killed.
func TestMain(m *testing.M) {
	if state := os.Getenv(helperEnv); state != "" {
		fmt.Fprintln(os.Stderr, helper(state))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// helper starts and removes the guest it reads, again and again. It says "up" after each start
// and goes on when it reads a line.
func helper(state string) error {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var l agent.Launch
	if err := json.Unmarshal(line, &l); err != nil {
		return err
	}
	d, err := New(Options{StateDir: state, Accel: "tcg", Cgroup: "-"})
	if err != nil {
		return err
	}
	for {
		if err := d.Start(context.Background(), l, false); err != nil {
			return err
		}
		fmt.Println("up")
		if _, err := in.ReadBytes('\n'); err != nil {
			return err
		}
		if err := d.Remove(context.Background(), l.Guest.ID); err != nil {
			return err
		}
	}
}

// daemon runs helper in a process of its own.
func (r *rig) daemon(l agent.Launch) (*exec.Cmd, *bufio.Reader, func(string)) {
	r.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+r.state)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	b, _ := json.Marshal(l)
	say := func(s string) { in.Write([]byte(s + "\n")) }
	say(string(bytes.TrimSpace(b)))
	return cmd, bufio.NewReader(out), say
}

// A guest goes on when the daemon that started it is killed, and the next one adopts it.
func TestOutlivesDaemon(t *testing.T) {
	r := newRig(t, spec.MachineQ35)
	r.d.Close()
	cmd, out, _ := r.daemon(r.launch("g1"))
	if _, err := out.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	r.keys("g1", "i", "1")
	cmd.Process.Kill()
	cmd.Wait()
	r.keys("g1", "i", "2")
	r.open()
	if st := r.status(); st.State != spec.GuestRunning {
		t.Fatalf("status %+v", st)
	}
	r.keys("g1", "i", "3")
}

// Killed at any moment of starting or removing, a daemon leaves nothing that its successor
// does not find: the guest runs, or is stopped and without a process, or is not there.
func TestKilledAnywhere(t *testing.T) {
	r := newRig(t, spec.MachineQ35)
	l := r.launch("g1")
	for i := range 12 {
		r.d.Close()
		cmd, out, say := r.daemon(l)
		if i%2 == 1 { // removing
			if _, err := out.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			say("")
		}
		// The moment is the point of the test; there is nothing to wait for.
		time.Sleep(time.Duration(i) * 12 * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
		r.open()
		st, err := r.d.Status(t.Context(), "g1")
		t.Logf("%d: %s %s %v", i, st.State, st.Reason, err)
		processes := r.left("g1")
		if len(processes) > 0 && processes[0] == r.state+"/guests/g1" {
			processes = nil
		}
		if alive := len(processes) > 0; alive != (st.State == spec.GuestRunning || st.State == spec.GuestPaused) {
			t.Errorf("%s, but left are %v", st.State, r.left("g1"))
		}
		if st.State == spec.GuestCrashed {
			t.Errorf("crashed: %s", st.Reason)
		}
		if err := r.d.Start(t.Context(), l, false); err != nil {
			t.Fatal(err)
		}
		if err := r.d.Remove(t.Context(), "g1"); err != nil {
			t.Fatal(err)
		}
	}
}
