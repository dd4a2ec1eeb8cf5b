package sshd

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/nubo-cloud/nubo/internal/minimal/guest/account"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// session is one command or shell.
type session struct {
	*Server
	channel ssh.Channel
	user    account.Account
	env     []string

	mu      sync.Mutex
	pty     *pty
	process *os.Process
}

func (s *Server) session(c ssh.NewChannel, user account.Account) {
	channel, requests, err := c.Accept()
	if err != nil {
		return
	}
	ss := &session{Server: s, channel: channel, user: user, env: user.Environ()}
	started := false
	for r := range requests {
		ok := ss.request(r, &started)
		if r.WantReply {
			_ = r.Reply(ok, nil)
		}
	}
	ss.hangUp()
}

// request handles one request; the first that names a command starts it.
func (ss *session) request(r *ssh.Request, started *bool) bool {
	var command struct{ Value string }
	switch r.Type {
	case "pty-req":
		return ss.openPTY(r.Payload)
	case "env":
		return ss.setEnv(r.Payload)
	case "window-change":
		return ss.resize(r.Payload)
	case "signal":
		return ss.signal(r.Payload)
	case "shell", "exec", "subsystem":
		if *started || (r.Type != "shell" && ssh.Unmarshal(r.Payload, &command) != nil) {
			return false
		}
		cmd, ok := ss.command(r.Type, command.Value)
		if ok {
			*started = true
			go ss.run(cmd)
		}
		return ok
	}
	return false
}

func (ss *session) command(kind, value string) (*exec.Cmd, bool) {
	var cmd *exec.Cmd
	switch {
	case kind == "shell":
		cmd = exec.Command(ss.user.Shell)
		cmd.Args[0] = "-sh"
	case kind == "exec":
		cmd = exec.Command(ss.user.Shell, "-c", value)
	case value == "sftp" && len(ss.SFTP) > 0:
		cmd = exec.Command(ss.SFTP[0], ss.SFTP[1:]...)
	default:
		return nil, false
	}
	cmd.Dir = ss.user.Home
	cmd.Env = ss.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: ss.user.Credential(), Setsid: true}
	return cmd, true
}

func (ss *session) run(cmd *exec.Cmd) {
	var err error
	if ss.terminal() != nil {
		err = ss.runOnPTY(cmd)
	} else {
		err = ss.runOnPipes(cmd)
	}
	ss.finish(err)
}

func (ss *session) terminal() *pty {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.pty
}

func (ss *session) start(cmd *exec.Cmd) (func() error, error) {
	wait, err := ss.Start(cmd)
	if err == nil {
		ss.mu.Lock()
		ss.process = cmd.Process
		ss.mu.Unlock()
	}
	return wait, err
}

func (ss *session) runOnPipes(cmd *exec.Cmd) error {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = ss.channel, ss.channel.Stderr()
	// A background child that kept the output open does not keep the session:
	// what the command itself wrote is in the pipe already.
	cmd.WaitDelay = time.Second
	wait, err := ss.start(cmd)
	if err != nil {
		return err
	}
	go func() {
		// The command may end before its input does: nothing is lost then.
		_, _ = io.Copy(stdin, ss.channel)
		stdin.Close()
	}()
	err = wait()
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}

func (ss *session) runOnPTY(cmd *exec.Cmd) error {
	p := ss.terminal()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.slave, p.slave, p.slave
	cmd.SysProcAttr.Setctty = true
	wait, err := ss.start(cmd)
	p.slave.Close()
	if err != nil {
		return err
	}
	// Ends when the session hangs up the terminal or the peer closes.
	go func() { _, _ = io.Copy(p.master, ss.channel) }()
	drained := make(chan struct{})
	go func() {
		// Ends with EIO when the last process lets go of the terminal.
		_, _ = io.Copy(ss.channel, p.master)
		close(drained)
	}()
	err = wait()
	select {
	case <-drained:
	case <-time.After(time.Second): // a background child holds the terminal
	}
	return err
}

// finish tells the peer how the command ended.
func (ss *session) finish(err error) {
	var status struct{ Code uint32 }
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		ws := exit.Sys().(syscall.WaitStatus)
		if ws.Signaled() {
			ss.finishSignal(ws)
			return
		}
		status.Code = uint32(ws.ExitStatus())
	default:
		_, _ = io.WriteString(ss.channel.Stderr(), err.Error()+"\n")
		status.Code = 127
	}
	_, _ = ss.channel.SendRequest("exit-status", false, ssh.Marshal(status))
	ss.channel.Close()
}

func (ss *session) finishSignal(ws syscall.WaitStatus) {
	m := struct {
		Signal     string
		CoreDumped bool
		Message    string
		Language   string
	}{Signal: signalName(ws.Signal()), CoreDumped: ws.CoreDump()}
	_, _ = ss.channel.SendRequest("exit-signal", false, ssh.Marshal(m))
	ss.channel.Close()
}

// hangUp ends what runs on the session's terminal; a command without one goes
// on, as with other SSH servers.
func (ss *session) hangUp() {
	if p := ss.terminal(); p != nil {
		p.master.Close()
	}
}

func (ss *session) setEnv(payload []byte) bool {
	var v struct{ Name, Value string }
	if ssh.Unmarshal(payload, &v) != nil {
		return false
	}
	if v.Name != "TERM" && v.Name != "LANG" && (len(v.Name) < 3 || v.Name[:3] != "LC_") {
		return false
	}
	ss.env = append(ss.env, v.Name+"="+v.Value)
	return true
}

var signals = map[string]syscall.Signal{
	"ABRT": unix.SIGABRT, "ALRM": unix.SIGALRM, "FPE": unix.SIGFPE, "HUP": unix.SIGHUP, "ILL": unix.SIGILL,
	"INT": unix.SIGINT, "KILL": unix.SIGKILL, "PIPE": unix.SIGPIPE, "QUIT": unix.SIGQUIT, "SEGV": unix.SIGSEGV,
	"TERM": unix.SIGTERM, "USR1": unix.SIGUSR1, "USR2": unix.SIGUSR2,
}

func signalName(sig syscall.Signal) string {
	for name, s := range signals {
		if s == sig {
			return name
		}
	}
	return "TERM"
}

func (ss *session) signal(payload []byte) bool {
	var v struct{ Name string }
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ssh.Unmarshal(payload, &v) != nil || ss.process == nil {
		return false
	}
	sig, ok := signals[v.Name]
	return ok && ss.process.Signal(sig) == nil
}
