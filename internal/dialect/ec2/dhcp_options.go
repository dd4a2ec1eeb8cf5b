package ec2

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) optionsActions() []*action {
	return []*action{
		serve("CreateDhcpOptions", a.createOptions, "DhcpConfigurations TagSpecifications"),
		serve("DescribeDhcpOptions", a.describeOptions, "DhcpOptionsIds Filters MaxResults NextToken"),
		done("DeleteDhcpOptions", a.deleteOptions, "DhcpOptionsId"),
		done("AssociateDhcpOptions", a.associateOptions, "DhcpOptionsId VpcId"),
	}
}

// defaultOptions is the name of having no set of options; ownDNS that of the cloud's own DNS servers.
const defaultOptions, ownDNS = "default", "AmazonProvidedDNS"

func (a *api) optionSets(ctx context.Context, where ...cloud.Cond) ([]*cloud.DHCPOptionSet, error) {
	return a.Network.ListOptionSets(ctx, cloud.Where(append(where, own(ctx))...))
}

func optionSetID(d *cloud.DHCPOptionSet) string { return string(d.ID) }

func (a *api) createOptions(ctx context.Context, in *shape.CreateDhcpOptionsRequest) (*shape.CreateDhcpOptionsResult, error) {
	words, err := labelWords(in.TagSpecifications, "dhcp-options")
	if err != nil {
		return nil, err
	}
	d := cloud.DHCPOptionSet{Meta: cloud.Meta{Labels: words.Labels}}
	for _, c := range in.DhcpConfigurations {
		if err := readOption(&d, c.Key, c.Values); err != nil {
			return nil, err
		}
	}
	made, err := a.Network.CreateOptionSet(ctx, d)
	if err != nil {
		return nil, err
	}
	account, err := a.account(ctx)
	return &shape.CreateDhcpOptionsResult{DhcpOptions: new(shownOptions(made, account))}, err
}

// readOption puts one option of a request into a set.
func readOption(d *cloud.DHCPOptionSet, key string, values []string) (err error) {
	switch key {
	case "domain-name":
		d.Domain = strings.Join(values, " ")
	case "domain-name-servers":
		for _, v := range splitValues(values) {
			if v == ownDNS {
				d.OwnDNS = true
				continue
			}
			if err := appendAddress(&d.DNS, key, v); err != nil {
				return err
			}
		}
	case "ntp-servers":
		err = appendAddresses(&d.NTP, key, values)
	case "netbios-name-servers":
		err = appendAddresses(&d.NetBIOS, key, values)
	case "netbios-node-type":
		if len(values) == 0 {
			return missingParameter("DhcpConfiguration.Value")
		}
		if d.NetBIOSNode, err = strconv.Atoi(values[0]); err != nil {
			return invalidParameter("Value (%s) for parameter netbios-node-type is invalid.", values[0])
		}
	default:
		return invalidParameter("Value (%s) for parameter name is invalid. Unknown DHCP option", key)
	}
	return err
}

// splitValues also takes several values that a client sent as one.
func splitValues(values []string) (split []string) {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				split = append(split, part)
			}
		}
	}
	return split
}

func appendAddresses(to *[]netip.Addr, key string, values []string) error {
	for _, v := range splitValues(values) {
		if err := appendAddress(to, key, v); err != nil {
			return err
		}
	}
	return nil
}

func appendAddress(to *[]netip.Addr, key, text string) error {
	address, err := netip.ParseAddr(text)
	if err != nil {
		return invalidParameter("Value (%s) for parameter %s is invalid. Invalid address.", text, key)
	}
	*to = append(*to, address)
	return nil
}

// optionsRow is a set of options with what is shown of it.
type optionsRow struct {
	set   *cloud.DHCPOptionSet
	shown shape.DhcpOptions
}

func (a *api) optionsNoun() noun[optionsRow] {
	return noun[optionsRow]{ids: optionsIDs, list: a.optionsRows, id: func(r optionsRow) string { return optionSetID(r.set) },
		place: func(r optionsRow) string { return place(r.set.CreatedAt, r.set.ID) }, fields: optionsFields, tags: func(r optionsRow) []shape.Tag { return r.shown.Tags }}
}

