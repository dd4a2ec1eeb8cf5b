package glance

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/vocabulary"
)

// Vocabularies is the use cases on metadata definitions. A vocabulary is called namespace here.
type Vocabularies interface {
	Create(ctx context.Context, r vocabulary.CreateRequest) (*cloud.Vocabulary, error)
	Vocabulary(ctx context.Context, name string) (*cloud.Vocabulary, error)
	Contents(ctx context.Context, name string) (*cloud.Vocabulary, []*cloud.Definition, error)
	List(ctx context.Context, f vocabulary.Filter) ([]*cloud.Vocabulary, error)
	Update(ctx context.Context, name string, f vocabulary.Facts) (*cloud.Vocabulary, error)
	Delete(ctx context.Context, name string) error
	Known(ctx context.Context) ([]*cloud.TargetKind, error)
	Associate(ctx context.Context, name string, t cloud.Target) (cloud.Target, error)
	Dissociate(ctx context.Context, name, kind string) error
	Define(ctx context.Context, name string, d cloud.Definition) (*cloud.Definition, error)
	Defined(ctx context.Context, name string, kind cloud.DefinitionKind, p vocabulary.Page) ([]*cloud.Definition, error)
	Definition(ctx context.Context, name string, kind cloud.DefinitionKind, word string) (*cloud.Definition, error)
	PropertyOn(ctx context.Context, name, kind, word string) (*cloud.Definition, error)
	Redefine(ctx context.Context, name, word string, to cloud.Definition) (*cloud.Definition, error)
	SetTags(ctx context.Context, name string, names []string, more bool) error
	Undefine(ctx context.Context, name string, kind cloud.DefinitionKind, word string) error
	UndefineAll(ctx context.Context, name string, kind cloud.DefinitionKind) error
}

const (
	namespacesPath = "/v2/metadefs/namespaces"
	namespacePath  = namespacesPath + "/{namespace}"
)

func (a *api) namespaceRoutes(s *openstack.Service) {
	s.Handle("GET "+namespacesPath, a.listNamespaces)
	s.Handle("POST "+namespacesPath, a.createNamespace)
	s.Handle("GET "+namespacePath, a.showNamespace)
	s.Handle("PUT "+namespacePath, a.updateNamespace)
	s.Handle("DELETE "+namespacePath, a.deleteNamespace)
	s.Handle("GET /v2/metadefs/resource_types", a.resourceTypes)
	s.Handle("GET "+namespacePath+"/resource_types", a.listAssociations)
	s.Handle("POST "+namespacePath+"/resource_types", a.associate)
	s.Handle("DELETE "+namespacePath+"/resource_types/{type}", a.dissociate)
}

func namespace(r *http.Request) string { return r.PathValue("namespace") }

func (a *api) createNamespace(w http.ResponseWriter, r *http.Request) error {
	body, err := readNamespace(r)
	if err != nil {
		return err
	}
	q := body.request()
	v, err := a.vocabularies.Create(r.Context(), q)
	if err != nil {
		return err
	}
	view := viewContents(v, q.Definitions, "")
	w.Header().Set("Location", openstack.BaseURL(r)+prefix+namespaceLink(v.Name))
	return openstack.WriteJSON(w, http.StatusCreated, view)
}

func (a *api) showNamespace(w http.ResponseWriter, r *http.Request) error {
	v, definitions, err := a.vocabularies.Contents(r.Context(), namespace(r))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, viewContents(v, definitions, r.URL.Query().Get("resource_type")))
}

func (a *api) updateNamespace(w http.ResponseWriter, r *http.Request) error {
	body, err := readNamespace(r)
	if err != nil {
		return err
	}
	v, err := a.vocabularies.Update(r.Context(), namespace(r), body.facts())
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, viewNamespace(v))
}

func (a *api) deleteNamespace(w http.ResponseWriter, r *http.Request) error {
	if err := a.vocabularies.Delete(r.Context(), namespace(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) listNamespaces(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	f, err := namespaceFilter(q)
	if err != nil {
		return err
	}
	var found []*cloud.Vocabulary
	if f.Limit > 0 { // as with images, 0 is none
		if found, err = a.vocabularies.List(r.Context(), f); err != nil {
			return err
		}
	}
	views := make([]any, len(found))
	last := ""
	for n, v := range found {
		views[n], last = viewNamespace(v), v.Name
	}
	body := collection(namespacesPath, q, len(found) == f.Limit, last)
	body["namespaces"], body["schema"] = views, "/v2/schemas/metadefs/namespaces"
	return openstack.WriteJSON(w, http.StatusOK, body)
}

var namespaceSortColumns = openstack.SortColumns{"namespace": "name", "created_at": "created_at", "updated_at": "updated_at"}

func namespaceFilter(q url.Values) (f vocabulary.Filter, err error) {
	f.After, f.Visibility = q.Get("marker"), cloud.Visibility(q.Get("visibility"))
	if f.Visibility != "" && f.Visibility != cloud.VisibilityPublic && f.Visibility != cloud.VisibilityPrivate {
		return f, cloud.Invalidf("namespace", "visibility", "Invalid visibility value: %s", f.Visibility)
	}
	if types := q.Get("resource_types"); types != "" {
		f.Kinds = strings.Split(types, ",")
	}
	if f.Limit, err = limitOf(q); err != nil {
		return f, err
	}
	f.Order, err = openstack.SortDescending(q, namespaceSortColumns)
	return f, err
}

// collection begins the body of a list with the links to its first and, if this page is full, its next page.
func collection(path string, q url.Values, full bool, last string) map[string]any {
	q.Del("marker")
	body := map[string]any{"first": pathWith(path, q)}
	if full && last != "" {
		q.Set("marker", last)
		body["next"] = pathWith(path, q)
	}
	return body
}

func namespaceLink(name string) string { return namespacesPath + "/" + url.PathEscape(name) }
