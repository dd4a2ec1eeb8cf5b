package nova

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// extensions are the names of what was optional before 2.1 and is served here. Clients of that time look for them.
var extensions = []struct{ alias, name, description string }{
	{"NMN", "Multinic", "Multiple network support."},
	{"OS-DCF", "DiskConfig", "Disk Management Extension."},
	{"OS-EXT-AZ", "ExtendedAvailabilityZone", "Extended Availability Zone support."},
	{"OS-EXT-IMG-SIZE", "ImageSize", "Adds image size to image listings."},
	{"OS-EXT-IPS", "ExtendedIps", "Adds type parameter to the ip list."},
	{"OS-EXT-IPS-MAC", "ExtendedIpsMac", "Adds mac address parameter to the ip list."},
	{"OS-EXT-SRV-ATTR", "ExtendedServerAttributes", "Extended Server Attributes support."},
	{"OS-EXT-STS", "ExtendedStatus", "Extended Status support."},
	{"OS-FLV-DISABLED", "FlavorDisabled", "Support to show the disabled status of a flavor."},
	{"OS-FLV-EXT-DATA", "FlavorExtraData", "Provide additional data for flavors."},
	{"OS-SCH-HNT", "SchedulerHints", "Pass arbitrary key/value pairs to the scheduler."},
	{"OS-SRV-USG", "ServerUsage", "Adds launched_at and terminated_at on Servers."},
	{"os-admin-actions", "AdminActions", "Enable admin-only server actions."},
	{"os-aggregates", "Aggregates", "Admin-only aggregate administration."},
	{"os-attach-interfaces", "AttachInterfaces", "Attach interface support."},
	{"os-availability-zone", "AvailabilityZone", "Adds availability_zone to the Servers v1.1 API."},
	{"os-block-device-mapping-v2-boot", "BlockDeviceMappingV2Boot", "Allow boot with the new BDM data format."},
	{"os-config-drive", "ConfigDrive", "Config Drive Extension."},
	{"os-console-output", "ConsoleOutput", "Console log output support, with tailing ability."},
	{"os-consoles", "Consoles", "Interactive Console support."},
	{"os-create-backup", "CreateBackup", "Create a backup of a server."},
	{"os-deferred-delete", "DeferredDelete", "Instance deferred delete."},
	{"os-extended-volumes", "ExtendedVolumes", "Extended Volumes support."},
	{"os-flavor-access", "FlavorAccess", "Flavor access support."},
	{"os-flavor-extra-specs", "FlavorExtraSpecs", "Flavors extra specs support."},
	{"os-flavor-manage", "FlavorManage", "Flavor create/delete API support."},
	{"os-floating-ip-pools", "FloatingIpPools", "Floating IPs support."},
	{"os-floating-ips", "FloatingIps", "Floating IPs support."},
	{"os-hosts", "Hosts", "Admin-only host administration."},
	{"os-hypervisors", "Hypervisors", "Admin-only hypervisor administration."},
	{"os-instance-actions", "InstanceActions", "View a log of actions and events taken on an instance."},
	{"os-instance_usage_audit_log", "OSInstanceUsageAuditLog", "Admin-only Task Log Monitoring."},
	{"os-keypairs", "Keypairs", "Keypair Support."},
	{"os-migrations", "Migrations", "Provide data on migrations."},
	{"os-multiple-create", "MultipleCreate", "Allow multiple create in the Create Server v2.1 API."},
	{"os-networks", "Networks", "Admin-only Network Management Extension."},
	{"os-pause-server", "PauseServer", "Enable pause/unpause server actions."},
	{"os-quota-class-sets", "QuotaClasses", "Quota classes management support."},
	{"os-quota-sets", "Quotas", "Quotas management support."},
	{"os-rescue", "Rescue", "Instance rescue mode."},
	{"os-security-groups", "SecurityGroups", "Security group support."},
	{"os-server-diagnostics", "ServerDiagnostics", "Allow Admins to view server diagnostics through server action."},
	{"os-server-groups", "ServerGroups", "Server group support."},
	{"os-server-password", "ServerPassword", "Server password support."},
	{"os-services", "Services", "Services support."},
	{"os-shelve", "Shelve", "Instance shelve mode."},
	{"os-simple-tenant-usage", "SimpleTenantUsage", "Simple tenant usage extension."},
	{"os-suspend-server", "SuspendServer", "Enable suspend/resume server actions."},
	{"os-tenant-networks", "OSTenantNetworks", "Tenant-based Network Management Extension."},
	{"os-user-data", "UserData", "Add user_data to the Create Server API."},
	{"os-volumes", "Volumes", "Volumes support."},
}

func extension(i int) map[string]any {
	e := extensions[i]
	return map[string]any{"alias": e.alias, "name": e.name, "description": e.description, "links": []any{},
		"namespace": "http://docs.openstack.org/compute/ext/fake_xml", "updated": "2014-12-03T00:00:00Z"}
}

func (a *api) listExtensions(w http.ResponseWriter, r *http.Request) error {
	out := make([]any, len(extensions))
	for i := range extensions {
		out[i] = extension(i)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"extensions": out})
}

func (a *api) showExtension(w http.ResponseWriter, r *http.Request) error {
	for i, e := range extensions {
		if e.alias == r.PathValue("alias") {
			return openstack.WriteJSON(w, http.StatusOK, map[string]any{"extension": extension(i)})
		}
	}
	return cloud.Errorf(cloud.NotFound, "extension", r.PathValue("alias"), "Extension with the name %s could not be found.", r.PathValue("alias"))
}
