package neutron

import (
	"context"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

// vpnPolicies are the proposals of one use: IKE policies, or IPsec policies.
func (a *api) vpnPolicies(use, one, many string, more map[string]string) resource[cloud.VPNProposal, cloud.VPNProposalID] {
	type proposal = cloud.VPNProposal
	fs := filters[proposal]{"auth_algorithm": byText[proposal]("authentication"), "encryption_algorithm": byText[proposal]("encryption"),
		"pfs": byText[proposal]("group"), "revision_number": nil}
	columns := openstack.SortColumns{"description": "description", "auth_algorithm": "authentication", "encryption_algorithm": "encryption", "pfs": "group"}
	for name, column := range more {
		fs[name], columns[name] = byText[proposal](column), column
	}
	return resource[proposal, cloud.VPNProposalID]{one: one, many: many, path: "/v2.0/vpn/" + many, filters: common(fs), sort: namedSort(columns),
		list: func(ctx context.Context, q cloud.Query, keep ...func(*proposal) bool) ([]*proposal, error) {
			return a.net.ListVPNProposals(ctx, use, q, keep...)
		},
		get: func(ctx context.Context, id cloud.VPNProposalID) (*proposal, error) {
			return a.net.VPNProposal(ctx, use, id)
		},
		remove: func(ctx context.Context, id cloud.VPNProposalID) error { return a.net.DeleteVPNProposal(ctx, use, id) },
		id:     func(p *proposal) cloud.VPNProposalID { return p.ID }, show: showVPNPolicies}
}

func (a *api) ikePolicies() resource[cloud.VPNProposal, cloud.VPNProposalID] {
	return a.vpnPolicies(network.UseIKE, "ikepolicy", "ikepolicies", map[string]string{"ike_version": "ike_version", "phase1_negotiation_mode": "phase1"})
}

func (a *api) ipsecPolicies() resource[cloud.VPNProposal, cloud.VPNProposalID] {
	return a.vpnPolicies(network.UseESP, "ipsecpolicy", "ipsecpolicies", map[string]string{"transform_protocol": "transform", "encapsulation_mode": "encapsulation"})
}

func (a *api) vpnPolicyRoutes(s *openstack.Service) {
	ike, esp := a.ikePolicies(), a.ipsecPolicies()
	routes(a, s, ike)
	s.Handle("POST "+ike.path, creates(a, ike, func(ctx context.Context, in ikePolicyIn) (*cloud.VPNProposal, error) {
		return a.net.CreateVPNProposal(ctx, network.UseIKE, in.change())
	}))
	s.Handle("PUT "+ike.path+"/{id}", updates(a, ike, func(ctx context.Context, id cloud.VPNProposalID, in ikePolicyIn) (*cloud.VPNProposal, error) {
		return a.net.UpdateVPNProposal(ctx, network.UseIKE, id, in.change())
	}))
	routes(a, s, esp)
	s.Handle("POST "+esp.path, creates(a, esp, func(ctx context.Context, in ipsecPolicyIn) (*cloud.VPNProposal, error) {
		return a.net.CreateVPNProposal(ctx, network.UseESP, in.change())
	}))
	s.Handle("PUT "+esp.path+"/{id}", updates(a, esp, func(ctx context.Context, id cloud.VPNProposalID, in ipsecPolicyIn) (*cloud.VPNProposal, error) {
		return a.net.UpdateVPNProposal(ctx, network.UseESP, id, in.change())
	}))
}

func showVPNPolicies(_ context.Context, policies []*cloud.VPNProposal) ([]object, error) {
	shown := make([]object, len(policies))
	for i, p := range policies {
		shown[i] = object{"id": p.ID, "name": p.Name, "description": p.Description, "tenant_id": p.ProjectID, "project_id": p.ProjectID,
			"auth_algorithm": p.Authentication, "encryption_algorithm": p.Encryption, "pfs": p.Group,
			"lifetime": object{"units": "seconds", "value": int(p.Lifetime / time.Second)}}
		if p.Use == network.UseIKE {
			shown[i].with(object{"ike_version": p.IKEVersion, "phase1_negotiation_mode": p.Phase1})
		} else {
			shown[i].with(object{"transform_protocol": p.Transform, "encapsulation_mode": p.Encapsulation})
		}
	}
	return shown, nil
}

// lifetimeIn is how long keys hold.
type lifetimeIn struct {
	Units openstack.Optional[lifetimeUnits] `json:"units"`
	Value integer                           `json:"value"`
}

// lifetimeUnits are seconds.
type lifetimeUnits string

func (u *lifetimeUnits) UnmarshalJSON(raw []byte) error {
	if string(raw) != `"seconds"` {
		return cloud.Invalidf("VPN proposal", "lifetime", "Invalid input for lifetime. Reason: %s is not in ['seconds'].", raw)
	}
	*u = "seconds"
	return nil
}

// suiteIn is what both kinds of policies say.
type suiteIn struct {
	owner
	Name           text                           `json:"name"`
	Description    text                           `json:"description"`
	Authentication text                           `json:"auth_algorithm"`
	Encryption     text                           `json:"encryption_algorithm"`
	Group          text                           `json:"pfs"`
	Lifetime       openstack.Optional[lifetimeIn] `json:"lifetime"`
}

func (in suiteIn) change() network.VPNProposalChange {
	c := network.VPNProposalChange{ProjectID: in.project(), Name: textPtr(in.Name), Description: textPtr(in.Description),
		Authentication: textPtr(in.Authentication), Encryption: textPtr(in.Encryption), Group: textPtr(in.Group)}
	if v := in.Lifetime.Value.Value; v.Set {
		seconds := secondsOf(v)
		c.Lifetime = &seconds
	}
	return c
}

// secondsOf is a number of seconds. What does not fit is as long as it gets.
func secondsOf(n integer) time.Duration {
	const most = 10 * 365 * 24 * 3600
	return time.Duration(min(int(n.Value), most)) * time.Second
}

// ikePolicyIn and ipsecPolicyIn are the policies in requests.
type ikePolicyIn struct {
	suiteIn
	Version text `json:"ike_version"`
	Phase1  text `json:"phase1_negotiation_mode"`
}

func (in ikePolicyIn) change() network.VPNProposalChange {
	c := in.suiteIn.change()
	c.IKEVersion, c.Phase1 = textPtr(in.Version), textPtr(in.Phase1)
	return c
}

type ipsecPolicyIn struct {
	suiteIn
	Transform     text `json:"transform_protocol"`
	Encapsulation text `json:"encapsulation_mode"`
}

func (in ipsecPolicyIn) change() network.VPNProposalChange {
	c := in.suiteIn.change()
	c.Transform, c.Encapsulation = textPtr(in.Transform), textPtr(in.Encapsulation)
	return c
}
