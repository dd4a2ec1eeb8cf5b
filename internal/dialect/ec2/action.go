package ec2

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/wire/awsquery"
	"github.com/nubo-cloud/nubo/internal/idempotency"
)

// action is one line of a family's table.
type action struct {
	name    string
	request reflect.Type
	// taken are the members that may be given, by their names in requests; true: with an effect.
	taken  map[string]bool
	tokens bool // it has a ClientToken
	run    func(ctx context.Context, call *Call) ([]byte, error)
}

// serve makes an action that answers something. Members are the fields of its request that mean something here, those behind
// "-" may be given without effect; DryRun and ClientToken need no mention.
func serve[In, Out any](name string, handle func(ctx context.Context, in *In) (*Out, error), members ...string) *action {
	act := newAction(name, reflect.TypeFor[In](), members)
	act.run = func(ctx context.Context, call *Call) ([]byte, error) {
		in := new(In)
		if err := awsquery.Decode(call.Parameters, in); err != nil {
			return nil, err
		}
		out, err := handle(ctx, in)
		if err != nil {
			return nil, err
		}
		return awsquery.Append(nil, out), nil
	}
	return act
}

// done makes an action whose answer is that it was done.
func done[In any](name string, handle func(ctx context.Context, in *In) error, members ...string) *action {
	type nothing struct{}
	act := serve(name, func(ctx context.Context, in *In) (*nothing, error) { return &nothing{}, handle(ctx, in) }, members...)
	run := act.run
	act.run = func(ctx context.Context, call *Call) ([]byte, error) {
		if _, err := run(ctx, call); err != nil {
			return nil, err
		}
		return []byte("<return>true</return>"), nil
	}
	return act
}

func newAction(name string, request reflect.Type, members []string) *action {
	act := &action{name: name, request: request, taken: map[string]bool{}}
	if f, ok := request.FieldByName("ClientToken"); ok {
		act.tokens = true
		act.taken[f.Tag.Get("query")] = true
	}
	if f, ok := request.FieldByName("DryRun"); ok {
		act.taken[f.Tag.Get("query")] = true
	}
	for _, field := range strings.Fields(strings.Join(members, " ")) {
		bare := strings.TrimPrefix(field, "-")
		f, ok := request.FieldByName(bare)
		if !ok {
			panic(fmt.Sprintf("ec2: the request of %s has no member %s", name, bare))
		}
		act.taken[f.Tag.Get("query")] = bare == field
	}
	return act
}

// check refuses members that mean nothing here, and the lack of those that must be. A switch that is off asks for nothing: some
// clients name all that there are.
func (act *action) check(call *Call) error {
	given := awsquery.Given(call.Parameters)
	for _, name := range awsquery.Members(act.request) {
		if _, taken := act.taken[name]; given[name] && !taken && !awsquery.Off(call.Parameters, name) {
			return unsupported("The parameter %s is not supported by this cloud.", name)
		}
	}
	if name := awsquery.Missing(act.request, given); name != "" {
		return missingParameter(name)
	}
	return nil
}

var errRehearsed = errors.New("everything went well and is undone")

// rehearse does all that the action does, in a transaction that is undone.
func (a *api) rehearse(ctx context.Context, act *action, call *Call) error {
	err := a.Network.Together(ctx, func(ctx context.Context) error {
		if _, err := act.run(ctx, call); err != nil {
			return err
		}
		return errRehearsed
	})
	if errors.Is(err, errRehearsed) {
		return dryRun()
	}
	return err
}

// once answers a request with a token as it was answered first.
func (a *api) once(ctx context.Context, act *action, call *Call) ([]byte, error) {
	r := idempotency.Request{Scope: "ec2 " + act.name, Key: call.Parameters.Get("ClientToken"), Body: []byte(call.Parameters.Encode())}
	answer, err := a.Repeats.Once(ctx, r, func(ctx context.Context) ([]byte, error) { return act.run(ctx, call) })
	if e, ok := cloud.AsError(err); ok && e.Kind == cloud.Conflict && e.Resource == "request" {
		return nil, mismatch()
	}
	return answer, err
}
