package testcloud_test

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// After its host was rebooted what ran runs again, unless the operator does not want that; what was stopped stays so.
func TestGuestsAfterAReboot(t *testing.T) {
	for name, resume := range map[string]bool{"resumed": true, "left": false} {
		t.Run(name, func(t *testing.T) {
			c := testcloud.New(t, testcloud.Options{Config: func(c *config.Config) { c.ResumeGuests = resume }})
			n := c.Tenant(t)
			s := &stage{t: t, c: c, n: n}
			ran, stopped := n.Create(n.Request("ran")), n.Create(n.Request("stopped"))
			s.done(s.compute().StopInstance(n.Context(), stopped.ID))
			c.Reboot()
			testcloud.Eventually(t, "the guests are as they should be", func() bool {
				_, running := c.Guest(ran.ID)
				in := c.Instance(t, ran.ID)
				return running == resume && in.OperationID == "" && (in.Power == cloud.PowerOn) == resume
			})
			if _, running := c.Guest(stopped.ID); running || c.Instance(t, stopped.ID).Power != cloud.PowerOff {
				t.Error("the stopped guest runs")
			}
		})
	}
}
