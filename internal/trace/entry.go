package trace

import (
	"context"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Kinds of entries.
const (
	KindSignIn  = "sign-in"
	KindRequest = "request"
)

// Entry is one line of the log.
type Entry struct {
	Time         time.Time `json:"time"`
	Kind         string    `json:"kind"`
	RequestID    string    `json:"request_id,omitempty"`
	UserID       string    `json:"user_id,omitempty"`
	User         string    `json:"user,omitempty"` // the name
	DomainID     string    `json:"domain_id,omitempty"`
	ProviderID   string    `json:"provider,omitempty"`
	Protocol     string    `json:"protocol,omitempty"`
	FederatedID  string    `json:"federated_id,omitempty"` // the person's at the provider
	ProjectID    string    `json:"project_id,omitempty"`
	CredentialID string    `json:"credential_id,omitempty"` // the application credential's that was used
	From         string    `json:"from,omitempty"`          // the client's address
	Agent        string    `json:"agent,omitempty"`
	Method       string    `json:"method,omitempty"`
	Path         string    `json:"path,omitempty"`
	Status       int       `json:"status,omitempty"`
	Reason       string    `json:"reason,omitempty"` // why a sign-in was refused
}

// textMax bounds texts that strangers choose.
const textMax = 1 << 10 // bytes

func bounded(text string) string {
	if len(text) <= textMax {
		return text
	}
	return strings.ToValidUTF8(text[:textMax], "") + "…"
}

func (e *Entry) visit(v *cloud.Visit) {
	e.RequestID, e.From, e.Agent, e.Method, e.Path = v.RequestID, v.From, bounded(v.Agent), v.Method, bounded(v.Path)
}

// SignedIn writes a sign-in down, with where the request that ctx is of came from.
func (l *Log) SignedIn(ctx context.Context, s cloud.SignIn) {
	e := Entry{Time: l.now(), Kind: KindSignIn, UserID: string(s.UserID), User: bounded(s.UserName), DomainID: string(s.DomainID), ProjectID: string(s.ProjectID),
		ProviderID: string(s.ProviderID), Protocol: s.Protocol, FederatedID: bounded(s.UniqueID), Reason: bounded(s.Refused)}
	e.visit(cloud.VisitOf(ctx))
	l.add(e)
}

// Requested writes a request down that was answered.
func (l *Log) Requested(v *cloud.Visit, status int) {
	e := Entry{Time: l.now(), Kind: KindRequest, Status: status}
	e.visit(v)
	if p := v.Principal; p != nil {
		e.UserID, e.User, e.DomainID, e.ProjectID = string(p.UserID), p.UserName, string(p.UserDomainID), string(p.ProjectID)
		e.ProviderID, e.Protocol, e.CredentialID = string(p.ProviderID), p.Protocol, string(p.AppCredentialID)
	}
	l.add(e)
}
