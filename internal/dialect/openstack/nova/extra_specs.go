package nova

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// specForm says what values an extra spec takes.
type specForm func(value string) bool

func oneOf(words ...string) specForm {
	return func(v string) bool { return slices.Contains(words, v) }
}

func atLeastNumber(least int) specForm {
	return func(v string) bool {
		n, err := strconv.Atoi(v)
		return err == nil && n >= least
	}
}

func anyText(string) bool { return true }

var truth = oneOf("true", "false", "True", "False", "yes", "no", "1", "0")

// specForms are the extra specs with a meaning in Compute, by the pattern of their names. Only names in these name spaces
// are looked at: operators may use others as they like.
var specForms = []struct {
	name *regexp.Regexp
	form specForm
}{
	{regexp.MustCompile(`^hw:(boot_menu|hide_hypervisor_id|mem_encryption|pmu|tpm_enabled|locked_memory|vif_multiqueue_enabled|virtio_packed_ring)$`), truth},
	{regexp.MustCompile(`^hw:cpu_policy$`), oneOf("dedicated", "shared", "mixed")},
	{regexp.MustCompile(`^hw:cpu_thread_policy$`), oneOf("prefer", "isolate", "require")},
	{regexp.MustCompile(`^hw:emulator_threads_policy$`), oneOf("isolate", "share")},
	{regexp.MustCompile(`^hw:(cpu_dedicated_mask|cpu_realtime_mask|mem_page_size|machine_type|maxphysaddr_mode|maxphysaddr_bits|video_model|input_bus|viommu_model)$`), anyText},
	{regexp.MustCompile(`^hw:cpu_realtime$`), truth},
	{regexp.MustCompile(`^hw:cpu_(max_)?(sockets|cores|threads)$`), atLeastNumber(1)},
	{regexp.MustCompile(`^hw:(numa_nodes|serial_port_count)$`), atLeastNumber(1)},
	{regexp.MustCompile(`^hw:(numa_cpus|numa_mem)\.[0-9]+$`), anyText},
	{regexp.MustCompile(`^hw:pci_numa_affinity_policy$`), oneOf("required", "preferred", "legacy", "socket")},
	{regexp.MustCompile(`^hw:(watchdog_action)$`), oneOf("none", "pause", "poweroff", "reset", "disabled")},
	{regexp.MustCompile(`^hw:(firmware_type)$`), oneOf("bios", "uefi")},
	{regexp.MustCompile(`^hw:(tpm_version)$`), oneOf("1.2", "2.0")},
	{regexp.MustCompile(`^hw:(tpm_model)$`), oneOf("tpm-tis", "tpm-crb")},
	{regexp.MustCompile(`^hw_rng:(allowed)$`), truth},
	{regexp.MustCompile(`^hw_rng:(rate_bytes|rate_period)$`), atLeastNumber(0)},
	{regexp.MustCompile(`^hw_video:ram_max_mb$`), atLeastNumber(0)},
	{regexp.MustCompile(`^os:secure_boot$`), oneOf("required", "disabled", "optional")},
	{regexp.MustCompile(`^quota:[a-z_]+$`), atLeastNumber(0)},
	{regexp.MustCompile(`^resources([a-zA-Z0-9_-]{1,64})?:[A-Z0-9_]+$`), atLeastNumber(0)},
	{regexp.MustCompile(`^trait([a-zA-Z0-9_-]{1,64})?:[A-Z0-9_]+$`), oneOf("required", "forbidden")},
	{regexp.MustCompile(`^group_policy$`), oneOf("none", "isolate")},
	{regexp.MustCompile(`^capabilities(:.+)?$`), anyText},
	{regexp.MustCompile(`^aggregate_instance_extra_specs:.+$`), anyText},
	{regexp.MustCompile(`^accel:device_profile$`), anyText},
	{regexp.MustCompile(`^pci_passthrough:alias$`), anyText},
}

var specSpaces = []string{"hw:", "hw_rng:", "hw_video:", "os:", "quota:"}

// checkExtraSpecs refuses names and values that no extra spec has; their meaning is looked at from 2.86 on.
func checkExtraSpecs(r *http.Request, specs map[string]string) error {
	for k, v := range specs {
		if !extraSpecKey.MatchString(k) || len(v) > 255 {
			return cloud.Invalidf("request", k, "Invalid input for field/attribute extra_specs. Key '%s' or its value is not valid.", k)
		}
		if !atLeast(r, 86) {
			continue
		}
		if err := checkExtraSpec(k, v); err != nil {
			return err
		}
	}
	return nil
}

func checkExtraSpec(k, v string) error {
	for _, s := range specForms {
		if !s.name.MatchString(k) {
			continue
		}
		if !s.form(v) {
			return cloud.Invalidf("request", k, "Validation failed; '%s' is not a value of extra spec '%s'.", v, k)
		}
		return nil
	}
	if slices.ContainsFunc(specSpaces, func(space string) bool { return strings.HasPrefix(k, space) }) {
		return cloud.Invalidf("request", k, "Validation failed; extra spec '%s' does not appear to be a valid extra spec.", k)
	}
	return nil
}
