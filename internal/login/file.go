package login

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// Entry is what a clouds.yaml says of one cloud.
type Entry struct {
	AuthType string    `yaml:"auth_type"`
	Auth     entryAuth `yaml:"auth"`
	Region   string    `yaml:"region_name,omitempty"`
	Version  int       `yaml:"identity_api_version"`
	CACert   string    `yaml:"cacert,omitempty"`
}

type entryAuth struct {
	URL    string `yaml:"auth_url"`
	ID     string `yaml:"application_credential_id"`
	Secret string `yaml:"application_credential_secret"`
}

// Entry is how other clients are told of the credential.
func (c *Credential) Entry(region, caCert string) Entry {
	return Entry{AuthType: "v3applicationcredential", Auth: entryAuth{c.AuthURL, c.ID, c.Secret}, Region: region, Version: 3, CACert: caCert}
}

// Save puts an entry into a clouds.yaml, in place of one of its name; the others stay as they are. The file, which may be new, is
// its owner's only from then on.
func Save(path, name string, e Entry) error {
	whole := map[string]any{}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := yaml.Unmarshal(text, &whole); err != nil {
		return fmt.Errorf("%s is no YAML, so nothing was written to it: %w", path, err)
	}
	clouds, ok := whole["clouds"].(map[string]any)
	if !ok && whole["clouds"] != nil {
		return fmt.Errorf("%s has no list of clouds where one should be, so nothing was written to it", path)
	}
	if clouds == nil {
		clouds = map[string]any{}
	}
	clouds[name] = e
	whole["clouds"] = clouds
	if text, err = yaml.Marshal(whole); err != nil {
		return err
	}
	return replace(path, text)
}

// replace puts a file in place whole.
func replace(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".clouds-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // it is gone when all went well
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
