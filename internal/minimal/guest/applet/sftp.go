package applet

import (
	"errors"
	"io"
	"os"

	"github.com/pkg/sftp"
)

// sftpServer serves SFTP on standard input and output, as the user it runs as.
func sftpServer(_ string, _ []string, _ io.Writer) error {
	s, err := sftp.NewServer(stdio{})
	if err != nil {
		return err
	}
	if err := s.Serve(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

type stdio struct{}

func (stdio) Read(b []byte) (int, error)  { return os.Stdin.Read(b) }
func (stdio) Write(b []byte) (int, error) { return os.Stdout.Write(b) }
func (stdio) Close() error                { return os.Stdin.Close() }
