package openstack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// FaultStyle is the shape in which a service says no.
type FaultStyle int

// The shapes, each as its service's API reference shows it.
const (
	FaultKeystone FaultStyle = iota
	FaultNova
	FaultGlance
	FaultNeutron
	FaultCinder
	FaultPlacement
)

// errMethodNotAllowed is written for a path that exists with other methods.
var errMethodNotAllowed = &Status{Code: http.StatusMethodNotAllowed, Message: "The method is not allowed for this resource."}

// Status is a failure that only exists on the wire: its code is fixed by the
// protocol and no Kind of the core means it.
type Status struct {
	Code    int
	Message string
	Name    string // what Network calls it
}

func (s *Status) Error() string { return s.Message }

// NotAcceptable is the answer to a microversion the service does not speak.
func NotAcceptable(message string) error {
	return &Status{Code: http.StatusNotAcceptable, Message: message}
}

// UnsupportedMedia is the answer to a body in a format the route does not take.
func UnsupportedMedia(message string) error {
	return &Status{Code: http.StatusUnsupportedMediaType, Message: message}
}

// NotImplemented is the answer to what the protocol has and this cloud cannot do.
func NotImplemented(message string) error {
	return &Status{Code: http.StatusNotImplemented, Message: message}
}

// Gone is the answer of routes that were removed.
func Gone(message string) error { return &Status{Code: http.StatusGone, Message: message} }

// codes maps every Kind to the code most services use; exceptions follow.
var codes = map[cloud.Kind]int{
	cloud.Invalid:         http.StatusBadRequest,
	cloud.NotFound:        http.StatusNotFound,
	cloud.AlreadyExists:   http.StatusConflict,
	cloud.WrongState:      http.StatusConflict,
	cloud.InUse:           http.StatusConflict,
	cloud.Conflict:        http.StatusConflict,
	cloud.Unauthenticated: http.StatusUnauthorized,
	cloud.Forbidden:       http.StatusForbidden,
	cloud.QuotaExceeded:   http.StatusForbidden,
	cloud.NoCapacity:      http.StatusConflict,
	cloud.TooLarge:        http.StatusRequestEntityTooLarge,
	cloud.Unsupported:     http.StatusBadRequest,
	cloud.Unavailable:     http.StatusServiceUnavailable,
	cloud.Internal:        http.StatusInternalServerError,
}

// exceptions are where one service differs.
var exceptions = map[FaultStyle]map[cloud.Kind]int{
	FaultNeutron: {cloud.QuotaExceeded: http.StatusConflict},
	FaultCinder: {cloud.QuotaExceeded: http.StatusRequestEntityTooLarge,
		// Block Storage calls a volume in the wrong state a bad request.
		cloud.WrongState: http.StatusBadRequest, cloud.InUse: http.StatusBadRequest},
	FaultGlance: {cloud.QuotaExceeded: http.StatusRequestEntityTooLarge, cloud.NoCapacity: http.StatusRequestEntityTooLarge},
}

// nounExceptions are where one service differs for one noun of another's.
var nounExceptions = map[FaultStyle]map[string]map[cloud.Kind]int{
	// Compute passes on what Block Storage says of a volume.
	FaultNova: {"volume": {cloud.WrongState: http.StatusBadRequest, cloud.InUse: http.StatusBadRequest}},
}

// Code is the status a service answers an error with.
func Code(style FaultStyle, err error) int {
	if s, ok := err.(*Status); ok {
		return s.Code
	}
	if e, ok := cloud.AsError(err); ok {
		if c, ok := nounExceptions[style][e.Resource][e.Kind]; ok {
			return c
		}
	}
	kind := cloud.KindOf(err)
	if c, ok := exceptions[style][kind]; ok {
		return c
	}
	return codes[kind]
}

// Fail writes an error as the service's fault. What is not for the user goes to the log.
func (s *Service) Fail(w http.ResponseWriter, r *http.Request, err error) {
	code := Code(s.fault, err)
	message := publicMessage(err)
	if code >= http.StatusInternalServerError {
		s.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "request", RequestID(r), "error", err)
	} else {
		s.log.Debug("request refused", "method", r.Method, "path", r.URL.Path, "code", code, "error", err)
	}
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Keystone uri=%q", BaseURL(r)+"/identity"))
	}
	discardRest(w, r)
	contentType, body := s.body(code, message, err, r)
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(code)
	_, _ = w.Write(body) // the client is gone: nobody to tell
}

