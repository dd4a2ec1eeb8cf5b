package keystone

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// An application is called a consumer here (OS-OAUTH1).

func (a *api) consumerRoutes() {
	a.Handle("GET /v3/OS-OAUTH1/consumers", a.listConsumers)
	a.Handle("POST /v3/OS-OAUTH1/consumers", a.createConsumer)
	a.Handle("GET /v3/OS-OAUTH1/consumers/{consumer}", a.showConsumer)
	a.Handle("PATCH /v3/OS-OAUTH1/consumers/{consumer}", a.updateConsumer)
	a.Handle("DELETE /v3/OS-OAUTH1/consumers/{consumer}", a.empty(a.deleteConsumer))
}

func consumerID(r *http.Request) cloud.ApplicationID {
	return cloud.ApplicationID(r.PathValue("consumer"))
}

func (a *api) consumerObject(r *http.Request) func(*cloud.Application) object {
	return func(c *cloud.Application) object {
		return object{"id": string(c.ID), "description": c.Description, "links": a.self(r, "OS-OAUTH1", "consumers", string(c.ID))}
	}
}

// consumerDescription is all that a client says of a consumer.
func consumerDescription(r *http.Request) (*string, error) {
	f, err := read(r, "consumer")
	if err != nil {
		return nil, err
	}
	description := take[string](f, "description")
	return description, f.done()
}

func (a *api) listConsumers(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	list, err := a.identity.ListApplications(r.Context(), f)
	if err != nil {
		return err
	}
	return a.list(w, r, "consumers", each(list, a.consumerObject(r)), f.Limit)
}

// createConsumer is the only one to tell the secret.
func (a *api) createConsumer(w http.ResponseWriter, r *http.Request) error {
	description, err := consumerDescription(r)
	if err != nil {
		return err
	}
	var c cloud.Application
	put(&c.Description, description)
	made, secret, err := a.identity.CreateApplication(r.Context(), c)
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "consumer", with(a.consumerObject(r)(made), object{"secret": secret}))
}

func (a *api) showConsumer(w http.ResponseWriter, r *http.Request) error {
	c, err := a.identity.Application(r.Context(), consumerID(r))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "consumer", a.consumerObject(r)(c))
}

func (a *api) updateConsumer(w http.ResponseWriter, r *http.Request) error {
	description, err := consumerDescription(r)
	if err != nil {
		return err
	}
	c, err := a.identity.UpdateApplication(r.Context(), consumerID(r), description)
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "consumer", a.consumerObject(r)(c))
}

func (a *api) deleteConsumer(r *http.Request) error {
	return a.identity.DeleteApplication(r.Context(), consumerID(r))
}
