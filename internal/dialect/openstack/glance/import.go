package glance

import (
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/image"
)

// importMethods are the sources in this service's words.
var importMethods = []string{"glance-direct", "web-download", "glance-download"}

type importMethod struct {
	Name      string        `json:"name"`
	URI       string        `json:"uri,omitempty"`
	ImageID   cloud.ImageID `json:"glance_image_id,omitempty"`
	Region    string        `json:"glance_region,omitempty"`
	Interface string        `json:"glance_service_interface,omitempty"`
}

type importBody struct {
	Method      *importMethod `json:"method"`
	Stores      []string      `json:"stores,omitempty"`
	AllStores   *bool         `json:"all_stores,omitempty"`
	AllMustWork *bool         `json:"all_stores_must_succeed,omitempty"`
}

func (a *api) importImage(w http.ResponseWriter, r *http.Request) error {
	var body importBody
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	request, err := body.request()
	if err != nil {
		return err
	}
	if err := a.images.Import(r.Context(), imageID(r), request); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusAccepted)
}

func (b importBody) request() (image.ImportRequest, error) {
	q := image.ImportRequest{Asked: b}
	if err := b.checkStores(); err != nil {
		return q, err
	}
	if b.Method == nil || b.Method.Name == "" {
		return q, cloud.Invalidf("image", "method", "The body must have a 'method' with a 'name'.")
	}
	switch b.Method.Name {
	case "glance-direct":
		q.From = image.SourceStaged
	case "web-download":
		q.From, q.URI = image.SourceWeb, b.Method.URI
	case "glance-download":
		q.From, q.Image, q.Region = image.SourceImage, b.Method.ImageID, b.Method.Region
	case "copy-image":
		return q, cloud.Invalidf("image", "method", "There is one store: nothing can be copied to another.")
	default:
		return q, cloud.Invalidf("image", "method", "Unknown import method '%s': use one of %v.", b.Method.Name, importMethods)
	}
	return q, nil
}

func (b importBody) checkStores() error {
	if len(b.Stores) > 0 && b.AllStores != nil && *b.AllStores {
		return cloud.Invalidf("image", "stores", "Give either 'stores' or 'all_stores'.")
	}
	if n := slices.IndexFunc(b.Stores, func(s string) bool { return s != store }); n >= 0 {
		return &cloud.Error{Kind: cloud.Conflict, Resource: "store", ID: b.Stores[n], Message: "There is no store '" + b.Stores[n] + "'."}
	}
	return nil
}
