package ec2

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/wire/awsquery"
)

// fault is an error in the protocol's words.
type fault struct {
	status  int
	code    string
	message string
}

func (f *fault) Error() string { return f.code + ": " + f.message }

func bad(code, format string, args ...any) *fault {
	return &fault{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

// The faults that are about requests and not about nouns.
func missingAction() error { return bad("MissingAction", "The request has no action.") }
func invalidAction(name string) error {
	return bad("InvalidAction", "The action %s is not valid for this web service.", name)
}
func missingParameter(name string) error {
	return bad("MissingParameter", "The request must contain the parameter %s", name)
}
func malformed(format string, args ...any) error { return bad("MalformedQueryString", format, args...) }
func unsupported(format string, args ...any) error {
	return bad("UnsupportedOperation", format, args...)
}
func invalidParameter(format string, args ...any) error {
	return bad("InvalidParameterValue", format, args...)
}
func invalidCombination(format string, args ...any) error {
	return bad("InvalidParameterCombination", format, args...)
}
func mismatch() error {
	return bad("IdempotentParameterMismatch", "The client token was used before with other parameters.")
}
func badMethod(method string) error {
	return &fault{http.StatusMethodNotAllowed, "InvalidRequest", "The method " + method + " is not served: use GET or POST."}
}
func dryRun() error {
	return &fault{http.StatusPreconditionFailed, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."}
}
func authFailure(format string, args ...any) error {
	return &fault{http.StatusUnauthorized, "AuthFailure", fmt.Sprintf(format, args...)}
}
func badSignature() error {
	return &fault{http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. " +
		"Check your secret access key and signing method."}
}
func missingToken(message string) error {
	return &fault{http.StatusForbidden, "MissingAuthenticationToken", message}
}
func expired(format string, args ...any) error { return bad("RequestExpired", format, args...) }

// standard is what each kind of error is, where no noun has a code of its own.
var standard = map[cloud.Kind]fault{
	cloud.Invalid:         {http.StatusBadRequest, "InvalidParameterValue", ""},
	cloud.NotFound:        {http.StatusBadRequest, "InvalidParameterValue", ""},
	cloud.AlreadyExists:   {http.StatusBadRequest, "Resource.AlreadyAssociated", ""},
	cloud.WrongState:      {http.StatusBadRequest, "IncorrectState", ""},
	cloud.InUse:           {http.StatusBadRequest, "DependencyViolation", ""},
	cloud.Conflict:        {http.StatusServiceUnavailable, "Unavailable", ""}, // clients repeat it by themselves
	cloud.Unauthenticated: {http.StatusUnauthorized, "AuthFailure", ""},
	cloud.Forbidden:       {http.StatusForbidden, "UnauthorizedOperation", ""},
	cloud.QuotaExceeded:   {http.StatusBadRequest, "ResourceLimitExceeded", ""},
	cloud.NoCapacity:      {http.StatusBadRequest, "InsufficientCapacity", ""},
	cloud.TooLarge:        {http.StatusBadRequest, "InvalidParameterValue", ""},
	cloud.Unsupported:     {http.StatusBadRequest, "UnsupportedOperation", ""},
	cloud.Unavailable:     {http.StatusServiceUnavailable, "Unavailable", ""},
	cloud.Internal:        {http.StatusInternalServerError, "InternalError", ""},
}

// nouns are the codes that differ by noun. The names are those of the core's errors.
var nouns = map[string]map[cloud.Kind]string{
	"instance": {cloud.NotFound: "InvalidInstanceID.NotFound", cloud.WrongState: "IncorrectInstanceState",
		cloud.NoCapacity: "InsufficientInstanceCapacity", cloud.QuotaExceeded: "InstanceLimitExceeded", cloud.InUse: "IncorrectInstanceState"},
	"protected instance": {cloud.WrongState: "OperationNotPermitted"},
	"host":               {cloud.NoCapacity: "InsufficientInstanceCapacity"},
	"flavor":             {cloud.NotFound: "InvalidInstanceType"},
	"image": {cloud.NotFound: "InvalidAMIID.NotFound", cloud.WrongState: "InvalidAMIID.Unavailable", cloud.AlreadyExists: "InvalidAMIName.Duplicate",
		cloud.QuotaExceeded: "ResourceLimitExceeded"},
	"volume":                           {cloud.NotFound: "InvalidVolume.NotFound", cloud.InUse: "VolumeInUse", cloud.QuotaExceeded: "VolumeLimitExceeded", cloud.NoCapacity: "InsufficientVolumeCapacity"},
	"snapshot":                         {cloud.NotFound: "InvalidSnapshot.NotFound", cloud.InUse: "InvalidSnapshot.InUse", cloud.QuotaExceeded: "SnapshotLimitExceeded"},
	"key pair":                         {cloud.NotFound: "InvalidKeyPair.NotFound", cloud.AlreadyExists: "InvalidKeyPair.Duplicate", cloud.QuotaExceeded: "KeyPairLimitExceeded"},
	"security group":                   {cloud.NotFound: "InvalidGroup.NotFound", cloud.AlreadyExists: "InvalidGroup.Duplicate", cloud.QuotaExceeded: "SecurityGroupLimitExceeded"},
	"security group rule":              {cloud.NotFound: "InvalidSecurityGroupRuleId.NotFound", cloud.AlreadyExists: "InvalidPermission.Duplicate", cloud.QuotaExceeded: "RulesPerSecurityGroupLimitExceeded"},
	"router":                           {cloud.NotFound: "InvalidVpcID.NotFound", cloud.QuotaExceeded: "VpcLimitExceeded"},
	"subnet":                           {cloud.NotFound: "InvalidSubnetID.NotFound", cloud.QuotaExceeded: "SubnetLimitExceeded", cloud.NoCapacity: "InsufficientFreeAddressesInSubnet"},
	"network":                          {cloud.NotFound: "InvalidSubnetID.NotFound", cloud.QuotaExceeded: "SubnetLimitExceeded", cloud.NoCapacity: "InsufficientFreeAddressesInSubnet"},
	"port":                             {cloud.NotFound: "InvalidNetworkInterfaceID.NotFound", cloud.InUse: "InvalidNetworkInterface.InUse", cloud.QuotaExceeded: "NetworkInterfaceLimitExceeded"},
	"floating IP":                      {cloud.NotFound: "InvalidAllocationID.NotFound", cloud.InUse: "InvalidIPAddress.InUse", cloud.Conflict: "Resource.AlreadyAssociated", cloud.QuotaExceeded: "AddressLimitExceeded", cloud.NoCapacity: "InsufficientAddressCapacity"},
	"route table":                      {cloud.NotFound: "InvalidRouteTableID.NotFound", cloud.QuotaExceeded: "RouteTableLimitExceeded"},
	"route":                            {cloud.NotFound: "InvalidRoute.NotFound", cloud.AlreadyExists: "RouteAlreadyExists"},
	"gateway":                          {cloud.NotFound: "InvalidGatewayID.NotFound", cloud.QuotaExceeded: "InternetGatewayLimitExceeded"},
	"NAT gateway":                      {cloud.NotFound: "NatGatewayNotFound", cloud.QuotaExceeded: "NatGatewayLimitExceeded"},
	"filter use":                       {cloud.NotFound: "InvalidAssociationID.NotFound"},
	"packet filter":                    {cloud.WrongState: "DependencyViolation", cloud.NotFound: "InvalidNetworkAclID.NotFound", cloud.QuotaExceeded: "NetworkAclLimitExceeded"},
	"filter entry":                     {cloud.NotFound: "InvalidNetworkAclEntry.NotFound", cloud.AlreadyExists: "NetworkAclEntryAlreadyExists"},
	"routing domain":                   {cloud.NotFound: "InvalidVpcID.NotFound", cloud.WrongState: "DependencyViolation", cloud.QuotaExceeded: "VpcLimitExceeded"},
	"domain subnet":                    {cloud.NotFound: "InvalidSubnetID.NotFound", cloud.InUse: "DependencyViolation", cloud.QuotaExceeded: "SubnetLimitExceeded"},
	"address block":                    {cloud.NotFound: "InvalidVpcCidrBlockAssociationID.NotFound", cloud.AlreadyExists: "InvalidVpc.Range", cloud.QuotaExceeded: "CidrLimitExceeded"},
	"route table use":                  {cloud.NotFound: "InvalidAssociationID.NotFound", cloud.AlreadyExists: "Resource.AlreadyAssociated"},
	"peering":                          {cloud.Forbidden: "OperationNotPermitted", cloud.NotFound: "InvalidVpcPeeringConnectionID.NotFound", cloud.WrongState: "InvalidStateTransition", cloud.AlreadyExists: "VpcPeeringConnectionAlreadyExists"},
	"DHCP option set":                  {cloud.NotFound: "InvalidDhcpOptionID.NotFound"},
	"VPN connection":                   {cloud.NotFound: "InvalidVpnConnectionID.NotFound"},
	"VPN peer":                         {cloud.NotFound: "InvalidCustomerGatewayID.NotFound"},
	"VPN service":                      {cloud.NotFound: "InvalidVpnGatewayID.NotFound"},
	"instance template":                {cloud.NotFound: "InvalidLaunchTemplateId.NotFound", cloud.AlreadyExists: "InvalidLaunchTemplateName.AlreadyExistsException"},
	"access key":                       {cloud.NotFound: "AuthFailure"},
	"address":                          {cloud.AlreadyExists: "InvalidIPAddress.InUse", cloud.NoCapacity: "InsufficientFreeAddressesInSubnet"},
	"place of NIC":                     {cloud.AlreadyExists: "InvalidParameterValue"},
	"default security group":           {cloud.AlreadyExists: "InvalidParameterValue"},
	"default security group removal":   {cloud.WrongState: "CannotDelete"},
	"external address":                 {cloud.NoCapacity: "InsufficientAddressCapacity"},
	"external gateway for floating IP": {cloud.NotFound: "Gateway.NotAttached"},
	"floating IP with forwardings":     {cloud.Conflict: "InvalidIPAddress.InUse"},
	"port of NAT gateway":              {cloud.Conflict: "OperationNotPermitted"},
}

// limits are the codes for limits that are passed, by their names in errors. The noun of such an error is the limit.
var limits = map[string]string{
	cloud.QuotaInstances: "InstanceLimitExceeded", cloud.QuotaMemoryMiB: "InstanceLimitExceeded", cloud.QuotaVCPUs: "VcpuLimitExceeded",
	cloud.QuotaKeyPairs: "KeyPairLimitExceeded", cloud.QuotaVolumes: "VolumeLimitExceeded", cloud.QuotaGigabytes: "VolumeLimitExceeded",
	cloud.QuotaVolumeGigabytes: "VolumeLimitExceeded", cloud.QuotaSnapshots: "SnapshotLimitExceeded", cloud.QuotaNetworks: "SubnetLimitExceeded",
	cloud.QuotaSubnets: "SubnetLimitExceeded", cloud.QuotaPorts: "NetworkInterfaceLimitExceeded", cloud.QuotaRouters: "VpcLimitExceeded",
	cloud.QuotaFloatingIPs: "AddressLimitExceeded", cloud.QuotaSecurityGroups: "SecurityGroupLimitExceeded",
	cloud.QuotaSecurityRules: "RulesPerSecurityGroupLimitExceeded", cloud.QuotaVPNServices: "VpnGatewayLimitExceeded",
	cloud.QuotaVPNConnections: "VpnConnectionLimitExceeded",
}

// ofError is the fault that any error is.
func ofError(err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	var p *awsquery.Error
	if errors.As(err, &p) {
		code := "InvalidParameterValue"
		if p.Unknown {
			code = "UnknownParameter"
		}
		return bad(code, "%s.", cloud.Title(p.Error()))
	}
	e, ok := cloud.AsError(err)
	if !ok {
		e = &cloud.Error{Kind: cloud.Internal, Message: "An internal error has occurred."}
	}
	out := standard[e.Kind]
	if code := nouns[e.Resource][e.Kind]; code != "" {
		out.code = code
		if e.Kind == cloud.Conflict { // a noun's own is no lost update: repeating does not help
			out.status = http.StatusBadRequest
		}
	}
	if code := limits[e.Field]; code != "" && e.Kind == cloud.QuotaExceeded {
		out.code = code
	}
	out.message = hideIDs(e)
	return &out
}

// Explain takes apart a fault of a request, for the other services of the protocol's family; ok is false for any other error.
func Explain(err error) (status int, code, message string, ok bool) {
	var f *fault
	if !errors.As(err, &f) {
		return 0, "", "", false
	}
	return f.status, f.code, f.message, true
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// hideIDs writes ids in a message as clients know them.
func hideIDs(e *cloud.Error) string {
	return uuid.ReplaceAllStringFunc(e.Message, func(id string) string {
		if id == e.ID {
			if k, ok := kindOf[e.Resource]; ok {
				return k.of(id)
			}
		}
		return cloud.ShortID(id)
	})
}

// fail writes an error in the protocol's form: two elements in an Error, and no namespace.
func (a *api) fail(w http.ResponseWriter, r *http.Request, call Call, err error) {
	f := ofError(err)
	if f.status >= http.StatusInternalServerError {
		a.Log.Error("a request failed", "action", call.Action, "error", err)
	}
	b := []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Response><Errors><Error>")
	b = awsquery.AppendElement(b, "Code", f.code)
	b = awsquery.AppendElement(b, "Message", strings.TrimSpace(f.message))
	b = append(b, "</Error></Errors>"...)
	b = awsquery.AppendElement(b, "RequestID", cloud.VisitOf(r.Context()).RequestID)
	b = append(b, "</Response>"...)
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.WriteHeader(f.status)
	_, _ = w.Write(b) // the asker is gone: nobody to tell
}
