package ec2

import (
	"io"
	"net/http"
	"net/url"
	"regexp"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// bodyMax bounds a request: user data, keys and a thousand ids fit.
const bodyMax = 1 << 20

// Call is one request, as far as it was read.
type Call struct {
	Action string
	// Parameters are those of the action: none that only sign or route.
	Parameters url.Values
	// Query and Body are what was signed.
	Query url.Values
	Body  []byte

	Region    string // that it was signed for
	Host      string // as the client calls this cloud
	AccessKey string
	Principal *cloud.Principal
}

// protocol are the parameters that are about the request and not the action's.
var protocol = []string{"Action", "Version", "AWSAccessKeyId", "SignatureVersion", "SignatureMethod", "Signature", "Timestamp", "Expires", "SecurityToken",
	"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token"}

var dated = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

// read takes the request apart. Parameters may be in the address, in the body, or in both.
func (a *api) read(r *http.Request) (Call, error) {
	call := Call{Parameters: url.Values{}}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return call, badMethod(r.Method)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyMax+1))
	if err != nil {
		return call, malformed("The request could not be read whole.")
	}
	if len(body) > bodyMax {
		return call, malformed("The request is longer than %d bytes.", bodyMax)
	}
	call.Body = body
	if call.Query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return call, malformed("The query string could not be parsed.")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return call, malformed("The body is not in the form of application/x-www-form-urlencoded.")
	}
	for _, from := range []url.Values{call.Query, form} {
		for key, values := range from {
			call.Parameters[key] = values[:1]
		}
	}
	call.Action = call.Parameters.Get("Action")
	version := call.Parameters.Get("Version")
	for _, name := range protocol {
		delete(call.Parameters, name)
	}
	if version != "" && !dated.MatchString(version) {
		return call, invalidParameter("The version %q is not a date.", version)
	}
	return call, nil
}
