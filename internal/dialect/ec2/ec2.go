package ec2

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/idempotency"
	"github.com/nubo-cloud/nubo/internal/image"
	"github.com/nubo-cloud/nubo/internal/network"
	"github.com/nubo-cloud/nubo/internal/quota"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// Deps is what the dialect stands on.
type Deps struct {
	Keys    Keys
	Compute *compute.Service
	Network *network.Service
	Volumes *volume.Service
	Images  *image.Service
	Quota   *quota.Service
	Repeats Repeats
	// STS answers the actions of the token service, which clients ask at the same address.
	STS    TokenService
	Log    *slog.Logger
	Config Config
}

// Config is what an operator may choose.
type Config struct {
	// Regions are names that all mean this cloud; the first is shown. A request signed for another is refused.
	Regions []string
	// Version2 also takes signatures of version 2, which do not protect the request's method and headers.
	Version2 bool
	// Types are further names of flavors: instance type to flavor name.
	Types map[string]string
}

// Repeats remembers the answers of requests that may be sent again. Package idempotency implements it.
type Repeats interface {
	Once(ctx context.Context, r idempotency.Request, create func(ctx context.Context) ([]byte, error)) ([]byte, error)
}

// TokenService is the dialect's other half. Answer is told the caller, nil for an action that is not signed.
type TokenService interface {
	// Unsigned tells whether an action needs no signature, Has whether there is such an action.
	Has(action string) (has, unsigned bool)
	ServeAction(w http.ResponseWriter, r *http.Request, call Call)
	// Fail writes an error in the service's own form.
	Fail(w http.ResponseWriter, r *http.Request, err error)
}

type api struct {
	Deps
	actions map[string]*action
}

// Handler is the API. It has to see requests as clients sent them: the path is signed.
type Handler struct{ *api }

// New makes the API.
func New(d Deps) *Handler {
	a := &api{Deps: d, actions: map[string]*action{}}
	for _, family := range a.families() {
		for _, act := range family {
			if a.actions[act.name] != nil {
				panic("ec2: two handlers of " + act.name)
			}
			a.actions[act.name] = act
		}
	}
	return &Handler{a}
}

// families are the tables of actions, one per noun.
func (a *api) families() [][]*action {
	return [][]*action{
		a.placeActions(), a.keyActions(), a.tagActions(), a.emptyActions(),
		a.instanceActions(), a.powerActions(), a.typeActions(), a.runActions(), a.attributeActions(), a.optionActions(), a.templateActions(),
		a.vpcActions(), a.subnetActions(), a.routeActions(), a.gatewayActions(), a.natActions(),
		a.aclActions(), a.optionsActions(), a.peeringActions(),
		a.volumeActions(), a.snapshotActions(), a.imageActions(), a.importActions(),
		a.customerGatewayActions(), a.vpnGatewayActions(), a.vpnConnectionActions(),
		a.addressActions(), a.interfaceActions(), a.groupActions(),
	}
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := cloud.NewID()
	w.Header().Set("X-Amzn-Requestid", id)
	cloud.VisitOf(r.Context()).RequestID = id
	defer h.recovered(w, r)
	call, err := h.read(r)
	if err != nil {
		h.fail(w, r, call, err)
		return
	}
	if has, unsigned := h.tokenAction(call); has {
		h.serveTokens(w, r, call, unsigned)
		return
	}
	answer, err := h.answer(r, &call)
	if err != nil {
		h.fail(w, r, call, err)
		return
	}
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	_, _ = w.Write(envelope(call.Action, id, answer)) // the asker is gone: nobody to tell
}

func (h *Handler) recovered(w http.ResponseWriter, r *http.Request) {
	if p := recover(); p != nil {
		h.Log.Error("a handler panicked", "panic", p, "stack", string(debug.Stack()))
		h.fail(w, r, Call{}, cloud.Errorf(cloud.Internal, "request", "", "An internal error has occurred."))
	}
}

// answer is the content of the answer's element, in XML.
func (a *api) answer(r *http.Request, call *Call) ([]byte, error) {
	ctx, err := a.admit(r, call)
	if err != nil {
		return nil, err
	}
	return a.perform(ctx, call)
}

// perform answers a call whose caller is known.
func (a *api) perform(ctx context.Context, call *Call) ([]byte, error) {
	act := a.actions[call.Action]
	if act == nil {
		return nil, unknownAction(call.Action)
	}
	if err := act.check(call); err != nil {
		return nil, err
	}
	switch {
	case call.Parameters.Get("DryRun") == "true":
		return nil, a.rehearse(ctx, act, call)
	case call.Parameters.Get("ClientToken") != "" && act.tokens:
		return a.once(ctx, act, call)
	}
	return act.run(ctx, call)
}

// unknownAction tells an action that there is elsewhere from one that there is nowhere.
func unknownAction(name string) error {
	if name == "" {
		return missingAction()
	}
	if _, known := slices.BinarySearch(shape.Unserved, name); known {
		return unsupported("The action %s is not supported by this cloud.", name)
	}
	return invalidAction(name)
}

func envelope(action, id string, content []byte) []byte {
	b := make([]byte, 0, len(content)+256)
	b = append(b, `<?xml version="1.0" encoding="UTF-8"?>`+"\n<"+action+`Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>`+id+"</requestId>"...)
	b = append(b, content...)
	return append(b, "</"+action+"Response>"...)
}
