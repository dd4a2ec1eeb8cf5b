package identity

import (
	"context"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Options are what an operator may set. The zero value is the default.
type Options struct {
	// TokenLifetime of a new token; 0 means 1 hour, and more than 24 hours is cut.
	TokenLifetime time.Duration
	// LockoutAttempts is how many wrong passwords in a row lock an account for LockoutDuration; 0: never.
	LockoutAttempts int
	LockoutDuration time.Duration // 0 means 30 minutes
	// UniquePasswords is how many of a user's last passwords the user cannot choose again.
	UniquePasswords int
	// PasswordLifetime after which a password must be changed; 0: never.
	PasswordLifetime time.Duration
	// PasswordPatterns must all match a new password; PasswordAdvice tells those whose password does not what to do.
	PasswordPatterns []*regexp.Regexp
	PasswordAdvice   string
	// PasswordMinAge is how long users must keep a password that they have chosen.
	PasswordMinAge time.Duration
	// ChangeOnFirstUse makes a password that an administrator has set good for nothing but to choose another.
	ChangeOnFirstUse bool
	// TrustedOrigins are the pages that a browser may carry a token to.
	TrustedOrigins []string
	// MembershipPause is how often a provider is asked what it says of a user now; 0 means 5 minutes.
	MembershipPause time.Duration
	// Hashing is the cost of a new password's hash; zero means DefaultHashing.
	Hashing Hashing
}

const (
	tokenLifetimeDefault = time.Hour
	tokenLifetimeMax     = 24 * time.Hour
	sealedMax            = SessionMax // nothing that the token keys seal is good for longer
	lockoutDefault       = 30 * time.Minute
	membershipDefault    = 5 * time.Minute
)

func (o Options) withDefaults() Options {
	if o.TokenLifetime <= 0 {
		o.TokenLifetime = tokenLifetimeDefault
	}
	o.TokenLifetime = min(o.TokenLifetime, tokenLifetimeMax)
	if o.LockoutDuration <= 0 {
		o.LockoutDuration = lockoutDefault
	}
	if o.MembershipPause <= 0 {
		o.MembershipPause = membershipDefault
	}
	if o.Hashing == (Hashing{}) {
		o.Hashing = DefaultHashing
	}
	return o
}

// Deps is what a Service needs.
type Deps struct {
	Domains            cloud.Records[cloud.Domain, cloud.DomainID]
	Projects           cloud.Records[cloud.Project, cloud.ProjectID]
	Users              cloud.Records[cloud.User, cloud.UserID]
	Groups             cloud.Records[cloud.Group, cloud.GroupID]
	Roles              cloud.Records[cloud.Role, cloud.RoleID]
	Assignments        cloud.Records[cloud.Assignment, string]
	Credentials        cloud.Records[cloud.ApplicationCredential, cloud.CredentialID]
	Secrets            cloud.Records[cloud.Secret, cloud.SecretID]
	Trusts             cloud.Records[cloud.Trust, cloud.TrustID]
	Applications       cloud.Records[cloud.Application, cloud.ApplicationID]
	DelegationRequests cloud.Records[cloud.DelegationRequest, cloud.DelegationRequestID]
	Delegations        cloud.Records[cloud.Delegation, cloud.DelegationID]
	UsedSignatures     cloud.Records[cloud.UsedSignature, string]
	RegisteredLimits   cloud.Records[cloud.RegisteredLimit, cloud.LimitID]
	Limits             cloud.Records[cloud.Limit, cloud.LimitID]
	PolicyDocuments    cloud.Records[cloud.PolicyDocument, cloud.PolicyDocumentID]
	Providers          cloud.Records[cloud.IdentityProvider, cloud.IdentityProviderID]
	Mappings           cloud.Records[cloud.Mapping, cloud.MappingID]
	Protocols          cloud.Records[cloud.Protocol, string]
	Standings          cloud.Records[cloud.Standing, string]
	ServiceProviders   cloud.Records[cloud.ServiceProvider, cloud.ServiceProviderID]
	Revocations        cloud.Records[cloud.Revocation, string]
	Settings           cloud.Records[cloud.Setting, cloud.SettingID]
	Tx                 cloud.Transactor
	SignIns            SignIns // nil: nobody accounts for them
	OpenID             OpenID  // nil: nobody signs in by OpenID
	Feeds              Feeds   // nil: there are none
	Web                Web     // nil: nothing is fetched
	Options            Options
	Log                *slog.Logger
	Clock              func() time.Time
}

// Service is the use cases. It is safe for use by many goroutines.
type Service struct {
	Deps
	// ProjectGone, if set, is called in the transaction that deletes a project, for what others keep by its id. While wiring only.
	ProjectGone func(ctx context.Context, id cloud.ProjectID) error

	hasher     *hasher
	keys       *keyring
	moments    *moments
	rules      *ruleCache
	accessKeys *keyCache
	accounts   *accountBook
	decoded    catalogCache
}

// New makes a Service. Call Bootstrap or Load before it is asked to issue or verify tokens.
func New(d Deps) *Service {
	d.Options = d.Options.withDefaults()
	if d.Clock == nil {
		d.Clock = time.Now
	}
	if d.Log == nil {
		d.Log = slog.Default()
	}
	return &Service{Deps: d, hasher: newHasher(d.Options.Hashing), keys: &keyring{},
		moments: newMoments(), rules: newRuleCache(), accessKeys: newKeyCache(), accounts: newAccountBook()}
}

// Load reads the token keys (making the first one, and the one that seals secrets) and the revocations. It may be called again.
func (s *Service) Load(ctx context.Context) error {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	if err := s.loadKeys(ctx); err != nil {
		return err
	}
	if err := s.makeSealingKey(ctx); err != nil {
		return err
	}
	if err := s.numberProjects(ctx); err != nil {
		return err
	}
	return s.loadRevocations(ctx)
}

// How often Run looks for what other processes have revoked, and sweeps.
const (
	refreshEvery = time.Second
	sweepEvery   = 10 * time.Minute
)

// Run keeps revocations and keys fresh until ctx ends: what other processes sharing
// the store did, keys that are due, rows that have expired.
func (s *Service) Run(ctx context.Context) {
	var watching sync.WaitGroup
	watching.Go(func() { s.watchMemberships(ctx) })
	defer watching.Wait()
	refresh, sweep := time.NewTicker(refreshEvery), time.NewTicker(sweepEvery)
	defer refresh.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-refresh.C:
			s.attempt("refresh revocations", s.Refresh(ctx))
		case <-sweep.C:
			s.attempt("rotate token keys", s.rotateDueKeys(ctx))
			s.attempt("sweep revocations", s.sweepRevocations(ctx))
			s.attempt("sweep trusts", s.sweepTrusts(ctx))
			s.attempt("sweep delegations", s.sweepDelegations(ctx))
			s.attempt("sweep standings", s.sweepStandings(ctx))
			s.attempt("renew metadata", s.refreshMetadata(ctx))
		}
	}
}

// attempt logs what failed in the background; it is tried again on the next tick.
func (s *Service) attempt(what string, err error) {
	if err != nil {
		s.Log.Warn("identity: cannot "+what, "error", err)
	}
}

func (s *Service) now() time.Time { return s.Clock().UTC() }
