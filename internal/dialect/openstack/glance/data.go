package glance

import (
	"context"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// upload takes the data of an image.
func (a *api) upload(w http.ResponseWriter, r *http.Request) error {
	return receive(w, r, a.images.Upload)
}

// stage takes data that an import will judge and keep.
func (a *api) stage(w http.ResponseWriter, r *http.Request) error {
	return receive(w, r, a.images.Stage)
}

// receive hands the body on as it arrives; nothing of it is kept in memory here.
func receive(w http.ResponseWriter, r *http.Request, take func(context.Context, cloud.ImageID, io.Reader) error) error {
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/octet-stream" {
		return openstack.UnsupportedMedia("The data of an image must be sent as application/octet-stream.")
	}
	if err := take(r.Context(), imageID(r), r.Body); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

// download streams the data, or the range of it that the client asks for.
func (a *api) download(w http.ResponseWriter, r *http.Request) error {
	i, f, err := a.images.Download(r.Context(), imageID(r))
	if err != nil {
		return err
	}
	if f == nil {
		return openstack.WriteEmpty(w, http.StatusNoContent)
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-MD5", i.MD5)
	http.ServeContent(w, r, "", time.Time{}, f)
	return nil
}
