package nova

import (
	"context"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/image"
	"github.com/nubo-cloud/nubo/internal/network"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// Images, Networks and Volumes are what the proxies of 2.1 ask: Compute once passed such requests on to the services
// whose nouns they are about.
type (
	// Images is package image.
	Images interface {
		Image(ctx context.Context, id cloud.ImageID) (*cloud.Image, error)
		List(ctx context.Context, f image.Filter) ([]*cloud.Image, error)
		Update(ctx context.Context, id cloud.ImageID, edit func(*image.Facts) error) (*cloud.Image, error)
		Delete(ctx context.Context, id cloud.ImageID) error
	}
	// Networks is package network.
	Networks interface {
		Network(ctx context.Context, id cloud.NetworkID) (*cloud.Network, error)
		ListNetworks(ctx context.Context, q cloud.Query, keep ...func(*cloud.Network) bool) ([]*cloud.Network, error)
		CreateSecurityGroup(ctx context.Context, r network.GroupRequest) (*cloud.SecurityGroup, error)
		SecurityGroup(ctx context.Context, id cloud.SecurityGroupID) (*cloud.SecurityGroup, error)
		ListSecurityGroups(ctx context.Context, q cloud.Query, keep ...func(*cloud.SecurityGroup) bool) ([]*cloud.SecurityGroup, error)
		UpdateSecurityGroup(ctx context.Context, id cloud.SecurityGroupID, c network.GroupChange) (*cloud.SecurityGroup, error)
		DeleteSecurityGroup(ctx context.Context, id cloud.SecurityGroupID) error
		EnsureDefaultGroup(ctx context.Context) error
		RulesByGroup(ctx context.Context, groups []*cloud.SecurityGroup) (map[cloud.SecurityGroupID][]*cloud.SecurityGroupRule, error)
		RemoteGroups(ctx context.Context, rules []*cloud.SecurityGroupRule) (map[cloud.SecurityGroupID]*cloud.SecurityGroup, error)
		CreateRule(ctx context.Context, r network.RuleRequest) (*cloud.SecurityGroupRule, error)
		DeleteRule(ctx context.Context, id cloud.RuleID) error
		CreateFloatingIP(ctx context.Context, r network.FloatingIPRequest) (*cloud.FloatingIP, error)
		FloatingIP(ctx context.Context, id cloud.FloatingIPID) (*cloud.FloatingIP, error)
		ListFloatingIPs(ctx context.Context, q cloud.Query, keep ...func(*cloud.FloatingIP) bool) ([]*cloud.FloatingIP, error)
		UpdateFloatingIP(ctx context.Context, id cloud.FloatingIPID, c network.FloatingIPChange) (*cloud.FloatingIP, error)
		DeleteFloatingIP(ctx context.Context, id cloud.FloatingIPID) error
		UpdatePort(ctx context.Context, id cloud.PortID, c network.PortChange) (*cloud.Port, error)
		TargetPorts(ctx context.Context, floating []*cloud.FloatingIP) (map[cloud.PortID]*cloud.Port, error)
	}
	// Volumes is package volume.
	Volumes interface {
		Volume(ctx context.Context, id cloud.VolumeID) (*cloud.Volume, error)
		List(ctx context.Context, f volume.Filter[cloud.Volume]) ([]*cloud.Volume, error)
		CreateVolume(ctx context.Context, r volume.CreateRequest) (*cloud.Volume, error)
		Delete(ctx context.Context, r volume.DeleteRequest) error
		AttachmentsOf(ctx context.Context, ids []cloud.VolumeID) (map[cloud.VolumeID][]*cloud.Attachment, error)
		TypeNames(ctx context.Context) (map[cloud.VolumeTypeID]string, error)
		Snapshot(ctx context.Context, id cloud.SnapshotID) (*cloud.Snapshot, error)
		ListSnapshots(ctx context.Context, f volume.Filter[cloud.Snapshot]) ([]*cloud.Snapshot, error)
		CreateSnapshot(ctx context.Context, r volume.SnapshotRequest) (*cloud.Snapshot, error)
		DeleteSnapshot(ctx context.Context, id cloud.SnapshotID, force bool) error
	}
)

// proxy adds a route that ended with the proxies in 2.36.
func (a *api) proxy(pattern string, h openstack.Handler) { a.ended(pattern, 35, h) }

// ended adds a route that requests after 2.last do not find.
func (a *api) ended(pattern string, last int, h openstack.Handler) {
	a.handle(pattern, func(w http.ResponseWriter, r *http.Request) error {
		if atLeast(r, last+1) {
			return noRoute()
		}
		return h(w, r)
	})
}

func (a *api) proxies() {
	a.proxy("GET /images", a.listImages)
	a.proxy("GET /images/detail", a.listImagesDetail)
	a.proxy("GET /images/{id}", a.showImage)
	a.proxy("DELETE /images/{id}", a.deleteImage)
	a.ended("GET /images/{id}/metadata", 38, a.showImageMetadata)
	a.ended("POST /images/{id}/metadata", 38, a.updateImageMetadata)
	a.ended("PUT /images/{id}/metadata", 38, a.replaceImageMetadata)
	a.ended("GET /images/{id}/metadata/{key}", 38, a.showImageMetadataItem)
	a.ended("PUT /images/{id}/metadata/{key}", 38, a.setImageMetadataItem)
	a.ended("DELETE /images/{id}/metadata/{key}", 38, a.deleteImageMetadataItem)
	a.proxy("GET /os-security-groups", a.listSecurityGroups)
	a.proxy("POST /os-security-groups", a.createSecurityGroup)
	a.proxy("GET /os-security-groups/{id}", a.showSecurityGroup)
	a.proxy("PUT /os-security-groups/{id}", a.updateSecurityGroup)
	a.proxy("DELETE /os-security-groups/{id}", a.deleteSecurityGroup)
	a.proxy("POST /os-security-group-rules", a.createSecurityRule)
	a.proxy("DELETE /os-security-group-rules/{id}", a.deleteSecurityRule)
	a.proxy("GET /os-floating-ip-pools", a.listPools)
	a.proxy("GET /os-floating-ips", a.listFloatingIPs)
	a.proxy("POST /os-floating-ips", a.createFloatingIP)
	a.proxy("GET /os-floating-ips/{id}", a.showFloatingIP)
	a.proxy("DELETE /os-floating-ips/{id}", a.deleteFloatingIP)
	a.proxy("GET /os-networks", a.listNetworks)
	a.proxy("GET /os-networks/{id}", a.showNetwork)
	a.proxy("GET /os-tenant-networks", a.listTenantNetworks)
	a.proxy("GET /os-tenant-networks/{id}", a.showTenantNetwork)
	a.proxy("GET /os-volumes", a.listVolumes)
	a.proxy("GET /os-volumes/detail", a.listVolumes)
	a.proxy("POST /os-volumes", a.createVolume)
	a.proxy("GET /os-volumes/{id}", a.showVolume)
	a.proxy("DELETE /os-volumes/{id}", a.deleteVolume)
	a.proxy("GET /os-snapshots", a.listSnapshots)
	a.proxy("GET /os-snapshots/detail", a.listSnapshots)
	a.proxy("POST /os-snapshots", a.createSnapshot)
	a.proxy("GET /os-snapshots/{id}", a.showSnapshot)
	a.proxy("DELETE /os-snapshots/{id}", a.deleteSnapshot)
	a.ended("GET /servers/{id}/os-virtual-interfaces", 43, a.virtualInterfaces)
}

// refused makes another service's "not now" what Compute called it: a bad request.
func refused(err error) error {
	e, ok := cloud.AsError(err)
	if !ok {
		return err
	}
	switch e.Kind {
	case cloud.WrongState, cloud.InUse, cloud.AlreadyExists, cloud.Conflict:
		return cloud.Invalidf(e.Resource, e.Field, "%s", e.Message)
	}
	return err
}

// virtualInterfaces was there for a network service that Compute had inside; without it the answer was this.
func (a *api) virtualInterfaces(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.Compute.Instance(r.Context(), serverID(r)); err != nil {
		return err
	}
	return cloud.Invalidf("request", "os-virtual-interfaces", "Listing virtual interfaces is not supported by this cloud.")
}
