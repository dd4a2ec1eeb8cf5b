package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"text/tabwriter"

	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/operator"
)

// operation is what an operator's verb takes and how it says what it did.
type operation struct {
	where  operator.Where
	asJSON bool
	out    io.Writer
	made   []operator.Change
}

// operatorFlags are those that every operator's verb has. Options that are written beat variables, which beat the default.
func operatorFlags(name string) (*flag.FlagSet, *operation) {
	o := &operation{out: os.Stdout}
	o.where = operator.Where{StateDir: config.Default().StateDir, Environment: true}
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.Func("state-dir", "`DIR` of the cloud, with the administrator's clouds.yaml (default "+o.where.StateDir+"; the variables OS_CLOUD and OS_AUTH_URL come first)", func(dir string) error {
		o.where.StateDir, o.where.Environment = dir, false
		return nil
	})
	f.StringVar(&o.where.Cloud, "os-cloud", "", "`NAME` of an entry in the clouds.yaml that other clients use, in place of --state-dir")
	f.BoolVar(&o.asJSON, "json", false, "print what was done as JSON")
	return f, o
}

// on does something to the cloud and shows what was done, also where it ended in an error.
func (o *operation) on(do func(context.Context, *operator.Cloud) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c, err := operator.Connect(ctx, o.where, o.tell)
	if err != nil {
		return err
	}
	err = do(ctx, c)
	if o.asJSON && o.made != nil {
		return errors.Join(err, o.show(map[string]any{"changes": o.made}))
	}
	return err
}

func (o *operation) tell(c operator.Change) {
	o.made = append(o.made, c)
	if !o.asJSON {
		fmt.Fprintln(o.out, c)
	}
}

func (o *operation) show(v any) error {
	e := json.NewEncoder(o.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// list shows all of something: as JSON under a key, or in columns.
func list[T any](args []string, name, key string, all func(*operator.Cloud, context.Context) ([]T, error), head []string, row func(T) []string) error {
	f, o := operatorFlags(name)
	if err := parse(f, args, false); err != nil {
		return err
	}
	return o.on(func(ctx context.Context, c *operator.Cloud) error {
		things, err := all(c, ctx)
		if err != nil {
			return err
		}
		if o.asJSON {
			return o.show(map[string]any{key: things})
		}
		w := tabwriter.NewWriter(o.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, strings.Join(head, "\t"))
		for _, t := range things {
			fmt.Fprintln(w, strings.Join(row(t), "\t"))
		}
		return w.Flush()
	})
}

// suspension is a verb that closes something to people at once, or opens it again.
func suspension(name, operand string, do func(c *operator.Cloud, ctx context.Context, id string, suspend bool) error, suspend bool) func([]string) error {
	return func(args []string) error {
		f, o := operatorFlags(name)
		id, err := parseNamed(f, args, operand)
		if err != nil {
			return err
		}
		return o.on(func(ctx context.Context, c *operator.Cloud) error { return do(c, ctx, id, suspend) })
	}
}

// words are values of an option that may be repeated and may hold several, with commas between them.
type words []string

func (w *words) String() string { return strings.Join(*w, ",") }

func (w *words) Set(text string) error {
	for _, t := range strings.Split(text, ",") {
		if t != "" {
			*w = append(*w, t)
		}
	}
	return nil
}

func state(enabled bool) string {
	if enabled {
		return "enabled"
	}
	return "suspended"
}
