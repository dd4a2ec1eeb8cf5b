package identity

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/openid"
)

// Journey is a sign-in by a browser that is on its way: to the provider, and back to who sent it here.
type Journey struct {
	ProviderID cloud.IdentityProviderID `json:"provider"`
	Protocol   string                   `json:"protocol"`
	Origin     string                   `json:"origin,omitempty"` // the page that gets the token; empty: a client at a terminal
	Begun      time.Time                `json:"begun"`
	Pending    openid.Pending           `json:"pending,omitzero"`
	Entity     string                   `json:"entity,omitempty"` // of a feed, that the person chose
	RequestID  string                   `json:"request_id,omitempty"`
}

// JourneyMax is how long one may take.
const JourneyMax = 10 * time.Minute

// Departure is how a browser sets out.
type Departure struct {
	URL  string            // where it goes
	Form map[string]string // what it posts there; nil: nothing
	// State comes back with it. Sealed must come back too, and only from this browser: keep it in a cookie that State names.
	State, Sealed string
}

// journeySeal names what a journey is sealed for.
const journeySeal = "browser sign-in"

// CheckOrigin refuses a page that is not trusted with tokens. The case of its host does not matter.
//
// Source: Keystone's [federation] trusted_dashboard.
func (s *Service) CheckOrigin(origin string) error {
	if origin == "" {
		return cloud.Invalidf("request", "origin", "Request must have an origin query parameter.")
	}
	if !slices.ContainsFunc(s.Options.TrustedOrigins, func(t string) bool { return sameOrigin(t, origin) }) {
		no := s.turnedAway("tokens are not handed to this page; see trusted_dashboards", "origin", origin)
		no.Message = "'" + origin + "' is not a trusted dashboard host."
		return no
	}
	return nil
}

func sameOrigin(a, b string) bool {
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	if errA != nil || errB != nil {
		return false
	}
	ua.Host, ub.Host = strings.ToLower(ua.Host), strings.ToLower(ub.Host)
	return *ua == *ub
}

// Ways lists the providers that somebody can sign in by with a protocol.
func (s *Service) Ways(ctx context.Context, protocol string) ([]*cloud.IdentityProvider, error) {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	ways, err := s.Protocols.List(ctx, cloud.Query{}, func(p *cloud.Protocol) bool { return p.Name == protocol })
	if err != nil || len(ways) == 0 {
		return nil, err
	}
	ids := make([]cloud.IdentityProviderID, len(ways))
	for i, p := range ways {
		ids[i] = p.ProviderID
	}
	return s.Providers.List(ctx, cloud.Where(cloud.In("id", ids), cloud.Eq("enabled", true)))
}

// Depart sends a browser to a provider, which sends it back: to redirect, or, by SAML, to at.ACS.
func (s *Service) Depart(ctx context.Context, j Journey, redirect string, at Site) (*Departure, error) {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	if err := s.CheckOrigin(j.Origin); err != nil {
		return nil, err
	}
	p, _, err := s.way(ctx, j.ProviderID, j.Protocol)
	if err != nil {
		return nil, err
	}
	j.Begun = s.now()
	if bySAML(p, j.Protocol) {
		return s.departSAML(ctx, p, j, at)
	}
	settings, err := s.openIDSettings(ctx, p, "")
	if err != nil {
		return nil, err
	}
	d := &Departure{}
	if d.URL, j.Pending, err = s.OpenID.Begin(ctx, settings, redirect); err != nil {
		return nil, s.notVouched(p, j.Protocol, err)
	}
	d.State = j.Pending.State
	d.Sealed, err = s.sealValue(ctx, journeySeal, j)
	return d, err
}

// resume goes on with a journey, if this cloud let it begin and it may still be made: the page that gets the token may have lost
// its trust meanwhile.
func (s *Service) resume(ctx context.Context, sealed string) (j Journey, p *cloud.IdentityProvider, err error) {
	if err := s.openValue(ctx, journeySeal, sealed, &j); err != nil {
		return Journey{}, nil, s.turnedAway("a browser came back that had not set out", "error", err)
	}
	if s.now().Sub(j.Begun) > JourneyMax {
		return j, nil, s.turnedAway("it took too long", "provider", j.ProviderID, "begun", j.Begun)
	}
	if j.Origin != "" {
		if err := s.CheckOrigin(j.Origin); err != nil {
			return j, nil, err
		}
	}
	p, _, err = s.way(ctx, j.ProviderID, j.Protocol)
	return j, p, err
}

// Arrive ends a journey by OpenID: answer is what the provider gave the browser, sealed what it kept.
func (s *Service) Arrive(ctx context.Context, sealed, redirect string, answer url.Values) (t *Token, origin string, err error) {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	j, p, err := s.resume(ctx, sealed)
	defer func() { s.account(ctx, cloud.SignIn{ProviderID: j.ProviderID, Protocol: j.Protocol}, t, err) }()
	if err != nil {
		return nil, "", err
	}
	settings, err := s.openIDSettings(ctx, p, j.Pending.Issuer)
	if err != nil {
		return nil, "", err
	}
	person, err := s.OpenID.Finish(ctx, settings, redirect, j.Pending, answer)
	if err != nil {
		return nil, "", s.notVouched(p, j.Protocol, err)
	}
	said, err := s.saidBy(j.ProviderID, j.Protocol, person, Proof{Issuer: settings.Issuer})
	if err != nil {
		return nil, "", err
	}
	if said.Proof.Refresh == "" {
		said.Proof = Proof{}
	}
	t, err = s.Admit(ctx, said)
	return t, j.Origin, err
}
