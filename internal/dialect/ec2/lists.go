package ec2

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
)

// The rows of the caller's account, by noun.

func (a *api) routers(ctx context.Context, where ...cloud.Cond) ([]*cloud.Router, error) {
	return a.Network.ListRouters(ctx, cloud.Where(append(where, own(ctx))...))
}

// subnets leaves out those that are the IPv6 of another: they are parts of that here.
func (a *api) subnets(ctx context.Context, where ...cloud.Cond) ([]*cloud.Subnet, error) {
	return a.Network.ListSubnets(ctx, cloud.Where(append(where, own(ctx), cloud.Eq("beside", ""))...))
}

func (a *api) ports(ctx context.Context, where ...cloud.Cond) ([]*cloud.Port, error) {
	return a.Network.ListPorts(ctx, cloud.Where(append(where, own(ctx))...))
}

func (a *api) floating(ctx context.Context, where ...cloud.Cond) ([]*cloud.FloatingIP, error) {
	return a.Network.ListFloatingIPs(ctx, cloud.Where(append(where, own(ctx))...))
}

func (a *api) groups(ctx context.Context, where ...cloud.Cond) ([]*cloud.SecurityGroup, error) {
	return a.Network.ListSecurityGroups(ctx, cloud.Where(append(where, own(ctx))...))
}

func (a *api) rules(ctx context.Context, where ...cloud.Cond) ([]*cloud.SecurityGroupRule, error) {
	return a.Network.ListRules(ctx, cloud.Where(append(where, own(ctx))...))
}

// instances leaves out what was deleted.
func (a *api) instances(ctx context.Context, where ...cloud.Cond) ([]*cloud.Instance, error) {
	return a.Compute.ListInstances(ctx, compute.ListQuery{Query: cloud.Where(where...)})
}

func (a *api) keyPairs(ctx context.Context, where ...cloud.Cond) ([]*cloud.KeyPair, error) {
	return a.Compute.ListKeyPairs(ctx, cloud.PrincipalOf(ctx).UserID, cloud.Where(where...))
}

func routerID(r *cloud.Router) string          { return string(r.ID) }
func subnetID(s *cloud.Subnet) string          { return string(s.ID) }
func portID(p *cloud.Port) string              { return string(p.ID) }
func floatingID(f *cloud.FloatingIP) string    { return string(f.ID) }
func groupID(g *cloud.SecurityGroup) string    { return string(g.ID) }
func ruleID(r *cloud.SecurityGroupRule) string { return string(r.ID) }
func instanceID(in *cloud.Instance) string     { return string(in.ID) }
func keyPairID(k *cloud.KeyPair) string        { return string(k.ID) }
