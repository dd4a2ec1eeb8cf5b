package sshd

import (
	"fmt"
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// pty is a pseudo terminal; the slave is closed once the shell has it.
type pty struct{ master, slave *os.File }

func openPTY(uid int) (*pty, error) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	slave, err := openSlave(master, uid)
	if err != nil {
		master.Close()
		return nil, err
	}
	return &pty{master, slave}, nil
}

func openSlave(master *os.File, uid int) (*os.File, error) {
	rc, err := master.SyscallConn()
	if err != nil {
		return nil, err
	}
	number, lockErr := 0, error(nil)
	// Through RawConn and not Fd, which would make the master blocking and
	// its readers impossible to interrupt.
	err = rc.Control(func(fd uintptr) {
		if lockErr = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); lockErr == nil {
			number, lockErr = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err != nil {
		return nil, err
	}
	if lockErr != nil {
		return nil, lockErr
	}
	name := fmt.Sprintf("/dev/pts/%d", number)
	if err := os.Chown(name, uid, 5); err != nil { // 5 is the group tty
		return nil, err
	}
	return os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
}

func (p *pty) resize(columns, rows uint32) error {
	rc, err := p.master.SyscallConn()
	if err != nil {
		return err
	}
	ws := &unix.Winsize{Col: uint16(columns), Row: uint16(rows)}
	var ioErr error
	err = rc.Control(func(fd uintptr) { ioErr = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, ws) })
	if err != nil {
		return err
	}
	return ioErr
}

func (ss *session) openPTY(payload []byte) bool {
	var v struct {
		Term                         string
		Columns, Rows, Width, Height uint32
		Modes                        string
	}
	if ssh.Unmarshal(payload, &v) != nil || ss.terminal() != nil {
		return false
	}
	p, err := openPTY(int(ss.user.UID))
	if err != nil {
		ss.Log("ssh: open a terminal: %v", err)
		return false
	}
	if err := p.resize(v.Columns, v.Rows); err != nil {
		ss.Log("ssh: size the terminal: %v", err)
	}
	ss.mu.Lock()
	ss.pty = p
	ss.mu.Unlock()
	ss.env = append(ss.env, "TERM="+v.Term)
	return true
}

func (ss *session) resize(payload []byte) bool {
	var v struct{ Columns, Rows, Width, Height uint32 }
	p := ss.terminal()
	return p != nil && ssh.Unmarshal(payload, &v) == nil && p.resize(v.Columns, v.Rows) == nil
}
