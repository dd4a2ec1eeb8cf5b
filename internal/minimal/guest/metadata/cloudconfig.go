package metadata

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Config is the small part of cloud-config that the minimal guest honours.
// All other keys are ignored.
type Config struct {
	Hostname string   `yaml:"hostname"`
	Keys     []string `yaml:"ssh_authorized_keys"`
	Password string   `yaml:"password"` // of the default user
	Chpasswd struct {
		List  any `yaml:"list"`
		Users []struct {
			Name     string `yaml:"name"`
			Password string `yaml:"password"`
		} `yaml:"users"`
	} `yaml:"chpasswd"`
	WriteFiles []File    `yaml:"write_files"`
	BootCmd    []Command `yaml:"bootcmd"`
	RunCmd     []Command `yaml:"runcmd"`
}

// File is one of write_files.
type File struct {
	Path        string `yaml:"path"`
	Content     string `yaml:"content"`
	Encoding    string `yaml:"encoding"`
	Owner       string `yaml:"owner"`
	Permissions string `yaml:"permissions"`
	Append      bool   `yaml:"append"`
}

// Command is one of runcmd: a line for the shell, or a list of words.
type Command struct {
	Shell string
	Words []string
}

// UnmarshalYAML accepts both forms.
func (c *Command) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return n.Decode(&c.Words)
	}
	return n.Decode(&c.Shell)
}

// ParseConfig reads a cloud-config document.
func ParseConfig(body []byte) (Config, error) {
	var c Config
	if err := yaml.Unmarshal(body, &c); err != nil {
		return c, fmt.Errorf("cloud-config: %w", err)
	}
	return c, nil
}

// Passwords gives user and password pairs; defaultUser is whom the plain
// `password` key means.
func (c Config) Passwords(defaultUser string) [][2]string {
	var out [][2]string
	if c.Password != "" {
		out = append(out, [2]string{defaultUser, c.Password})
	}
	for _, u := range c.Chpasswd.Users {
		out = append(out, [2]string{u.Name, u.Password})
	}
	for _, line := range c.passwordLines() {
		if user, pw, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out = append(out, [2]string{user, pw})
		}
	}
	return out
}

func (c Config) passwordLines() []string {
	switch l := c.Chpasswd.List.(type) {
	case string:
		return strings.Split(l, "\n")
	case []any:
		var out []string
		for _, v := range l {
			out = append(out, fmt.Sprint(v))
		}
		return out
	}
	return nil
}

// Bytes is the file's content, decoded.
func (f File) Bytes() ([]byte, error) {
	b := []byte(f.Content)
	enc := strings.ToLower(f.Encoding)
	if strings.Contains(enc, "b64") || strings.Contains(enc, "base64") {
		var err error
		if b, err = base64.StdEncoding.DecodeString(strings.TrimSpace(f.Content)); err != nil {
			return nil, fmt.Errorf("write_files %s: %w", f.Path, err)
		}
	}
	if strings.Contains(enc, "gz") {
		return unzip(b)
	}
	return b, nil
}

// Mode is the file's permissions, 0644 when none or nonsense is given.
func (f File) Mode() uint32 {
	m, err := strconv.ParseUint(strings.TrimPrefix(f.Permissions, "0o"), 8, 12)
	if err != nil {
		return 0o644
	}
	return uint32(m)
}
