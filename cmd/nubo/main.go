// Command nubo is a whole IaaS cloud in one program: control plane and host agent. Each
// subcommand is a file of this package.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// command is one subcommand. Its errors are one line: what, why, what to do.
type command struct {
	about string
	run   func(args []string) error
}

var commands = map[string]command{
	"serve":      {"run the cloud", serve},
	"image":      {"build and inspect guest images", imageCommand},
	"idp":        {"make identity providers known, and try the rules by which their users come in", idpCommand},
	"vo":         {"give virtual organisations a project that their members can use", voCommand},
	"doctor":     {"say what keeps guests from running well on this machine", doctorCommand},
	"backup":     {"copy the database of a running cloud", backup},
	"restore":    {"put such a copy in the database's place", restore},
	"login":      {"sign in to a cloud by your identity provider, at a terminal", loginCommand},
	"access-key": {"make keys that clients of the EC2 API sign with", accessKeyCommand},
	"trace":      {"show who did what from where, and who signed in", traceCommand},
	"version":    {"print the version", version},
}

// Exit statuses: 0 done, 1 failed, 2 the command line made no sense.
func main() {
	if len(os.Args) < 2 || os.Args[1] == "help" || os.Args[1] == "-h" || os.Args[1] == "--help" {
		usage()
		return
	}
	c, ok := commands[os.Args[1]]
	if !ok {
		fmt.Fprintf(os.Stderr, "nubo: there is no command %q; nubo help lists them\n", os.Args[1])
		os.Exit(2)
	}
	err := c.run(os.Args[2:])
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.As(err, new(usageError)):
		fmt.Fprintf(os.Stderr, "nubo %s: %v\n", os.Args[1], err)
		os.Exit(2)
	default:
		fmt.Fprintf(os.Stderr, "nubo %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

func usage() {
	fmt.Println("usage: nubo COMMAND [OPTIONS]\n\nOne program, a whole cloud. Commands:")
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		fmt.Printf("  %-10s %s\n", name, commands[name].about)
	}
	fmt.Println("\nnubo COMMAND --help lists its options. Exit status: 0 done, 1 failed, 2 wrong command line.")
}

// verbs are what a command of several does.
type verbs map[string]func(args []string) error

// run calls the verb that comes first.
func (v verbs) run(args []string) error {
	names := strings.Join(slices.Sorted(maps.Keys(v)), ", ")
	if len(args) > 0 && (args[0] == "-h" || args[0] == "--help") {
		fmt.Printf("verbs: %s; VERB --help lists its options\n", names)
		return nil
	}
	if len(args) == 0 || v[args[0]] == nil {
		return usageError{fmt.Errorf("a verb is needed: %s; VERB --help lists its options", names)}
	}
	return v[args[0]](args[1:])
}

// parseNamed reads flags, before or after the one operand that is needed.
func parseNamed(f *flag.FlagSet, args []string, what string) (string, error) {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return args[0], parse(f, args[1:], false)
	}
	if err := parse(f, args, true); err != nil {
		return "", err
	}
	if f.NArg() != 1 {
		return "", usageError{fmt.Errorf("one %s is needed: %s %s", what, f.Name(), what)}
	}
	return f.Arg(0), nil
}

// parse reads flags; what is left over is a mistake unless the command takes operands.
func parse(f *flag.FlagSet, args []string, operands bool) error {
	f.SetOutput(io.Discard) // a mistake is one line; the list of options comes when asked for
	err := f.Parse(args)
	f.SetOutput(os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		f.Usage()
		return err
	}
	if err != nil {
		return usageError{fmt.Errorf("%w; --help lists the options", err)}
	}
	if !operands && f.NArg() > 0 {
		return usageError{fmt.Errorf("unexpected argument %q", f.Arg(0))}
	}
	return nil
}
