package vocabulary

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Filter selects vocabularies. Its zero value takes all that the caller may see.
type Filter struct {
	Visibility cloud.Visibility
	// Kinds takes those that are about one of these kinds of nouns.
	Kinds []string
	// After is the name of the vocabulary that the answer starts behind; NotFound if there is none.
	After string
	Order []cloud.Order
	Limit int
}

// List answers the vocabularies that f selects among those the caller may see.
func (s *Service) List(ctx context.Context, f Filter) ([]*cloud.Vocabulary, error) {
	q := cloud.Query{Order: f.Order, Limit: f.Limit}
	if f.Visibility != "" {
		q.Where = append(q.Where, cloud.Eq("visibility", f.Visibility))
	}
	if len(f.Kinds) > 0 {
		q.Where = append(q.Where, cloud.In("targets", f.Kinds))
	}
	if f.After != "" {
		after, err := s.Vocabulary(ctx, f.After)
		if err != nil {
			return nil, err
		}
		q.After = string(after.ID)
	}
	all, own := policy.Visible(ctx, "vocabulary.see_all")
	return s.Vocabularies.List(ctx, q, func(v *cloud.Vocabulary) bool {
		return all || v.Visibility == cloud.VisibilityPublic || own != "" && v.ProjectID == own
	})
}
