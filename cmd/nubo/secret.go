package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// readSecret finds a secret where no list of processes shows it: in a file, in a variable, or on standard input. nil: none.
func readSecret(file string) (*string, error) {
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("the client's secret cannot be read: %w", err)
		}
		return secretIn(string(text)), nil
	}
	if text := os.Getenv("NUBO_CLIENT_SECRET"); text != "" {
		return secretIn(text), nil
	}
	show, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS)
	if err == nil {
		hide := *show
		hide.Lflag &^= unix.ECHO
		if err := unix.IoctlSetTermios(int(os.Stdin.Fd()), unix.TCSETS, &hide); err != nil {
			return nil, fmt.Errorf("the terminal would show the secret: %w", err)
		}
		defer unix.IoctlSetTermios(int(os.Stdin.Fd()), unix.TCSETS, show)
		defer fmt.Fprintln(os.Stderr)
		fmt.Fprint(os.Stderr, "client secret (empty: none, or the one that is known): ")
	}
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the client's secret cannot be read: %w", err)
	}
	return secretIn(line), nil
}

func secretIn(text string) *string {
	if text = strings.TrimRight(text, "\r\n"); text != "" {
		return &text
	}
	return nil
}
