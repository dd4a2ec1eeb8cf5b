package ec2

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

func (a *api) setForwarding(ctx context.Context, p *cloud.Port, on bool) error  { return nil }
func (a *api) setGroups(ctx context.Context, p *cloud.Port, ids []string) error { return nil }
func (a *api) groupNamed(ctx context.Context, name, vpc string) (*cloud.SecurityGroup, error) {
	return nil, groupIDs.missing(name)
}
