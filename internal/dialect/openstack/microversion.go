package openstack

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Version is a microversion.
type Version struct{ Major, Minor int }

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// AtLeast tells whether v is major.minor or later.
func (v Version) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

// Microversions is the range a service speaks and the words it asks for it by.
type Microversions struct {
	Type     string // service type in OpenStack-API-Version: "compute"
	Legacy   string // older header, "X-OpenStack-Nova-API-Version"; empty if none
	Min, Max Version
}

type versionKey struct{}

// Negotiate reads the request's microversion, tells the client which one is used, and
// keeps it in the context. Use it as a Service's Check.
func (m Microversions) Negotiate(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	h := w.Header()
	h.Add("Vary", "OpenStack-API-Version")
	if m.Legacy != "" {
		h.Add("Vary", m.Legacy)
	}
	asked := m.asked(r)
	if OnOldPath(r) {
		asked = "" // it has no microversions
	}
	v, err := m.parse(asked)
	if err != nil {
		return r, err
	}
	h.Set("OpenStack-API-Version", m.Type+" "+v.String())
	if m.Legacy != "" {
		h.Set(m.Legacy, v.String())
	}
	return r.WithContext(context.WithValue(r.Context(), versionKey{}, v)), nil
}

func (m Microversions) asked(r *http.Request) string {
	for _, header := range r.Header.Values("OpenStack-API-Version") {
		for _, part := range strings.Split(header, ",") {
			words := strings.Fields(part)
			if len(words) == 2 && words[0] == m.Type {
				return words[1]
			}
		}
	}
	if m.Legacy != "" {
		return r.Header.Get(m.Legacy)
	}
	return ""
}

func (m Microversions) parse(text string) (Version, error) {
	switch text {
	case "":
		return m.Min, nil
	case "latest":
		return m.Max, nil
	}
	major, minor, ok := strings.Cut(text, ".")
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	if !ok || errA != nil || errB != nil || a < 1 || b < 0 {
		return Version{}, badVersion(text)
	}
	v := Version{a, b}
	if !v.AtLeast(m.Min.Major, m.Min.Minor) || !m.Max.AtLeast(a, b) {
		return v, NotAcceptable(fmt.Sprintf("Version %s is not supported by the API. Minimum is %s and maximum is %s.", v, m.Min, m.Max))
	}
	return v, nil
}

func badVersion(text string) error {
	return &Status{Code: http.StatusBadRequest, Message: fmt.Sprintf("API Version String %s is of invalid format. Must be of format MajorNum.MinorNum.", text)}
}

// VersionOf is the microversion that Negotiate found, zero without one.
func VersionOf(r *http.Request) Version {
	v, _ := r.Context().Value(versionKey{}).(Version)
	return v
}
