package daemon

import (
	"context"
	"time"

	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/network"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// trimPeriod is how often history that has become too old is looked for.
const trimPeriod = time.Hour

// trimEvery forgets what has been kept long enough, at once and then again and again until ctx ends.
func (d *Daemon) trimEvery(ctx context.Context, period time.Duration) {
	for ticker := time.NewTicker(period); ; {
		d.trim(ctx, time.Now())
		select {
		case <-ticker.C:
		case <-ctx.Done():
			ticker.Stop()
			return
		}
	}
}

// trim forgets what is too old at a moment. The ledger of usage is not trimmed: every accounting record is made of it.
func (d *Daemon) trim(ctx context.Context, now time.Time) {
	for _, old := range []struct {
		what   string
		keep   time.Duration
		forget func(ctx context.Context, before time.Time) (int, error)
	}{
		{"deleted instances", config.Days(d.config.KeepDeletedDays), d.services.compute.TrimDeleted},
		{"notices", config.Days(volume.NoticeDays), d.services.volume.TrimNotices},
		{"ended operations", config.Days(d.config.KeepOperationsDays), d.services.engine.Trim},
		{"ended peerings", network.PeeringMemory, d.services.network.TrimPeerings},
	} {
		if old.keep == 0 {
			continue
		}
		switch n, err := old.forget(ctx, now.Add(-old.keep)); {
		case err != nil && ctx.Err() == nil:
			d.log.Warn("cannot forget what is too old", "what", old.what, "error", err)
		case n > 0:
			d.log.Info("forgot what was too old", "what", old.what, "rows", n)
		}
	}
}