func publicMessage(err error) string {
	if e, ok := cloud.AsError(err); ok && e.Message != "" {
		return e.Message
	}
	if s, ok := err.(*Status); ok {
		return s.Message
	}
	return "The cloud could not do this because of a failure of its own. The operator's log has the details under this request's id."
}

func (s *Service) body(code int, message string, err error, r *http.Request) (string, []byte) {
	if s.fault == FaultGlance {
		return "text/html; charset=UTF-8", glanceBody(code, message)
	}
	var v any
	switch s.fault {
	case FaultKeystone:
		v = map[string]any{"error": map[string]any{"code": code, "message": message, "title": http.StatusText(code)}}
	case FaultNeutron:
		v = map[string]any{"NeutronError": map[string]any{"type": neutronType(err), "message": message, "detail": ""}}
	case FaultPlacement:
		v = map[string]any{"errors": []any{map[string]any{"status": code, "title": http.StatusText(code), "detail": message,
			"code": placementCode(err), "request_id": RequestID(r)}}}
	default:
		v = map[string]any{novaName(code): map[string]any{"code": code, "message": message}}
	}
	b, marshalErr := json.Marshal(v)
	if marshalErr != nil {
		panic(marshalErr) // strings and numbers always encode
	}
	return "application/json", b
}

// glanceBody is the page that the Image service's framework writes.
func glanceBody(code int, message string) []byte {
	title := fmt.Sprintf("%d %s", code, http.StatusText(code))
	escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(message)
	return []byte("<html>\n <head>\n  <title>" + title + "</title>\n </head>\n <body>\n  <h1>" + title + "</h1>\n  " +
		escaped + "<br /><br />\n\n\n </body>\n</html>")
}

// placementCode is the name clients of Placement match on where one status has several causes.
func placementCode(err error) string {
	e, ok := cloud.AsError(err)
	if !ok {
		return "placement.undefined_code"
	}
	switch {
	case e.Kind == cloud.Conflict:
		return "placement.concurrent_update"
	case e.Kind == cloud.AlreadyExists && e.Resource == "resource provider":
		return "placement.duplicate_name"
	case e.Kind == cloud.InUse && e.Resource == "inventory":
		return "placement.inventory.inuse"
	case e.Kind == cloud.InUse && e.Resource == "resource provider" && e.Field == "parent":
		return "placement.resource_provider.cannot_delete_parent"
	case e.Kind == cloud.InUse && e.Resource == "resource provider":
		return "placement.resource_provider.inuse"
	}
	return "placement.undefined_code"
}

// novaName is the key Compute and Block Storage put a fault under.
func novaName(code int) string {
	names := map[int]string{
		http.StatusBadRequest: "badRequest", http.StatusUnauthorized: "unauthorized", http.StatusForbidden: "forbidden",
		http.StatusNotFound: "itemNotFound", http.StatusMethodNotAllowed: "badMethod", http.StatusNotAcceptable: "notAcceptable",
		http.StatusConflict: "conflictingRequest", http.StatusRequestEntityTooLarge: "overLimit",
		http.StatusUnsupportedMediaType: "badMediaType", http.StatusServiceUnavailable: "serviceUnavailable",
		http.StatusNotImplemented: "notImplemented",
	}
	if n, ok := names[code]; ok {
		return n
	}
	return "computeFault"
}

// neutronType is the exception name clients of Network match on.
func neutronType(err error) string {
	if s, ok := err.(*Status); ok && s.Name != "" {
		return s.Name
	}
	e, ok := cloud.AsError(err)
	if !ok {
		return "HTTPInternalServerError"
	}
	if name, ok := neutronName(e); ok {
		return name
	}
	noun := strings.ReplaceAll(strings.Title(e.Resource), " ", "") //nolint:staticcheck // ASCII nouns of ours
	switch e.Kind {
	case cloud.NotFound:
		return noun + "NotFound"
	case cloud.QuotaExceeded:
		return "OverQuota"
	case cloud.InUse:
		return noun + "InUse"
	case cloud.NoCapacity:
		return "IpAddressGenerationFailure"
	case cloud.AlreadyExists:
		return noun + "Exists"
	case cloud.Conflict:
		return "RevisionNumberConstraintFailed"
	case cloud.Forbidden:
		return "PolicyNotAuthorized"
	case cloud.Invalid:
		return "InvalidInput"
	}
	return "HTTPInternalServerError"
}
