package glance

import (
	"mime"
	"net/http"
	"time"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// upload hands the body on as it arrives; nothing of it is kept in memory here.
func (a *api) upload(w http.ResponseWriter, r *http.Request) error {
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/octet-stream" {
		return openstack.UnsupportedMedia("The data of an image must be sent as application/octet-stream.")
	}
	if err := a.images.Upload(r.Context(), imageID(r), r.Body, r.ContentLength); err != nil {
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
