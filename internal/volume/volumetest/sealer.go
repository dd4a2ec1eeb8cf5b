package volumetest

import (
	"context"
	"fmt"
	"strings"
)

// Sealer is volume.Secrets without a secret: what it sealed opens under its id only.
type Sealer struct{}

// Seal implements volume.Secrets.
func (Sealer) Seal(_ context.Context, id, text string) ([]byte, error) {
	return []byte(id + ":" + text), nil
}

// Open implements volume.Secrets.
func (Sealer) Open(_ context.Context, id string, sealed []byte) (string, error) {
	text, ok := strings.CutPrefix(string(sealed), id+":")
	if !ok {
		return "", fmt.Errorf("what is sealed of %s does not open", id)
	}
	return text, nil
}