func (a *api) optionsRows(ctx context.Context, where ...cloud.Cond) ([]optionsRow, error) {
	sets, err := a.optionSets(ctx, where...)
	if err != nil {
		return nil, err
	}
	account, err := a.account(ctx)
	rows := make([]optionsRow, len(sets))
	for i, d := range sets {
		rows[i] = optionsRow{d, shownOptions(d, account)}
	}
	return rows, err
}

func optionsTags(d *cloud.DHCPOptionSet) []shape.Tag { return tagsOf(d.Labels, "") }

func shownOptions(d *cloud.DHCPOptionSet, account string) shape.DhcpOptions {
	return shape.DhcpOptions{DhcpOptionsId: id(optionsIDs, d.ID), OwnerId: account, DhcpConfigurations: configurations(d), Tags: optionsTags(d)}
}

// configurations are a set's options in the protocol's words.
func configurations(d *cloud.DHCPOptionSet) (list []shape.DhcpConfiguration) {
	add := func(key string, values ...string) {
		if len(values) == 0 {
			return
		}
		c := shape.DhcpConfiguration{Key: key}
		for _, v := range values {
			c.Values = append(c.Values, shape.AttributeValue{Value: v})
		}
		list = append(list, c)
	}
	texts := func(addresses []netip.Addr) (values []string) {
		for _, address := range addresses {
			values = append(values, address.String())
		}
		return values
	}
	if d.Domain != "" {
		add("domain-name", d.Domain)
	}
	servers := texts(d.DNS)
	if d.OwnDNS {
		servers = append(servers, ownDNS)
	}
	add("domain-name-servers", servers...)
	add("ntp-servers", texts(d.NTP)...)
	add("netbios-name-servers", texts(d.NetBIOS)...)
	if d.NetBIOSNode != 0 {
		add("netbios-node-type", strconv.Itoa(d.NetBIOSNode))
	}
	return list
}

var optionsFields = fields[optionsRow]{
	"dhcp-options-id": one(func(r optionsRow) string { return r.shown.DhcpOptionsId }),
	"owner-id":        one(func(r optionsRow) string { return r.shown.OwnerId }),
	"key": func(r optionsRow) []string {
		return valuesOf(r.shown.DhcpConfigurations, func(c shape.DhcpConfiguration) string { return c.Key })
	},
	"value": func(r optionsRow) (values []string) {
		for _, c := range r.shown.DhcpConfigurations {
			for _, v := range c.Values {
				values = append(values, v.Value)
			}
		}
		return values
	},
}

func (a *api) describeOptions(ctx context.Context, in *shape.DescribeDhcpOptionsRequest) (*shape.DescribeDhcpOptionsResult, error) {
	rows, next, err := a.optionsNoun().describe(ctx, ask{in.DhcpOptionsIds, in.Filters, in.MaxResults, in.NextToken})
	out := &shape.DescribeDhcpOptionsResult{NextToken: next}
	for _, r := range rows {
		out.DhcpOptions = append(out.DhcpOptions, r.shown)
	}
	return out, err
}

func (a *api) deleteOptions(ctx context.Context, in *shape.DeleteDhcpOptionsRequest) error {
	d, err := findOne(ctx, optionsIDs, in.DhcpOptionsId, a.optionSets, optionSetID)
	if err != nil {
		return err
	}
	return a.Network.DeleteOptionSet(ctx, d.ID)
}

func (a *api) associateOptions(ctx context.Context, in *shape.AssociateDhcpOptionsRequest) error {
	r, err := a.router(ctx, in.VpcId)
	if err != nil {
		return err
	}
	var options cloud.DHCPOptionSetID
	if in.DhcpOptionsId != defaultOptions {
		d, err := findOne(ctx, optionsIDs, in.DhcpOptionsId, a.optionSets, optionSetID)
		if err != nil {
			return err
		}
		options = d.ID
	}
	_, err = a.Network.UpdateDomain(ctx, r.ID, network.DomainChange{Options: &options})
	return err
}
