package ec2

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) vpcActions() []*action {
	return []*action{
		serve("CreateVpc", a.createVPC, "CidrBlock InstanceTenancy AmazonProvidedIpv6CidrBlock -Ipv6CidrBlockNetworkBorderGroup TagSpecifications"),
		serve("CreateDefaultVpc", a.createDefaultVPC),
		serve("DescribeVpcs", a.describeVPCs, "VpcIds Filters MaxResults NextToken"),
		done("DeleteVpc", a.deleteVPC, "VpcId"),
		done("ModifyVpcAttribute", a.modifyVPC, "VpcId EnableDnsHostnames EnableDnsSupport EnableNetworkAddressUsageMetrics"),
		serve("DescribeVpcAttribute", a.describeVPCAttribute, "VpcId Attribute"),
		serve("AssociateVpcCidrBlock", a.associateBlock, "VpcId CidrBlock AmazonProvidedIpv6CidrBlock -Ipv6CidrBlockNetworkBorderGroup"),
		serve("DisassociateVpcCidrBlock", a.disassociateBlock, "AssociationId"),
	}
}

// wordsOf are the name and labels that tags give something new.
func wordsOf(specs []shape.TagSpecification, of string) (network.Words, error) {
	labels, err := tagsFor(specs, of)
	name, rest := splitName(labels)
	return network.Words{Name: name, Labels: rest}, err
}

// labelWords are the labels that tags give something new whose name is nothing but a tag.
func labelWords(specs []shape.TagSpecification, of string) (network.Words, error) {
	labels, err := tagsFor(specs, of)
	return network.Words{Labels: labels}, err
}

func (a *api) createVPC(ctx context.Context, in *shape.CreateVpcRequest) (*shape.CreateVpcResult, error) {
	if in.InstanceTenancy != "" && in.InstanceTenancy != "default" {
		return nil, unsupported("Instances share their hosts here: the tenancy '%s' is not supported.", in.InstanceTenancy)
	}
	if in.CidrBlock == "" {
		return nil, missingParameter("CidrBlock")
	}
	block, err := readBlock(in.CidrBlock, "InvalidVpc.Range")
	if err != nil {
		return nil, err
	}
	words, err := wordsOf(in.TagSpecifications, "vpc")
	if err != nil {
		return nil, err
	}
	var r *cloud.Router
	err = a.Network.Together(ctx, func(ctx context.Context) error {
		r, err = a.Network.CreateDomain(ctx, network.DomainRequest{Blocks: []netip.Prefix{block}, Words: words})
		if err != nil || !isTrue(in.AmazonProvidedIpv6CidrBlock) {
			return err
		}
		r, err = a.Network.AddProvidedBlock(ctx, r.ID)
		return err
	})
	if err != nil {
		return nil, blockFault(err)
	}
	shown, err := a.shownVPC(ctx, r)
	return &shape.CreateVpcResult{Vpc: shown}, err
}

func (a *api) createDefaultVPC(ctx context.Context, _ *shape.CreateDefaultVpcRequest) (*shape.CreateDefaultVpcResult, error) {
	r, err := a.Network.CreateDefaultDomain(ctx, cloud.PrincipalOf(ctx).ProjectID)
	if cloud.Is(err, cloud.AlreadyExists) {
		return nil, bad("DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region.")
	}
	if err != nil {
		return nil, err
	}
	shown, err := a.shownVPC(ctx, r)
	return &shape.CreateDefaultVpcResult{Vpc: shown}, err
}

// vpcRow is a VPC with what is shown of it.
type vpcRow struct {
	router *cloud.Router
	shown  shape.Vpc
}

func (a *api) vpcs() noun[vpcRow] {
	return noun[vpcRow]{ids: vpcIDs, list: a.vpcRows, id: func(r vpcRow) string { return string(r.router.ID) },
		place: func(r vpcRow) string { return place(r.router.CreatedAt, r.router.ID) }, fields: vpcFields, tags: func(r vpcRow) []shape.Tag { return r.shown.Tags }}
}

func (a *api) vpcRows(ctx context.Context, where ...cloud.Cond) ([]vpcRow, error) {
	routers, err := a.routers(ctx, where...)
	if err != nil {
		return nil, err
	}
	owner, err := a.account(ctx)
	if err != nil {
		return nil, err
	}
	covers, err := a.covers(ctx, routers)
	if err != nil {
		return nil, err
	}
	rows := make([]vpcRow, len(routers))
	for i, r := range routers {
		rows[i] = vpcRow{r, showVPC(r, owner, covers[r.ID])}
	}
	return rows, nil
}

