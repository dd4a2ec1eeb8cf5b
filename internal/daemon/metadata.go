package daemon

import (
	"context"
	"encoding/pem"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2"
	"github.com/nubo-cloud/nubo/internal/metadata"
)

// layout is how guests of this host are told about themselves.
func (d *Daemon) layout() (metadata.Layout, error) {
	key, err := metadata.TokenKey(filepath.Join(d.config.StateDir, "metadata-token.key"))
	places := &placeNames{services: d.services, region: d.regions()[0]}
	return metadata.Layout{Region: places.region, Place: places.of, Signer: d.services.identity.DocumentKey, TokenKey: key}, err
}

// regions are the names that the EC2 API goes by.
func (d *Daemon) regions() []string {
	return append(slices.Clone(d.config.EC2.Regions), d.config.Region)
}

// placeNames tells guests the zones that the EC2 API tells clients. It remembers them for a while: guests ask often, and zones
// hardly change.
type placeNames struct {
	services *services
	region   string

	mu    sync.Mutex
	names []string // of zones, in order
	until time.Time
}

const zonesRemembered = time.Minute

func (p *placeNames) of(zone string) metadata.Place {
	at := slices.Index(p.zones(), zone)
	if at < 0 {
		return metadata.Place{Region: p.region, Zone: zone}
	}
	name, id := ec2.NameZone(p.region, at)
	return metadata.Place{Region: p.region, Zone: name, ZoneID: id}
}

func (p *placeNames) zones() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now().Before(p.until) {
		return p.names
	}
	list, err := p.services.compute.ListZones(cloud.WithPrincipal(context.Background(), cloud.System()), false)
	if err != nil {
		return p.names // as they were: a guest is told something
	}
	p.names, p.until = nil, now().Add(zonesRemembered)
	for _, z := range list {
		p.names = append(p.names, z.Name)
	}
	slices.Sort(p.names)
	return p.names
}

// documentCertificate shows the certificate that instances' identity documents are checked by.
func (d *Daemon) documentCertificate(w http.ResponseWriter, r *http.Request) {
	_, certificate, err := d.services.identity.DocumentKey(r.Context())
	if err != nil {
		d.log.Error("the certificate of identity documents cannot be shown", "error", err)
		http.Error(w, "the certificate cannot be read", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}) // the asker is gone: nobody to tell
}
