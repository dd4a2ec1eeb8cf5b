package nova

import (
	"fmt"
	"net/http"
	"time"

	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// uptimeText is a host's load in the form of the command uptime, which clients take apart. Who has signed in to a host is
// not asked.
func uptimeText(l spec.Load, now time.Time) string {
	up := now.Sub(l.Booted).Truncate(time.Minute)
	days, rest := up/(24*time.Hour), up%(24*time.Hour)
	lasted := fmt.Sprintf("%d:%02d", rest/time.Hour, rest%time.Hour/time.Minute)
	switch days {
	case 0:
	case 1:
		lasted = "1 day, " + lasted
	default:
		lasted = fmt.Sprintf("%d days, %s", days, lasted)
	}
	return fmt.Sprintf(" %s up %s,  0 users,  load average: %.2f, %.2f, %.2f", now.UTC().Format(time.TimeOnly), lasted, l.Averages[0], l.Averages[1], l.Averages[2])
}

// hypervisorUptime ended with 2.88, when details took the uptime up.
func (a *api) hypervisorUptime(w http.ResponseWriter, r *http.Request) error {
	h, err := a.hostByNumber(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	l, err := a.Compute.HostLoad(r.Context(), h.Host)
	if err != nil {
		return err
	}
	m := hypervisorShort(r, h)
	m["uptime"] = uptimeText(l, time.Now())
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"hypervisor": m})
}

// withUptimes is hypervisor with what the hosts say of their uptime now; null of a host that does not.
func (a *api) withUptimes(r *http.Request, hosts []*compute.HostView) hostShape {
	if !atLeast(r, 88) {
		return hypervisor
	}
	loads, now := a.Compute.HostLoads(r.Context(), hosts), time.Now()
	return func(r *http.Request, h *compute.HostView) map[string]any {
		m := hypervisor(r, h)
		m["uptime"] = nil
		if l, told := loads[h.ID]; told {
			m["uptime"] = uptimeText(l, now)
		}
		return m
	}
}
