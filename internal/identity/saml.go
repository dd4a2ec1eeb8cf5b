package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/mapping"
	"github.com/nubo-cloud/nubo/internal/saml"
)

// Site is where this cloud is, as SAML identity providers know it.
type Site struct{ EntityID, ACS, PAOS string }

// SAMLMetadata describes this cloud to identity providers.
func (s *Service) SAMLMetadata(ctx context.Context, at Site) ([]byte, error) {
	sp, err := s.serviceProvider(ctx, at)
	if err != nil {
		return nil, err
	}
	return sp.Metadata()
}

// bySAML tells whether a protocol of a provider is SAML: it is if that is all the provider speaks, or by its name.
func bySAML(p *cloud.IdentityProvider, protocol string) bool {
	return p.SAML != nil && (p.OpenID == nil || protocol == "saml2" || protocol == "mapped" || protocol == "saml")
}

// entityFor is the entity that a browser goes to: the provider's own, or the one of its feed that the person chose.
func (s *Service) entityFor(p *cloud.IdentityProvider, chosen string) (*saml.IdentityProvider, error) {
	id := p.SAML.EntityID
	if p.SAML.Feed != "" {
		id = chosen
	}
	idp, err := s.describer(p)(id)
	if errors.Is(err, saml.ErrNoProvider) {
		return nil, cloud.Errorf(cloud.NotFound, "identity provider", id, "There is no metadata of the identity provider '%s'.", id)
	}
	return idp, err
}

// departSAML asks a SAML identity provider; the answer comes to at.ACS.
func (s *Service) departSAML(ctx context.Context, p *cloud.IdentityProvider, j Journey, at Site) (*Departure, error) {
	idp, err := s.entityFor(p, j.Entity)
	if err != nil {
		return nil, err
	}
	sp, err := s.serviceProvider(ctx, at)
	if err != nil {
		return nil, err
	}
	by := saml.Redirect
	if idp.SSO[by] == "" {
		by = saml.POST
	}
	d := &Departure{State: cloud.NewHexID()}
	request, err := sp.AuthnRequest(idp, by, d.State)
	if err != nil {
		return nil, err
	}
	d.URL, d.Form, j.RequestID = request.URL, request.Form, request.ID
	d.Sealed, err = s.sealValue(ctx, journeySeal, j)
	return d, err
}

// Envelope is what a client at a terminal carries to its SAML identity provider.
func (s *Service) Envelope(ctx context.Context, id cloud.IdentityProviderID, protocol string, at Site) ([]byte, error) {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	p, _, err := s.way(ctx, id, protocol)
	if err != nil {
		return nil, err
	}
	if !bySAML(p, protocol) {
		return nil, cloud.Errorf(cloud.NotFound, "identity provider", string(id), "The identity provider %s has no SAML metadata.", id)
	}
	sp, err := s.serviceProvider(ctx, at)
	if err != nil {
		return nil, err
	}
	return sp.PAOSRequest(func(requestID string) (string, error) {
		return s.sealValue(ctx, journeySeal, Journey{ProviderID: id, Protocol: protocol, RequestID: requestID, Begun: s.now()})
	})
}

// ArriveSAML ends a browser's journey by SAML: raw is the identity provider's answer, sealed what the browser kept.
func (s *Service) ArriveSAML(ctx context.Context, at Site, raw []byte, sealed string) (t *Token, origin string, err error) {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	j, p, err := s.resume(ctx, sealed)
	defer func() { s.account(ctx, cloud.SignIn{ProviderID: j.ProviderID, Protocol: j.Protocol}, t, err) }()
	if err != nil {
		return nil, "", err
	}
	t, err = s.arriveSAML(ctx, at, saml.POST, raw, j, p)
	return t, j.Origin, err
}

// ArriveEnvelope is ArriveSAML for a client at a terminal, which kept what is sealed in the envelope itself; it tells what the
// client set out for. Invalid if raw is no envelope.
func (s *Service) ArriveEnvelope(ctx context.Context, at Site, raw []byte) (j Journey, t *Token, err error) {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	claim, err := saml.Peek(saml.PAOS, raw)
	if err != nil {
		return Journey{}, nil, cloud.Invalidf("request", "body", "This is no envelope with a SAML response.")
	}
	j, p, err := s.resume(ctx, claim.RelayState)
	defer func() { s.account(ctx, cloud.SignIn{ProviderID: j.ProviderID, Protocol: j.Protocol}, t, err) }()
	if err != nil {
		return j, nil, err
	}
	t, err = s.arriveSAML(ctx, at, saml.PAOS, raw, j, p)
	return j, t, err
}

func (s *Service) arriveSAML(ctx context.Context, at Site, by saml.Binding, raw []byte, j Journey, p *cloud.IdentityProvider) (*Token, error) {
	if !bySAML(p, j.Protocol) {
		return nil, refused()
	}
	sp, err := s.serviceProvider(ctx, at)
	if err != nil {
		return nil, err
	}
	person, err := sp.Check(ctx, raw, saml.Expectation{Binding: by, RequestID: j.RequestID, Providers: s.describer(p), Once: s.once})
	if refusal := (*saml.Refusal)(nil); errors.As(err, &refusal) {
		return nil, s.turnedAway(string(refusal.Reason), "provider", p.ID, "protocol", j.Protocol, "because", refusal)
	}
	if err != nil {
		return nil, err
	}
	return s.Admit(ctx, Said{ProviderID: p.ID, Protocol: j.Protocol, RemoteID: person.Issuer, Listed: p.SAML.Feed != "",
		Assertion: mapping.Assertion(person.Assertion())})
}

// once remembers an assertion until it could no longer be shown.
func (s *Service) once(ctx context.Context, issuer, assertion string, until time.Time) (bool, error) {
	sum := sha256.Sum256([]byte("saml\n" + issuer + "\n" + assertion))
	err := s.UsedSignatures.Insert(ctx, &cloud.UsedSignature{ID: hex.EncodeToString(sum[:]), ExpiresAt: until})
	if cloud.Is(err, cloud.AlreadyExists) {
		return false, nil
	}
	return err == nil, err
}

// How a client that has shown an assertion comes back for its token: with a cookie that is good for a minute.
const (
	sessionSeal = "saml session"
	sessionMax  = time.Minute
)

type samlTicket struct {
	Token string    `json:"token"`
	Until time.Time `json:"until"`
}

// SealTicket makes of a token what its owner may show at once to be told it.
func (s *Service) SealTicket(ctx context.Context, t *Token) (string, error) {
	return s.sealValue(ctx, sessionSeal, samlTicket{Token: t.Value, Until: s.now().Add(sessionMax)})
}

// AdmitTicket answers the token of a ticket that is still good.
func (s *Service) AdmitTicket(ctx context.Context, sealed string) (*Token, error) {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	var session samlTicket
	if err := s.openValue(ctx, sessionSeal, sealed, &session); err != nil || s.now().After(session.Until) {
		return nil, refused()
	}
	t, err := s.Inspect(ctx, session.Token)
	if err != nil {
		return nil, refusedIfMissing(err)
	}
	t.Value = session.Token
	return t, nil
}
