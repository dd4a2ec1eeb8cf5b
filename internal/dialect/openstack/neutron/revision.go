package neutron

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// atRevision runs a change. If the client says at which revision (If-Match: revision_number=N), the noun is compared in
// the change's own transaction: two clients that know the same revision cannot both succeed.
func atRevision[T any, ID ~string](a *api, r *http.Request, res resource[T, ID], id ID, change func(context.Context) error) error {
	wanted, ok, err := matchOf(r)
	if err != nil {
		return err
	}
	if !ok {
		return change(r.Context())
	}
	return a.net.Together(r.Context(), func(ctx context.Context) error {
		row, err := res.get(ctx, id)
		if err != nil {
			return err
		}
		shown, err := res.show(ctx, []*T{row})
		if err != nil {
			return err
		}
		if have := shown[0]["revision_number"]; have != wanted {
			return &openstack.Status{Code: http.StatusPreconditionFailed, Name: "RevisionNumberConstraintFailed",
				Message: fmt.Sprintf("Constrained to %d, but current revision is %v", wanted, have)}
		}
		return change(ctx)
	})
}

// matchOf reads the revision that a change is for.
func matchOf(r *http.Request) (revision int, ok bool, err error) {
	for _, constraint := range r.Header.Values("If-Match") {
		text, found := strings.CutPrefix(constraint, "revision_number=")
		revision, err = strconv.Atoi(text)
		if !found || err != nil {
			return 0, false, cloud.Invalidf("request", "If-Match", "Bad input in If-Match header: '%s'", constraint)
		}
		ok = true
	}
	return revision, ok, nil
}
