package neutron

import (
	"context"
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

// object is a resource as clients see it.
type object map[string]any

// resource is a kind of noun: how it is found, filtered and shown.
type resource[T any, ID ~string] struct {
	one, many string // keys in bodies: "security_group", "security_groups"
	path      string // "/v2.0/security-groups"
	filters   filters[T]
	lookups   lookups[T]
	sort      openstack.SortColumns
	list      func(context.Context, cloud.Query, ...func(*T) bool) ([]*T, error)
	get       func(context.Context, ID) (*T, error)
	remove    func(context.Context, ID) error
	id        func(*T) ID
	show      func(context.Context, []*T) ([]object, error)
	// tags reads the tags, setTags replaces them; nil: the noun has none.
	tags    func(*T) []string
	setTags func(context.Context, ID, []string) error
}

// routes adds what all resources have alike.
func routes[T any, ID ~string](a *api, s *openstack.Service, r resource[T, ID]) {
	s.Handle("GET "+r.path, func(w http.ResponseWriter, q *http.Request) error { return listAll(a, w, q, r) })
	oneRoutes(a, s, r)
}

// oneRoutes adds those about one noun.
func oneRoutes[T any, ID ~string](a *api, s *openstack.Service, r resource[T, ID]) {
	s.Handle("GET "+r.path+"/{id}", func(w http.ResponseWriter, q *http.Request) error { return showOne(a, w, q, r) })
	s.Handle("DELETE "+r.path+"/{id}", func(w http.ResponseWriter, q *http.Request) error {
		id := ID(q.PathValue("id"))
		err := atRevision(a, q, r, id, func(ctx context.Context) error { return r.remove(ctx, id) })
		if err != nil {
			return err
		}
		return openstack.WriteEmpty(w, http.StatusNoContent)
	})
	if r.setTags != nil {
		tagRoutes(a, s, r)
	}
}

func listAll[T any, ID ~string](a *api, w http.ResponseWriter, r *http.Request, res resource[T, ID]) error {
	page, err := openstack.ParsePage(r, res.sort, 0)
	if err != nil {
		return err
	}
	own, elsewhere := res.lookups.split(r.URL.Query())
	alternatives, keep, err := res.filters.parse(own)
	if err != nil {
		return err
	}
	var objects []object
	var rows []*T
	err = a.net.Snapshot(r.Context(), func(ctx context.Context) error {
		related, err := res.lookups.parse(ctx, elsewhere)
		if err != nil {
			return err
		}
		keep := slices.Concat(keep, related)
		where, err := oneOf(ctx, res, alternatives)
		if err != nil {
			return err
		}
		if rows, err = res.list(ctx, page.Query(where...), keep...); err != nil {
			return err
		}
		objects, err = res.show(ctx, rows)
		return err
	})
	if err != nil {
		return err
	}
	body := object{res.many: pick(objects, r)}
	if links := pageLinks(r, page, rows, func(row *T) string { return string(res.id(row)) }); len(links) > 0 {
		body[res.many+"_links"] = links
	}
	return openstack.WriteJSON(w, http.StatusOK, body)
}

// oneOf makes alternatives conditions that hold for all rows of any of them: a page is cut from the rows of all, in their order.
func oneOf[T any, ID ~string](ctx context.Context, res resource[T, ID], alternatives [][]cloud.Cond) ([]cloud.Cond, error) {
	if len(alternatives) == 1 {
		return alternatives[0], nil
	}
	var ids []ID
	for _, where := range alternatives {
		rows, err := res.list(ctx, cloud.Where(where...))
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			ids = append(ids, res.id(row))
		}
	}
	return []cloud.Cond{cloud.In("id", ids)}, nil
}

// pick leaves of each object what the client's fields= name, if it names any.
func pick(objects []object, r *http.Request) []object {
	fields := r.URL.Query()["fields"]
	if objects == nil {
		objects = []object{}
	}
	if len(fields) == 0 {
		return objects
	}
	picked := make([]object, len(objects))
	for i, o := range objects {
		picked[i] = object{}
		for _, f := range fields {
			if v, ok := o[f]; ok {
				picked[i][f] = v
			}
		}
	}
	return picked
}

