// Package ec2 speaks Amazon EC2's API, with EBS, VPC and VPN, version 2016-11-15, about the same nouns as every dialect.
//
//	signed request -> verify -> caller and region -> action -> Decode -> one handler -> core -> Append -> XML
//	                                                    \-> DryRun: in a transaction that is undone
//	                                                    \-> ClientToken: the first answer again
//
// A handler is func(ctx, *shape.XRequest) (*shape.XResult, error), in the file of its noun, and has a line in that file's table of
// actions. The line names the members of the request that mean something here; another one that is given is refused
// (UnsupportedOperation), so that nothing asked for is passed over in silence. Behind a "-" stand those that are taken and have no
// effect here, because none is needed or the cloud does it for everybody.
//
//	ec2.go       the table, the order of things       ids.go      i-0123… <-> our ids
//	request.go   bytes -> parameters                  filters.go  Filter.N, wildcards
//	auth.go      signature -> caller, region          paging.go   MaxResults, NextToken
//	faults.go    our errors -> codes                  tags.go     our labels <-> tags
//
// What is what: a VPC is a router with a routing domain, a subnet a subnet of one, an ENI a port, an EIP a floating IP, an AMI an
// image, an instance type a flavor, an account a project. Servers' local disks and key pairs made elsewhere are shown as far as the
// protocol has words for them.
//
// Ids are prefixes before cloud.ShortID; rows are found by the store's column of that name. Ids of what is no noun of ours are
// derived from the noun's it belongs to: eni-attach- and eipassoc- from the port's and the floating IP's.
//
// Reference: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html
//
// Knowingly absent: everything not in capabilities.txt, which is made from the tables.
package ec2
