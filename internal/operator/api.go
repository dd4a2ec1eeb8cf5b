package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
)

// object is a body, or a part of one.
type object = map[string]any

// api is one service of the cloud.
type api struct{ *gophercloud.ServiceClient }

// call makes a request. The error is what the service said.
func (a api) call(ctx context.Context, method, address string, body, into any) error {
	o := &gophercloud.RequestOpts{OkCodes: []int{http.StatusOK, http.StatusCreated, http.StatusNoContent}, JSONBody: body}
	if into != nil {
		o.JSONResponse = into
	}
	_, err := a.Request(ctx, method, address, o)
	if u := new(gophercloud.ErrUnexpectedResponseCode); errors.As(err, u) {
		return refusal{u.Actual, said(u.Body, err)}
	}
	return err
}

// refusal is a service's no.
type refusal struct {
	status  int
	message string
}

func (r refusal) Error() string {
	return fmt.Sprintf("%s (%d)", strings.TrimSuffix(r.message, "."), r.status)
}

func refusedWith(err error, status int) bool {
	r := refusal{}
	return errors.As(err, &r) && r.status == status
}

// said is the sentence in a fault; each service wraps it in another word.
func said(body []byte, err error) string {
	var fault map[string]json.RawMessage
	if json.Unmarshal(body, &fault) == nil {
		for _, raw := range fault {
			var inner struct{ Message string }
			if json.Unmarshal(raw, &inner) == nil && inner.Message != "" {
				return inner.Message
			}
		}
	}
	return err.Error()
}

// path is the address of what stands below the service under names that may hold anything.
func (a api) path(names ...string) string {
	for i, n := range names {
		names[i] = url.PathEscape(n)
	}
	return a.ServiceURL(names...)
}

// get answers the object under a key; nil if there is none at the address.
func (a api) get(ctx context.Context, address, key string) (object, error) {
	var answer map[string]object
	err := a.call(ctx, http.MethodGet, address, nil, &answer)
	if refusedWith(err, http.StatusNotFound) {
		return nil, nil
	}
	return answer[key], err
}

// list answers all objects under a key, page by page.
func (a api) list(ctx context.Context, address, key string, q url.Values) (all []object, err error) {
	if len(q) > 0 {
		address += "?" + q.Encode()
	}
	for address != "" {
		var page map[string]json.RawMessage
		if err := a.call(ctx, http.MethodGet, address, nil, &page); err != nil {
			return nil, err
		}
		var items []object
		var links struct{ Next string }
		if err := json.Unmarshal(page[key], &items); err != nil {
			return nil, fmt.Errorf("the answer holds no list of %s: %w", key, err)
		}
		if page["links"] != nil {
			if err := json.Unmarshal(page["links"], &links); err != nil {
				return nil, fmt.Errorf("the answer's links cannot be read: %w", err)
			}
		}
		all, address = append(all, items...), links.Next
	}
	return all, nil
}

// named answers the object of a name in a domain; nil if there is none.
func (a api) named(ctx context.Context, kind, key, name, domain string) (object, error) {
	q := url.Values{"name": {name}}
	if domain != "" {
		q.Set("domain_id", domain)
	}
	all, err := a.list(ctx, a.path(kind), key, q)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

// noun is something that is to be as asked.
type noun struct {
	what, name string // for people
	key        string // of its object in bodies
	address    string
}

// settle makes have, which is at the noun's address, be as wanted, in the keys that are.
func (c *Cloud) settle(ctx context.Context, a api, n noun, have, want object) error {
	differ := differing(have, want)
	if len(differ) == 0 {
		c.tell(Change{Did: Found, What: n.what, Name: n.name, ID: text(have, "id")})
		return nil
	}
	if err := a.call(ctx, http.MethodPatch, n.address, object{n.key: differ}, nil); err != nil {
		return fmt.Errorf("%s %s cannot be changed: %w", n.what, n.name, err)
	}
	c.tell(Change{Did: Changed, What: n.what, Name: n.name, ID: text(have, "id"), Detail: keys(differ)})
	return nil
}

// makeNoun sends a new one; the answer is what the cloud made of it.
func (c *Cloud) makeNoun(ctx context.Context, a api, method string, n noun, want object) (object, error) {
	var answer map[string]object
	if err := a.call(ctx, method, n.address, object{n.key: want}, &answer); err != nil {
		return nil, fmt.Errorf("%s %s cannot be made: %w", n.what, n.name, err)
	}
	made := answer[n.key]
	c.tell(Change{Did: Made, What: n.what, Name: n.name, ID: text(made, "id")})
	return made, nil
}

// differing are those parts of want that have lacks or has otherwise.
func differing(have, want object) object {
	differ := object{}
	for key, value := range want {
		if !same(have[key], value) {
			differ[key] = value
		}
	}
	return differ
}

// plain is a value as it would come back.
func plain(value any) (back any) {
	raw, err := json.Marshal(value)
	if err != nil || json.Unmarshal(raw, &back) != nil { // bodies are made of texts, numbers and lists
		return value
	}
	return back
}

func keys(o object) string {
	var names []string
	for k := range o {
		names = append(names, k)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func text(o object, key string) string {
	t, _ := o[key].(string)
	return t
}
