package ec2

import "context"

// Perform answers a call whose caller is ctx's, in its envelope.
func (h *Handler) Perform(ctx context.Context, call *Call) ([]byte, error) {
	content, err := h.perform(context.WithValue(ctx, callKey{}, call), call)
	return envelope(call.Action, "id", content), err
}

// FaultOf is what clients are told of an error.
func FaultOf(err error) (code, message string) {
	f := ofError(err)
	return f.code, f.message
}

// Actions are the actions that have a handler.
func (h *Handler) Actions() map[string]*action { return h.actions }
