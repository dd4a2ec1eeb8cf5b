package ec2

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

// The words of a tunnel here and in the core.
var (
	tunnelActions = map[string]string{"clear": cloud.DPDClear, "none": cloud.DPDDisabled, "restart": cloud.DPDRestart}
	startups      = map[string]bool{"add": false, "start": true}
)

// toCipher and toDigest turn "AES128-GCM-16" into "aes-128-gcm-16", and "SHA2-256" into "sha256".
func toCipher(s string) string {
	s = strings.ToLower(s)
	return strings.Replace(s, "aes", "aes-", 1)
}
func toDigest(s string) string { return strings.Replace(strings.ToLower(s), "sha2-", "sha", 1) }

func fromCipher(s string) string { return strings.ToUpper(strings.Replace(s, "aes-", "aes", 1)) }

func fromDigest(s string) string {
	if s == "sha1" {
		return "SHA1"
	}
	return strings.Replace(s, "sha", "SHA2-", 1)
}

// values are the values of a list whose members are wrapped.
func values[T any](list []T, to func(string) string) (out []string) {
	for _, v := range list {
		field := reflect.ValueOf(v).Field(0)
		if field.Kind() == reflect.Pointer {
			if field.IsNil() {
				continue
			}
			field = field.Elem()
		}
		out = append(out, to(fmt.Sprint(field.Interface())))
	}
	return out
}

// readTunnel reads what is said of one tunnel.
func readTunnel(in shape.VpnTunnelOptionsSpecification) (c network.TunnelChange, err error) {
	if in.TunnelInsideCidr != "" {
		p, err := readPrefix(in.TunnelInsideCidr, false)
		if err != nil {
			return c, err
		}
		c.Inside = &p
	}
	if in.PreSharedKey != "" {
		c.Secret = &in.PreSharedKey
	}
	if _, known := tunnelActions[in.DPDTimeoutAction]; !known && in.DPDTimeoutAction != "" {
		return c, invalidParameter("The DPD timeout action '%s' is invalid: it is clear, none or restart.", in.DPDTimeoutAction)
	}
	if _, known := startups[in.StartupAction]; !known && in.StartupAction != "" {
		return c, invalidParameter("The startup action '%s' is invalid: it is add or start.", in.StartupAction)
	}
	c.Terms = func(t *cloud.VPNTerms) { applyTerms(t, in) }
	return c, nil
}

func applyTerms(t *cloud.VPNTerms, in shape.VpnTunnelOptionsSpecification) {
	group := func(s string) string { return "group" + s }
	for _, l := range []struct {
		to    *[]string
		words []string
	}{{&t.IKEVersions, values(in.IKEVersions, func(s string) string { return strings.TrimPrefix(s, "ike") })},
		{&t.IKE.Encryption, values(in.Phase1EncryptionAlgorithms, toCipher)}, {&t.ESP.Encryption, values(in.Phase2EncryptionAlgorithms, toCipher)},
		{&t.IKE.Authentication, values(in.Phase1IntegrityAlgorithms, toDigest)}, {&t.ESP.Authentication, values(in.Phase2IntegrityAlgorithms, toDigest)},
		{&t.IKE.Groups, values(in.Phase1DHGroupNumbers, group)}, {&t.ESP.Groups, values(in.Phase2DHGroupNumbers, group)}} {
		if len(l.words) > 0 {
			*l.to = l.words
		}
	}
	for _, n := range []struct {
		to      *time.Duration
		seconds *int
	}{{&t.IKE.Lifetime, in.Phase1LifetimeSeconds}, {&t.ESP.Lifetime, in.Phase2LifetimeSeconds}, {&t.DPDTimeout, in.DPDTimeoutSeconds}} {
		if n.seconds != nil {
			*n.to = time.Duration(*n.seconds) * time.Second
		}
	}
	if in.DPDTimeoutAction != "" {
		t.DPDAction = tunnelActions[in.DPDTimeoutAction]
	}
	if in.StartupAction != "" {
		t.Initiate = startups[in.StartupAction]
	}
}

// showTunnel shows of a tunnel's terms what its owner said: what differs from what nobody says.
func showTunnel(t cloud.VPNTunnel, outside string) shape.TunnelOption {
	out := shape.TunnelOption{OutsideIpAddress: outside, TunnelInsideCidr: t.Inside.String(), PreSharedKey: t.Secret}
	terms, usual := t.Terms, network.DefaultTerms()
	said := func(have, usual []string) []string {
		if slices.Equal(have, usual) {
			return nil
		}
		return have
	}
	for _, v := range said(terms.IKEVersions, usual.IKEVersions) {
		out.IkeVersions = append(out.IkeVersions, shape.IKEVersionsListValue{Value: "ike" + v})
	}
	for _, v := range said(terms.IKE.Encryption, usual.IKE.Encryption) {
		out.Phase1EncryptionAlgorithms = append(out.Phase1EncryptionAlgorithms, shape.Phase1EncryptionAlgorithmsListValue{Value: fromCipher(v)})
	}
	for _, v := range said(terms.ESP.Encryption, usual.ESP.Encryption) {
		out.Phase2EncryptionAlgorithms = append(out.Phase2EncryptionAlgorithms, shape.Phase2EncryptionAlgorithmsListValue{Value: fromCipher(v)})
	}
	for _, v := range said(terms.IKE.Authentication, usual.IKE.Authentication) {
		out.Phase1IntegrityAlgorithms = append(out.Phase1IntegrityAlgorithms, shape.Phase1IntegrityAlgorithmsListValue{Value: fromDigest(v)})
	}
	for _, v := range said(terms.ESP.Authentication, usual.ESP.Authentication) {
		out.Phase2IntegrityAlgorithms = append(out.Phase2IntegrityAlgorithms, shape.Phase2IntegrityAlgorithmsListValue{Value: fromDigest(v)})
	}
	for _, v := range said(terms.IKE.Groups, usual.IKE.Groups) {
		out.Phase1DHGroupNumbers = append(out.Phase1DHGroupNumbers, shape.Phase1DHGroupNumbersListValue{Value: groupNumber(v)})
	}
	for _, v := range said(terms.ESP.Groups, usual.ESP.Groups) {
		out.Phase2DHGroupNumbers = append(out.Phase2DHGroupNumbers, shape.Phase2DHGroupNumbersListValue{Value: groupNumber(v)})
	}
	showTimes(&out, terms, usual)
	return out
}

func groupNumber(word string) *int {
	var n int
	fmt.Sscanf(word, "group%d", &n) // the core's own words
	return &n
}

func showTimes(out *shape.TunnelOption, terms *cloud.VPNTerms, usual cloud.VPNTerms) {
	seconds := func(have, usual time.Duration) *int {
		if have == usual {
			return nil
		}
		n := int(have / time.Second)
		return &n
	}
	out.Phase1LifetimeSeconds, out.Phase2LifetimeSeconds = seconds(terms.IKE.Lifetime, usual.IKE.Lifetime), seconds(terms.ESP.Lifetime, usual.ESP.Lifetime)
	out.DpdTimeoutSeconds = seconds(terms.DPDTimeout, usual.DPDTimeout)
	for word, ours := range tunnelActions {
		if ours == terms.DPDAction && ours != usual.DPDAction {
			out.DpdTimeoutAction = word
		}
	}
	if terms.Initiate {
		out.StartupAction = "start"
	}
}
