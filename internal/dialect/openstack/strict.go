package openstack

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// DecodeBytesStrict is DecodeBytes that refuses unknown keys.
func DecodeBytesStrict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return bodyError(err)
	}
	if _, err := d.Token(); err != io.EOF { // a decoder stops behind the first value
		return cloud.Invalidf("request", "body", "Malformed request body: there is something behind the JSON value.")
	}
	return nil
}