// covers are the smallest blocks that hold the subnets of routers which are in no routing domain: others' routers have no block.
func (a *api) covers(ctx context.Context, routers []*cloud.Router) (map[cloud.RouterID]netip.Prefix, error) {
	covers := map[cloud.RouterID]netip.Prefix{}
	plain := false
	for _, r := range routers {
		plain = plain || r.Domain == nil
	}
	if !plain {
		return covers, nil
	}
	joints, err := a.ports(ctx, cloud.In("owner", []cloud.PortOwner{cloud.OwnerRouterInterface, cloud.OwnerRouterCopy}))
	if err != nil {
		return nil, err
	}
	subnets, err := a.subnets(ctx)
	if err != nil {
		return nil, err
	}
	prefixes := map[cloud.SubnetID]netip.Prefix{}
	for _, s := range subnets {
		prefixes[s.ID] = s.Prefix
	}
	for _, p := range joints {
		for _, address := range p.Addresses {
			if prefix, ok := prefixes[address.SubnetID]; ok && prefix.Addr().Is4() {
				covers[p.RouterID] = cover(covers[p.RouterID], prefix)
			}
		}
	}
	return covers, nil
}

// cover is the smallest block that holds both.
func cover(p, q netip.Prefix) netip.Prefix {
	if !p.IsValid() {
		return q
	}
	for bits := min(p.Bits(), q.Bits()); ; bits-- {
		if both, err := p.Addr().Prefix(bits); err != nil || both.Contains(q.Addr()) {
			return both
		}
	}
}

func showVPC(r *cloud.Router, owner string, covers netip.Prefix) shape.Vpc {
	v := shape.Vpc{VpcId: id(vpcIDs, r.ID), OwnerId: owner, State: "available", InstanceTenancy: "default", DhcpOptionsId: "default", IsDefault: new(false), Tags: tagsOf(r.Labels, r.Name)}
	if r.Domain == nil {
		if covers.IsValid() {
			v.CidrBlock = covers.String()
		}
		return v
	}
	v.IsDefault = new(r.Domain.Default)
	if r.Domain.Options != "" {
		v.DhcpOptionsId = id(optionsIDs, r.Domain.Options)
	}
	v.CidrBlock = r.Domain.Blocks[0].Prefix.String()
	for _, b := range r.Domain.Blocks {
		if b.Prefix.Addr().Is6() {
			v.Ipv6CidrBlockAssociationSet = append(v.Ipv6CidrBlockAssociationSet, showSixBlock(b))
		} else {
			v.CidrBlockAssociationSet = append(v.CidrBlockAssociationSet, showBlock(b))
		}
	}
	return v
}

func (a *api) shownVPC(ctx context.Context, r *cloud.Router) (*shape.Vpc, error) {
	owner, err := a.account(ctx)
	v := showVPC(r, owner, netip.Prefix{})
	return &v, err
}

var vpcFields = fields[vpcRow]{
	"cidr":                                        one(func(r vpcRow) string { return r.shown.CidrBlock }),
	"cidr-block-association.association-id":       ofBlocks(func(b shape.VpcCidrBlockAssociation) string { return b.AssociationId }),
	"cidr-block-association.cidr-block":           ofBlocks(func(b shape.VpcCidrBlockAssociation) string { return b.CidrBlock }),
	"cidr-block-association.state":                ofBlocks(func(b shape.VpcCidrBlockAssociation) string { return b.CidrBlockState.State }),
	"dhcp-options-id":                             one(func(r vpcRow) string { return r.shown.DhcpOptionsId }),
	"ipv6-cidr-block-association.ipv6-cidr-block": ofSixBlocks(func(b shape.VpcIpv6CidrBlockAssociation) string { return b.Ipv6CidrBlock }),
	"ipv6-cidr-block-association.ipv6-pool":       ofSixBlocks(func(b shape.VpcIpv6CidrBlockAssociation) string { return b.Ipv6Pool }),
	"ipv6-cidr-block-association.association-id":  ofSixBlocks(func(b shape.VpcIpv6CidrBlockAssociation) string { return b.AssociationId }),
	"ipv6-cidr-block-association.state":           ofSixBlocks(func(b shape.VpcIpv6CidrBlockAssociation) string { return b.Ipv6CidrBlockState.State }),
	"is-default":                                  truth(func(r vpcRow) bool { return isTrue(r.shown.IsDefault) }),
	"owner-id":                                    one(func(r vpcRow) string { return r.shown.OwnerId }),
	"state":                                       one(func(r vpcRow) string { return r.shown.State }),
	"vpc-id":                                      one(func(r vpcRow) string { return r.shown.VpcId }),
}

