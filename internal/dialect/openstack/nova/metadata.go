package nova

import (
	"net/http"
	"regexp"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

var metadataKey = regexp.MustCompile(`^[a-zA-Z0-9-_:. ]{1,255}$`)

// checkMetadata refuses keys and values that Compute's metadata cannot have.
func checkMetadata(m map[string]string) error {
	for k, v := range m {
		if !metadataKey.MatchString(k) {
			return cloud.Invalidf("request", "metadata", "Invalid input for field/attribute metadata. '%s' does not match any of the regexes: '^[a-zA-Z0-9-_:. ]{1,255}$'", k)
		}
		if len([]rune(v)) > 255 {
			return cloud.Invalidf("request", k, "Invalid input for field/attribute %s. The value is too long.", k)
		}
	}
	return nil
}

// readMetadata reads {"metadata": {...}}.
func readMetadata(r *http.Request) (map[string]string, error) {
	var body struct {
		Metadata map[string]*string `json:"metadata"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return nil, err
	}
	if body.Metadata == nil {
		return nil, cloud.Invalidf("request", "metadata", "Invalid input: 'metadata' is a required property")
	}
	m, err := withoutNulls(body.Metadata)
	if err != nil {
		return nil, err
	}
	return m, checkMetadata(m)
}

func withoutNulls(in map[string]*string) (map[string]string, error) {
	out := map[string]string{}
	for k, v := range in {
		if v == nil {
			return nil, cloud.Invalidf("request", k, "Invalid input for field/attribute %s. Value: None. None is not of type 'string'", k)
		}
		out[k] = *v
	}
	return out, nil
}

// readMetadataItem reads {"meta": {key: value}} with the key of the path.
func readMetadataItem(r *http.Request) (map[string]string, error) {
	var body struct {
		Meta map[string]*string `json:"meta"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return nil, err
	}
	if _, ok := body.Meta[r.PathValue("key")]; !ok || len(body.Meta) != 1 {
		return nil, cloud.Invalidf("request", "meta", "Request body and URI mismatch")
	}
	m, err := withoutNulls(body.Meta)
	if err != nil {
		return nil, err
	}
	return m, checkMetadata(m)
}
