package placement

import (
	"net/http"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/inventory"
)

func (a *api) class(name string) map[string]any {
	return map[string]any{"name": name, "links": []any{map[string]any{"rel": "self", "href": a.Prefix + "/resource_classes/" + name}}}
}

func (a *api) listClasses(w http.ResponseWriter, r *http.Request) error {
	list, err := a.Inventory.ListWords(r.Context(), cloud.WordClass)
	if err != nil {
		return err
	}
	out := make([]any, len(list))
	for i, c := range list {
		out[i] = a.class(c.Name)
	}
	return write(w, r, http.StatusOK, lastOf(list), map[string]any{"resource_classes": out})
}

func (a *api) showClass(w http.ResponseWriter, r *http.Request) error {
	c, err := a.Inventory.Word(r.Context(), cloud.WordClass, r.PathValue("name"))
	if err != nil {
		return err
	}
	return write(w, r, http.StatusOK, c.UpdatedAt, a.class(c.Name))
}

func (a *api) createClass(w http.ResponseWriter, r *http.Request) error {
	name, err := decodeName(r)
	if err != nil {
		return err
	}
	made, err := a.Inventory.AddWord(r.Context(), cloud.WordClass, name)
	if err != nil {
		return err
	}
	if !made {
		return cloud.Errorf(cloud.AlreadyExists, "class", name, "Conflicting resource class already exists: %s", name)
	}
	return a.madeWord(w, r, "/resource_classes/", name, true)
}

func decodeName(r *http.Request) (string, error) {
	var body struct {
		Name string `json:"name"`
	}
	return body.Name, openstack.DecodeStrict(r, &body)
}

// madeWord answers the making of a word: 201, or 204 if it was there already.
func (a *api) madeWord(w http.ResponseWriter, r *http.Request, path, name string, made bool) error {
	w.Header().Set("Location", openstack.BaseURL(r)+a.Prefix+path+name)
	status := http.StatusNoContent
	if made {
		status = http.StatusCreated
	}
	return writeEmpty(w, r, status)
}

// putClass makes the class from 1.7 on; before, it renamed one.
func (a *api) putClass(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if atLeast(r, 7) {
		made, err := a.Inventory.AddWord(r.Context(), cloud.WordClass, name)
		if err != nil {
			return err
		}
		return a.madeWord(w, r, "/resource_classes/", name, made)
	}
	to, err := decodeName(r)
	if err != nil {
		return err
	}
	if err := a.Inventory.RenameWord(r.Context(), name, to); err != nil {
		return err
	}
	return write(w, r, http.StatusOK, zeroTime, a.class(to))
}

func (a *api) deleteClass(w http.ResponseWriter, r *http.Request) error {
	if err := a.Inventory.RemoveWord(r.Context(), cloud.WordClass, r.PathValue("name")); err != nil {
		return err
	}
	return writeEmpty(w, r, http.StatusNoContent)
}

// listTraits takes name=in:A,B or startswith:A, and associated=true for those that a provider has.
func (a *api) listTraits(w http.ResponseWriter, r *http.Request) error {
	if err := onlyKeys(r, "name", "associated"); err != nil {
		return err
	}
	keep, err := traitFilter(r)
	if err != nil {
		return err
	}
	list, err := a.Inventory.ListWords(r.Context(), cloud.WordTrait)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(t *cloud.Word) bool { return !keep(t.Name) })
	if text := r.URL.Query().Get("associated"); text != "" {
		on, err := openstack.ParseBool("associated", text)
		if err != nil {
			return err
		}
		held, err := a.heldTraits(r)
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(t *cloud.Word) bool { return held[t.Name] != on })
	}
	names := make([]string, len(list))
	for i, t := range list {
		names[i] = t.Name
	}
	return write(w, r, http.StatusOK, lastOf(list), map[string]any{"traits": names})
}

func traitFilter(r *http.Request) (func(string) bool, error) {
	text := r.URL.Query().Get("name")
	if text == "" {
		return func(string) bool { return true }, nil
	}
	if list, ok := strings.CutPrefix(text, "in:"); ok {
		names := strings.Split(list, ",")
		return func(name string) bool { return slices.Contains(names, name) }, nil
	}
	if prefix, ok := strings.CutPrefix(text, "startswith:"); ok {
		return func(name string) bool { return strings.HasPrefix(name, prefix) }, nil
	}
	return nil, cloud.Invalidf("request", "name", "Badly formatted name parameter. Expected name query string parameter in form: ?name=[in|startswith]:[name1,name2|prefix]. Got: \"%s\"", text)
}

func (a *api) heldTraits(r *http.Request) (map[string]bool, error) {
	list, err := a.Inventory.ListProviders(r.Context(), inventory.Filter{})
	held := map[string]bool{}
	for _, v := range list {
		for _, t := range v.Traits {
			held[t] = true
		}
	}
	return held, err
}

func (a *api) showTrait(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.Inventory.Word(r.Context(), cloud.WordTrait, r.PathValue("name")); err != nil {
		return err
	}
	return writeEmpty(w, r, http.StatusNoContent)
}

func (a *api) putTrait(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	made, err := a.Inventory.AddWord(r.Context(), cloud.WordTrait, name)
	if err != nil {
		return err
	}
	return a.madeWord(w, r, "/traits/", name, made)
}

func (a *api) deleteTrait(w http.ResponseWriter, r *http.Request) error {
	if err := a.Inventory.RemoveWord(r.Context(), cloud.WordTrait, r.PathValue("name")); err != nil {
		return err
	}
	return writeEmpty(w, r, http.StatusNoContent)
}

func (a *api) providerTraits(w http.ResponseWriter, r *http.Request, v *inventory.View) error {
	return write(w, r, http.StatusOK, v.UpdatedAt, map[string]any{"traits": texts(v.Traits), "resource_provider_generation": v.Generation})
}

func (a *api) listProviderTraits(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Inventory.Provider(r.Context(), providerID(r))
	if err != nil {
		return err
	}
	return a.providerTraits(w, r, v)
}

func (a *api) replaceProviderTraits(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		generated
		Traits *[]string `json:"traits"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	generation, err := body.check()
	if err != nil {
		return err
	}
	if body.Traits == nil {
		return cloud.Invalidf("request", "traits", "JSON does not validate: 'traits' is a required property")
	}
	v, err := a.Inventory.SetTraits(r.Context(), providerID(r), &generation, *body.Traits)
	if err != nil {
		return err
	}
	return a.providerTraits(w, r, v)
}

func (a *api) deleteProviderTraits(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.Inventory.SetTraits(r.Context(), providerID(r), nil, nil); err != nil {
		return err
	}
	return writeEmpty(w, r, http.StatusNoContent)
}
