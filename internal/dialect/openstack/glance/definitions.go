package glance

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/vocabulary"
)

// family is the definitions of one kind: their place in the paths, and how they are read and shown.
type family struct {
	vocabularies Vocabularies
	kind         cloud.DefinitionKind
	plural       string
	read         func(r *http.Request) (cloud.Definition, error)
	view         func(namespace string, d *cloud.Definition) map[string]any
}

func (a *api) definitionRoutes(s *openstack.Service) {
	objects := family{a.vocabularies, cloud.DefinitionGroup, "objects", readObject, viewObject}
	properties := family{a.vocabularies, cloud.DefinitionProperty, "properties", readProperty, viewProperty}
	tags := family{a.vocabularies, cloud.DefinitionTag, "tags", readTag, viewTag}
	for _, f := range []family{objects, properties, tags} {
		all := namespacePath + "/" + f.plural
		s.Handle("DELETE "+all, f.deleteAll)
		s.Handle("GET "+all+"/{name}", f.show)
		s.Handle("PUT "+all+"/{name}", f.update)
		s.Handle("DELETE "+all+"/{name}", f.delete)
	}
	s.Handle("GET "+namespacePath+"/objects", objects.list)
	s.Handle("POST "+namespacePath+"/objects", objects.create)
	s.Handle("GET "+namespacePath+"/properties", a.listProperties)
	s.Handle("POST "+namespacePath+"/properties", properties.create)
	s.Handle("GET "+namespacePath+"/tags", tags.list)
	s.Handle("POST "+namespacePath+"/tags", a.setTags)
	tags.read = tagOfPath
	s.Handle("POST "+namespacePath+"/tags/{name}", tags.create)
}

func (f family) create(w http.ResponseWriter, r *http.Request) error {
	d, err := f.read(r)
	if err != nil {
		return err
	}
	made, err := f.vocabularies.Define(r.Context(), namespace(r), d)
	if err != nil {
		return err
	}
	w.Header().Set("Location", openstack.BaseURL(r)+prefix+namespaceLink(namespace(r))+"/"+f.plural+"/"+url.PathEscape(made.Name))
	return openstack.WriteJSON(w, http.StatusCreated, f.view(namespace(r), made))
}

func (f family) show(w http.ResponseWriter, r *http.Request) error {
	d, err := f.find(r)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, f.view(namespace(r), d))
}

// find looks a definition up; a property may be named as resources of a type have it.
func (f family) find(r *http.Request) (*cloud.Definition, error) {
	name := r.PathValue("name")
	if on := r.URL.Query().Get("resource_type"); on != "" && f.kind == cloud.DefinitionProperty {
		return f.vocabularies.PropertyOn(r.Context(), namespace(r), on, name)
	}
	return f.vocabularies.Definition(r.Context(), namespace(r), f.kind, name)
}

func (f family) update(w http.ResponseWriter, r *http.Request) error {
	d, err := f.read(r)
	if err != nil {
		return err
	}
	changed, err := f.vocabularies.Redefine(r.Context(), namespace(r), r.PathValue("name"), d)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, f.view(namespace(r), changed))
}

func (f family) delete(w http.ResponseWriter, r *http.Request) error {
	if err := f.vocabularies.Undefine(r.Context(), namespace(r), f.kind, r.PathValue("name")); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (f family) deleteAll(w http.ResponseWriter, r *http.Request) error {
	if err := f.vocabularies.UndefineAll(r.Context(), namespace(r), f.kind); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

var definitionSortColumns = openstack.SortColumns{"name": "name", "created_at": "created_at", "updated_at": "updated_at"}

func (f family) list(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	page, err := definitionPage(q)
	if err != nil {
		return err
	}
	var found []*cloud.Definition
	if page.Limit > 0 {
		found, err = f.vocabularies.Defined(r.Context(), namespace(r), f.kind, page)
	} else { // nothing is asked for, but of a namespace that must be there
		_, err = f.vocabularies.Vocabulary(r.Context(), namespace(r))
	}
	if err != nil {
		return err
	}
	views := make([]any, len(found))
	last := ""
	for n, d := range found {
		views[n], last = f.view(namespace(r), d), d.Name
	}
	body := collection(namespaceLink(namespace(r))+"/"+f.plural, q, len(found) == page.Limit, last)
	body[f.plural], body["schema"] = views, "/v2/schemas/metadefs/"+f.plural
	return openstack.WriteJSON(w, http.StatusOK, body)
}

func definitionPage(q url.Values) (p vocabulary.Page, err error) {
	p.After = q.Get("marker")
	if p.Limit, err = limitOf(q); err != nil {
		return p, err
	}
	p.Order, err = openstack.SortDescending(q, definitionSortColumns)
	return p, err
}

// listProperties answers all properties by name. There is no paging of them.
func (a *api) listProperties(w http.ResponseWriter, r *http.Request) error {
	found, err := a.vocabularies.Defined(r.Context(), namespace(r), cloud.DefinitionProperty, vocabulary.Page{})
	if err != nil {
		return err
	}
	properties := make(map[string]json.RawMessage, len(found))
	for _, d := range found {
		properties[d.Name] = d.Schema
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"properties": properties})
}

// setTags replaces all tags, or adds to them if a header says so.
func (a *api) setTags(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Tags []tagBody `json:"tags"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	if body.Tags == nil {
		return cloud.Invalidf("namespace", "tags", "'tags' is a required property")
	}
	names, views := make([]string, len(body.Tags)), make([]any, len(body.Tags))
	for n, t := range body.Tags {
		names[n], views[n] = t.Name, map[string]any{"name": t.Name}
	}
	more := strings.EqualFold(r.Header.Get("X-Openstack-Append"), "true")
	if err := a.vocabularies.SetTags(r.Context(), namespace(r), names, more); err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusCreated, map[string]any{"tags": views})
}

func readObject(r *http.Request) (cloud.Definition, error) {
	var body objectBody
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return cloud.Definition{}, err
	}
	return body.definition(), body.refuse()
}

func readTag(r *http.Request) (cloud.Definition, error) {
	var body tagBody
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return cloud.Definition{}, err
	}
	return body.definition(), body.refuse()
}

func tagOfPath(r *http.Request) (cloud.Definition, error) {
	return tagBody{Name: r.PathValue("name")}.definition(), nil
}

// readProperty reads a schema with a name in it.
func readProperty(r *http.Request) (d cloud.Definition, err error) {
	var body map[string]json.RawMessage
	if err = openstack.Decode(r, &body); err != nil {
		return d, err
	}
	for _, key := range []string{"created_at", "updated_at"} {
		if body[key] != nil {
			return d, errReadOnly(key)
		}
	}
	d.Kind = cloud.DefinitionProperty
	if json.Unmarshal(body["name"], &d.Name) != nil {
		return d, cloud.Invalidf("namespace", "name", "'name' is a required property, and a string")
	}
	delete(body, "name")
	d.Schema, err = json.Marshal(body)
	return d, err
}