func showOne[T any, ID ~string](a *api, w http.ResponseWriter, r *http.Request, res resource[T, ID]) error {
	row, err := res.get(r.Context(), ID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return answer(w, r, http.StatusOK, res, []*T{row}, false)
}

// answer shows rows under the resource's key: one, or several for a bulk request.
func answer[T any, ID ~string](w http.ResponseWriter, r *http.Request, status int, res resource[T, ID], rows []*T, bulk bool) error {
	objects, err := res.show(r.Context(), rows)
	if err != nil {
		return err
	}
	objects = pick(objects, r)
	if bulk {
		return openstack.WriteJSON(w, status, object{res.many: objects})
	}
	return openstack.WriteJSON(w, status, object{res.one: objects[0]})
}

// creates answers POST: one noun, or several that are made all or none.
func creates[In, T any, ID ~string](a *api, res resource[T, ID], create func(context.Context, In) (*T, error)) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		wanted, bulk, err := decodeMany[In](r, res.one, res.many)
		if err != nil {
			return err
		}
		var rows []*T
		err = a.net.Together(r.Context(), func(ctx context.Context) error {
			rows = nil
			for _, in := range wanted {
				row, err := createOne(ctx, res, in, create)
				if err != nil {
					return err
				}
				rows = append(rows, row)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return answer(w, r, http.StatusCreated, res, rows, bulk)
	}
}

// createOne makes one noun, with the tags it is to have from the start.
func createOne[In, T any, ID ~string](ctx context.Context, res resource[T, ID], in In, create func(context.Context, In) (*T, error)) (*T, error) {
	row, err := create(ctx, in)
	if err != nil {
		return nil, forOthers(ctx, in, err)
	}
	t, ok := any(in).(interface{ firstTags() []string })
	if !ok || len(t.firstTags()) == 0 {
		return row, nil
	}
	tags, err := network.CheckTags(res.one, t.firstTags())
	if err != nil {
		return nil, err
	}
	if err := res.setTags(ctx, res.id(row), tags); err != nil {
		return nil, err
	}
	return res.get(ctx, res.id(row))
}

// forOthers gives the refusal to make something in another project's name the form it has here.
func forOthers(ctx context.Context, in any, err error) error {
	o, ok := in.(interface{ project() cloud.ProjectID })
	if !ok || !cloud.Is(err, cloud.Forbidden) || o.project() == "" || o.project() == cloud.PrincipalOf(ctx).ProjectID {
		return err
	}
	return cloud.Invalidf("request", "body", "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires admin privileges")
}

// updates answers PUT.
func updates[In, T any, ID ~string](a *api, res resource[T, ID], update func(context.Context, ID, In) (*T, error)) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		in, err := decodeOne[In](r, res.one)
		if err != nil {
			return err
		}
		if err := checkForLife(in); err != nil {
			return err
		}
		id := ID(r.PathValue("id"))
		var row *T
		err = atRevision(a, r, res, id, func(ctx context.Context) error {
			row, err = update(ctx, id, in)
			return err
		})
		if err != nil {
			return err
		}
		return answer(w, r, http.StatusOK, res, []*T{row}, false)
	}
}

// checkForLife refuses to change what no resource changes by its own request: whose it is, and its tags.
func checkForLife(in any) error {
	if o, ok := in.(interface{ named() bool }); ok && o.named() {
		return readOnly("project_id")
	}
	if t, ok := in.(interface{ tagged() bool }); ok && t.tagged() {
		return readOnly("tags: they have a path of their own")
	}
	return nil
}

// stamps are the attributes that every resource has.
func stamps(m *cloud.Meta, revisions int) object {
	const layout = "2006-01-02T15:04:05Z"
	return object{"created_at": m.CreatedAt.UTC().Format(layout), "updated_at": m.UpdatedAt.UTC().Format(layout), "revision_number": revisions}
}

// with adds attributes to an object.
func (o object) with(more object) object {
	for k, v := range more {
		o[k] = v
	}
	return o
}

// tagsShown are tags, or other words, as a list that is never null.
func tagsShown[S ~string](tags []S) []S {
	if tags == nil {
		return []S{}
	}
	return tags
}

// orNull shows an empty text as null.
func orNull[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// orNoNumber shows no number as null.
func orNoNumber(n *int) any {
	if n == nil {
		return nil
	}
	return *n
}
