package applet

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/minimal/guest/web"
)

// curlCall is a parsed command line of curl, as far as test suites use it.
type curlCall struct {
	request                  web.Request
	silent, show, fail       bool
	follow, include, head    bool
	remoteName               bool
	output, writeOut         string
	maxSeconds, connectLimit float64
}

type headers map[string]string

func (h headers) String() string { return "" }
func (h headers) Set(s string) error {
	k, v, _ := strings.Cut(s, ":")
	h[strings.TrimSpace(k)] = strings.TrimSpace(v)
	return nil
}

func parseCurl(args []string) (curlCall, error) {
	c := curlCall{request: web.Request{Header: headers{}}}
	fs := flag.NewFlagSet("curl", flag.ContinueOnError)
	for _, f := range []struct {
		names []string
		value *bool
	}{
		{[]string{"s", "silent"}, &c.silent}, {[]string{"S", "show-error"}, &c.show}, {[]string{"f", "fail"}, &c.fail},
		{[]string{"L", "location"}, &c.follow}, {[]string{"i", "include"}, &c.include}, {[]string{"I", "head"}, &c.head},
		{[]string{"O", "remote-name"}, &c.remoteName},
		{[]string{"k", "insecure", "g", "globoff", "v", "verbose", "4", "ipv4", "6", "ipv6", "N"}, new(bool)},
	} {
		for _, n := range f.names {
			fs.BoolVar(f.value, n, false, "")
		}
	}
	var data string
	for name, p := range map[string]*string{
		"o": &c.output, "output": &c.output, "w": &c.writeOut, "write-out": &c.writeOut, "X": &c.request.Method,
		"request": &c.request.Method, "d": &data, "data": &data, "retry": new(string), "A": new(string),
	} {
		fs.StringVar(p, name, "", "")
	}
	fs.Var(headers(c.request.Header), "H", "")
	fs.Var(headers(c.request.Header), "header", "")
	fs.Float64Var(&c.maxSeconds, "m", 300, "")
	fs.Float64Var(&c.maxSeconds, "max-time", 300, "")
	fs.Float64Var(&c.connectLimit, "connect-timeout", 0, "")
	rest, err := parseMixed(fs, splitFlags(args, "sSfLiIOkgv46"))
	if err != nil || len(rest) != 1 {
		return c, errors.New("usage: curl [-sSfLiI] [-o FILE] [-X METHOD] [-d DATA] [-H HEADER] [-w FORMAT] [-m SECONDS] URL (http only)")
	}
	return c, c.finish(rest[0], data)
}

// parseMixed lets flags follow the address.
func parseMixed(fs *flag.FlagSet, args []string) ([]string, error) {
	fs.SetOutput(io.Discard)
	var rest []string
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		if fs.NArg() == 0 {
			return rest, nil
		}
		rest, args = append(rest, fs.Arg(0)), fs.Args()[1:]
	}
}

func (c *curlCall) finish(url, data string) error {
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	c.request.URL = url
	if c.head {
		c.request.Method, c.include = "HEAD", true
	}
	if data != "" {
		if c.request.Method == "" {
			c.request.Method = "POST"
		}
		if c.request.Header["Content-Type"] == "" {
			c.request.Header["Content-Type"] = "application/x-www-form-urlencoded"
		}
		c.request.Body = []byte(data)
	}
	if c.remoteName {
		c.output = path.Base(url)
	}
	return nil
}

func curl(_ string, args []string, out io.Writer) error {
	c, err := parseCurl(args)
	if err != nil {
		return err
	}
	limit := c.maxSeconds
	if c.connectLimit > 0 {
		// One limit for both: nothing here is slow once it is connected.
		limit = min(limit, max(c.connectLimit, 5))
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Duration(limit*float64(time.Second)))
	defer stop()
	if err := c.run(ctx, out); err != nil {
		if code, ok := err.(exitCode); ok {
			return code
		}
		if !c.silent || c.show {
			fmt.Fprintln(os.Stderr, "curl: (7)", err)
		}
		return exitCode(7)
	}
	return nil
}

func (c curlCall) run(ctx context.Context, out io.Writer) error {
	resp, err := web.Do(ctx, c.request)
	for hops := 0; err == nil && c.follow && resp.Status/100 == 3 && hops < 10; hops++ {
		resp.Body.Close()
		c.request.URL = resp.Header.Get("Location")
		resp, err = web.Do(ctx, c.request)
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if c.fail && resp.Status >= 400 {
		return exitCode(22)
	}
	if err := c.write(resp, out); err != nil {
		return err
	}
	if c.writeOut != "" {
		code := fmt.Sprintf("%03d", resp.Status)
		_, err = io.WriteString(out, strings.NewReplacer("%{http_code}", code, "%{response_code}", code, `\n`, "\n").Replace(c.writeOut))
	}
	return err
}

func (c curlCall) write(resp *web.Response, out io.Writer) error {
	if c.output != "" && c.output != "-" {
		f, err := os.Create(c.output)
		if err != nil {
			return err
		}
		defer f.Close()
		out = f
	}
	if c.include {
		fmt.Fprintf(out, "%s\r\n", resp.StatusLine)
		for k, vs := range resp.Header {
			for _, v := range vs {
				fmt.Fprintf(out, "%s: %s\r\n", k, v)
			}
		}
		fmt.Fprint(out, "\r\n")
	}
	_, err := io.Copy(out, resp.Body)
	return err
}
