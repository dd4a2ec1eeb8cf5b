package placement

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Vendor and DriverVersion are what pools report of their maker unless the operator says otherwise.
const (
	Vendor        = "Nubo"
	DriverVersion = "1"
)

// Capabilities are what a pool can do, under the keys that types ask for: what is so of every pool, and above that the
// operator's words.
func Capabilities(p *cloud.Pool) map[string]string {
	all := map[string]string{"volume_backend_name": p.Name, "pool_name": p.Name, "storage_protocol": p.Driver,
		"vendor_name": Vendor, "driver_version": DriverVersion, "multiattach": "True", "thin_provisioning_support": "True",
		"thick_provisioning_support": "False", "QoS_support": "False", "total_capacity_gb": strconv.Itoa(p.TotalGiB)}
	maps.Copy(all, p.Capabilities)
	return all
}

// scope marks the specs that are about capabilities. Specs of other scopes are for others; those without one are about
// capabilities too.
const scope = "capabilities:"

// Lacks lists the specs, in order, that capabilities do not satisfy. A capability that is not there satisfies nothing.
func Lacks(specs, capabilities map[string]string) []string {
	var lacking []string
	for _, key := range slices.Sorted(maps.Keys(specs)) {
		name := strings.TrimPrefix(key, scope)
		if strings.Contains(name, ":") {
			continue
		}
		if have, ok := capability(capabilities, name); !ok || !satisfies(have, specs[key]) {
			lacking = append(lacking, key)
		}
	}
	return lacking
}

// capability finds a name as it is, or with other capital letters.
func capability(capabilities map[string]string, name string) (string, bool) {
	if have, ok := capabilities[name]; ok {
		return have, true
	}
	for key, have := range capabilities {
		if strings.EqualFold(key, name) {
			return have, true
		}
	}
	return "", false
}

// operators compare what a pool has with what is wanted. A numeric comparison with what is no number is false.
var operators = map[string]func(have string, want []string) bool{
	"=":        numeric(func(a, b float64) bool { return a >= b }), // so these specs have always been read
	"==":       numeric(func(a, b float64) bool { return a == b }),
	"!=":       numeric(func(a, b float64) bool { return a != b }),
	">=":       numeric(func(a, b float64) bool { return a >= b }),
	"<=":       numeric(func(a, b float64) bool { return a <= b }),
	"s==":      text(func(a, b string) bool { return a == b }),
	"s!=":      text(func(a, b string) bool { return a != b }),
	"s<":       text(func(a, b string) bool { return a < b }),
	"s<=":      text(func(a, b string) bool { return a <= b }),
	"s>":       text(func(a, b string) bool { return a > b }),
	"s>=":      text(func(a, b string) bool { return a >= b }),
	"<in>":     func(have string, want []string) bool { return strings.Contains(have, strings.Join(want, " ")) },
	"<all-in>": func(have string, want []string) bool { return !slices.ContainsFunc(want, missingIn(have)) },
	"<is>":     func(have string, want []string) bool { return truth(have) == truth(strings.Join(want, " ")) },
}

func numeric(holds func(a, b float64) bool) func(string, []string) bool {
	return func(have string, want []string) bool {
		a, err1 := strconv.ParseFloat(have, 64)
		b, err2 := strconv.ParseFloat(strings.Join(want, " "), 64)
		return err1 == nil && err2 == nil && holds(a, b)
	}
}

func text(holds func(a, b string) bool) func(string, []string) bool {
	return func(have string, want []string) bool { return holds(have, strings.Join(want, " ")) }
}

func missingIn(have string) func(string) bool {
	return func(want string) bool { return !strings.Contains(have, want) }
}

func truth(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "1", "t", "true", "on", "y", "yes":
		return true
	}
	return false
}

// satisfies reads what a spec wants: words after an operator, alternatives, or the very text.
func satisfies(have, want string) bool {
	words := strings.Fields(want)
	if len(words) == 0 {
		return have == want
	}
	if words[0] == "<or>" {
		return slices.ContainsFunc(strings.Split(want, "<or>")[1:], func(s string) bool { return strings.TrimSpace(s) == have })
	}
	if holds, ok := operators[words[0]]; ok {
		return holds(have, words[1:])
	}
	return have == want
}
