package openstack

import (
	"bytes"
	"encoding/json"
)

// DecodeBytesStrict is DecodeBytes that refuses unknown keys.
func DecodeBytesStrict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return bodyError(d.Decode(v))
}
