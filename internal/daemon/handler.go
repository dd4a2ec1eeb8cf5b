package daemon

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/dialect/ec2"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/sts"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack/cinder"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack/glance"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack/keystone"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack/neutron"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack/nova"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack/placement"
)

// newHandler mounts every dialect under its prefix.
func (d *Daemon) newHandler() http.Handler {
	s, log := d.services, d.log
	name, err := d.hostName()
	if err != nil {
		log.Warn("this machine has no name: the services of the control plane are not shown", "error", err)
	}
	mux := http.NewServeMux()
	mount := func(prefix string, h *openstack.Service) {
		h.Repeats = s.repeats
		mux.Handle(prefix+"/", http.StripPrefix(prefix, h))
		mux.Handle(prefix, http.StripPrefix(prefix, h))
	}
	identity := keystone.New(keystone.Deps{Identity: s.identity, Log: log, Prefix: "/identity"})
	mount("/identity", identity)
	mux.Handle("/v3/", identity) // some federation tools ask at the root
	mux.Handle("/v3", identity)
	mount("/compute", nova.New(nova.Deps{Auth: s.identity, Compute: s.compute, Quota: s.quota, Consoles: s.console,
		Images: s.image, Networks: s.network, Volumes: s.volume, Prefix: "/compute", HostName: name, Log: log}))
	mount("/image", glance.New(glance.Deps{Images: s.image, Vocabularies: s.words, Auth: s.identity, Log: log}))
	mount("/network", neutron.New(neutron.Deps{Network: s.network, Auth: s.identity, Prefix: "/network", Log: log}))
	mount("/volume", cinder.New(cinder.Deps{Volumes: s.volume, Auth: s.identity, Log: log}))
	mount("/placement", placement.New(placement.Deps{Auth: s.identity, Inventory: s.inventory, Prefix: "/placement", Log: log}))
	second := d.newEC2()
	mux.Handle("/ec2", second)
	mux.Handle("/ec2/", second)
	mux.Handle("/console/", s.console)
	mux.HandleFunc("GET /healthz", d.healthz)
	mux.HandleFunc("GET /ec2/instance-identity.pem", d.documentCertificate)
	mux.Handle("GET /metrics", d.metrics())
	return directly(d.traced(mux))
}

// newEC2 makes the Amazon EC2 API. It is not told its prefix: clients sign the whole path.
func (d *Daemon) newEC2() http.Handler {
	s, c := d.services, d.config.EC2
	return ec2.New(ec2.Deps{Keys: s.identity, Compute: s.compute, Network: s.network, Volumes: s.volume, Images: s.image, Quota: s.quota,
		STS:     &sts.Service{Sessions: s.identity, Log: d.log.With("service", "sts")},
		Repeats: s.repeats, Log: d.log.With("service", "ec2"), Config: ec2.Config{Regions: d.regions(),
			Version2: c.SignatureVersion2, Types: c.InstanceTypes}})
}

// healthz answers whether the store can be read.
func (d *Daemon) healthz(w http.ResponseWriter, r *http.Request) {
	if _, err := d.store.Hosts.Count(r.Context()); err != nil {
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n")) // the asker is gone: nobody to tell
}
