package keystone

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// Sign-in by SAML. The paths are those that sites have in their federation's metadata, from the web server module that did
// this for Keystone.

const (
	samlMetadataPath = "/v3/mellon/metadata"
	samlPOSTPath     = "/v3/mellon/postResponse"
	samlPAOSPath     = "/v3/mellon/paosResponse"
)

func (a *api) samlRoutes() {
	a.Public("GET "+samlMetadataPath, a.samlMetadata)
	a.Public("POST "+samlPOSTPath, a.samlResponse)
	a.Public("POST "+samlPAOSPath, a.samlEnvelope)
}

// samlSite is this cloud as its SAML identity providers know it. They have it letter by letter, so it does not depend on the
// way a client came.
func (a *api) samlSite(r *http.Request) identity.Site {
	base := a.base(r)
	return identity.Site{EntityID: base + samlMetadataPath, ACS: base + samlPOSTPath, PAOS: base + samlPAOSPath}
}

func (a *api) samlMetadata(w http.ResponseWriter, r *http.Request) error {
	text, err := a.identity.SAMLMetadata(r.Context(), a.samlSite(r))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/samlmetadata+xml")
	_, err = w.Write(text)
	return err
}

// samlResponse takes what a browser posts that comes back from its identity provider. Browsers leave cookies out of a post
// from another site, so the first one is answered with a page of ours that posts the same once more.
func (a *api) samlResponse(w http.ResponseWriter, r *http.Request) error {
	state := r.PostFormValue("RelayState")
	kept, err := r.Cookie(a.journeyCookie(r, state, "", 0).Name)
	if err != nil && r.PostFormValue("again") == "" {
		return writePage(w, postPage, page{Target: a.samlSite(r).ACS, Fields: map[string]string{"SAMLResponse": r.PostFormValue("SAMLResponse"),
			"RelayState": state, "again": "1"}})
	}
	if err != nil {
		return notFromHere()
	}
	http.SetCookie(w, a.journeyCookie(r, state, "", -1))
	t, to, err := a.identity.ArriveSAML(r.Context(), a.samlSite(r), []byte(r.PostFormValue("SAMLResponse")), kept.Value)
	if err != nil {
		return err
	}
	return a.handOver(w, to, t)
}

// paosType is the content type of envelopes, exactly.
const paosType = "application/vnd.paos+xml"

// envelopeMax bounds an envelope in bytes; package saml bounds what is in it.
const envelopeMax = 2 << 20

// samlEnvelope takes what a client at a terminal brings from its identity provider, and sends it back to where it began, with
// a cookie to be known by.
func (a *api) samlEnvelope(w http.ResponseWriter, r *http.Request) error {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, envelopeMax))
	if err != nil {
		return cloud.Invalidf("request", "body", "An envelope has %d bytes at most.", envelopeMax)
	}
	way, t, err := a.identity.ArriveEnvelope(r.Context(), a.samlSite(r), raw)
	if err != nil {
		return err
	}
	session, err := a.identity.SealTicket(r.Context(), t)
	if err != nil {
		return err
	}
	http.SetCookie(w, a.sessionCookie(r, session))
	w.Header().Set("Location", a.root(r)+"/v3/OS-FEDERATION/identity_providers/"+url.PathEscape(string(way.ProviderID))+"/protocols/"+url.PathEscape(way.Protocol)+"/auth")
	return openstack.WriteEmpty(w, http.StatusSeeOther)
}

const sessionCookieName = "nubo_saml_session"

// sessionCookie is good for looking at the token for a minute. Clients throw away what says Secure and came without TLS.
func (a *api) sessionCookie(r *http.Request, value string) *http.Cookie {
	return &http.Cookie{Name: sessionCookieName, Value: value, Path: "/", MaxAge: 60, HttpOnly: true,
		Secure: strings.HasPrefix(a.base(r), "https://"), SameSite: http.SameSiteStrictMode}
}

// speaksPAOS tells whether a client can carry an envelope (PAOS, section 9.1).
func speaksPAOS(r *http.Request) bool {
	takes := slices.ContainsFunc(r.Header.Values("Accept"), func(v string) bool { return strings.Contains(v, paosType) })
	return takes && strings.Contains(r.Header.Get("PAOS"), "urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp")
}

func (a *api) sendEnvelope(w http.ResponseWriter, r *http.Request) error {
	text, err := a.identity.Envelope(r.Context(), providerID(r), r.PathValue("protocol"), a.samlSite(r))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", paosType)
	w.Header().Set("Cache-Control", "no-store")
	_, err = w.Write(text)
	return err
}

// samlKeyword of an identity provider holds where its metadata is; ours, as openIDKey is.
const samlKeyword = "nubo:saml"

type samlBody struct {
	Metadata string `json:"metadata"`
	URL      string `json:"metadata_url"`
	Feed     string `json:"feed"`
}

func (b *samlBody) source() *cloud.SAMLSource {
	if b == nil {
		return nil
	}
	return &cloud.SAMLSource{Metadata: b.Metadata, URL: b.URL, Feed: b.Feed}
}

func samlObject(s *cloud.SAMLSource) object {
	return object{"entity_id": orNull(s.EntityID), "metadata": orNull(s.Metadata), "metadata_url": orNull(s.URL), "feed": orNull(s.Feed)}
}