// furnished makes the account's default VPC if it never had one: clients take for granted that it is there.
func (a *api) furnished(ctx context.Context) error {
	_, err := a.Network.EnsureDefaultDomain(ctx, cloud.PrincipalOf(ctx).ProjectID)
	if cloud.Is(err, cloud.NotFound) || cloud.Is(err, cloud.QuotaExceeded) || cloud.Is(err, cloud.Unsupported) {
		return nil // there is none, and the list says so
	}
	return err
}

func (a *api) describeVPCs(ctx context.Context, in *shape.DescribeVpcsRequest) (*shape.DescribeVpcsResult, error) {
	if err := a.furnished(ctx); err != nil {
		return nil, err
	}
	rows, next, err := a.vpcs().describe(ctx, ask{in.VpcIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeVpcsResult{NextToken: next}
	for _, r := range rows {
		out.Vpcs = append(out.Vpcs, r.shown)
	}
	return out, nil
}

// router finds the router that a VPC is.
func (a *api) router(ctx context.Context, vpc string) (*cloud.Router, error) {
	return findOne(ctx, vpcIDs, vpc, a.routers, routerID)
}

func (a *api) deleteVPC(ctx context.Context, in *shape.DeleteVpcRequest) error {
	r, err := a.router(ctx, in.VpcId)
	if err != nil {
		return err
	}
	if r.Domain == nil {
		return a.Network.DeleteRouter(ctx, r.ID)
	}
	return dependency(a.Network.DeleteDomain(ctx, r.ID), "The vpc '%s' has dependencies and cannot be deleted.", in.VpcId)
}

// dependency is the fault of what cannot go because something needs it.
func dependency(err error, format string, args ...any) error {
	if cloud.Is(err, cloud.WrongState) || cloud.Is(err, cloud.InUse) {
		e, _ := cloud.AsError(err)
		return bad("DependencyViolation", format+" "+hideIDs(e), args...)
	}
	return err
}

func (a *api) modifyVPC(ctx context.Context, in *shape.ModifyVpcAttributeRequest) error {
	r, err := a.router(ctx, in.VpcId)
	if err != nil {
		return err
	}
	var c network.DomainChange
	if in.EnableDnsSupport != nil {
		c.Resolver = in.EnableDnsSupport.Value
	}
	if in.EnableDnsHostnames != nil {
		c.Hostnames = in.EnableDnsHostnames.Value
	}
	if in.EnableNetworkAddressUsageMetrics != nil && isTrue(in.EnableNetworkAddressUsageMetrics.Value) {
		return unsupported("This cloud does not count the use of addresses for VPCs.")
	}
	_, err = a.Network.UpdateDomain(ctx, r.ID, c)
	return err
}

func (a *api) describeVPCAttribute(ctx context.Context, in *shape.DescribeVpcAttributeRequest) (*shape.DescribeVpcAttributeResult, error) {
	r, err := a.router(ctx, in.VpcId)
	if err != nil {
		return nil, err
	}
	domain := r.Domain
	if domain == nil {
		domain = &cloud.RoutingDomain{Resolver: true}
	}
	out := &shape.DescribeVpcAttributeResult{VpcId: in.VpcId}
	switch in.Attribute {
	case "enableDnsSupport":
		out.EnableDnsSupport = truthOf(domain.Resolver)
	case "enableDnsHostnames":
		out.EnableDnsHostnames = truthOf(domain.Hostnames)
	case "enableNetworkAddressUsageMetrics":
		out.EnableNetworkAddressUsageMetrics = truthOf(false)
	default:
		return nil, invalidParameter("Value (%s) for parameter attribute is invalid. Unknown attribute.", in.Attribute)
	}
	return out, nil
}
