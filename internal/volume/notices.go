package volume

import (
	"context"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// NoticeDays is how long a notice is kept.
const NoticeDays = 30

// noticed makes an Operation that fails leave a notice, in the transaction that ends it. All kinds of this package's
// are registered through it, so that none can be forgotten.
func (s *Service) noticed(k operation.Kind) operation.Kind {
	settle := k.Settle
	k.Settle = func(ctx context.Context, op *cloud.Operation) error {
		if err := settle(ctx, op); err != nil {
			return err
		}
		return s.notice(ctx, op)
	}
	return k
}

// notice tells why an Operation failed. One that was cancelled failed because somebody wanted it to.
func (s *Service) notice(ctx context.Context, op *cloud.Operation) error {
	if op.State == cloud.OperationSucceeded || op.Cancel || op.Fault == nil {
		return nil
	}
	noun, _, _ := strings.Cut(op.Subject, "/")
	fault := *op.Fault
	fault.Details = ""
	return s.Notices.Insert(ctx, &cloud.Notice{ID: cloud.NoticeID(cloud.NewID()), ProjectID: op.ProjectID, UserID: op.UserID, RequestID: op.RequestID,
		Noun: noun, NounID: operation.SubjectID(op), Kind: op.Kind, Fault: fault})
}

// Notice answers one notice that the caller may see.
func (s *Service) Notice(ctx context.Context, id cloud.NoticeID) (*cloud.Notice, error) {
	return s.authorizedNotice(ctx, "notice.get", id)
}

func (s *Service) authorizedNotice(ctx context.Context, a policy.Action, id cloud.NoticeID) (*cloud.Notice, error) {
	n, err := s.Notices.Get(ctx, id)
	if n, err = found(n, err)("message", string(id)); err != nil {
		return nil, err
	}
	return n, policy.Authorize(ctx, a, policy.Target{Resource: "message", ID: string(id), ProjectID: n.ProjectID, UserID: n.UserID})
}

// ListNotices answers the notices that f selects among those the caller may see.
func (s *Service) ListNotices(ctx context.Context, f Filter[cloud.Notice]) ([]*cloud.Notice, error) {
	return s.Notices.List(ctx, f.where(ctx, "notice.get"), f.keep()...)
}

// DeleteNotice removes a notice that has been read.
func (s *Service) DeleteNotice(ctx context.Context, id cloud.NoticeID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.authorizedNotice(ctx, "notice.delete", id); err != nil {
			return err
		}
		return s.Notices.Delete(ctx, id)
	})
}

// TrimNotices forgets notices older than a moment, and says how many.
func (s *Service) TrimNotices(ctx context.Context, before time.Time) (int, error) {
	return cloud.Trim(ctx, s.Tx, s.Notices, cloud.Query{Order: []cloud.Order{{Column: "created_at"}},
		Where: []cloud.Cond{{Column: "created_at", Op: cloud.OpLt, Value: before}}}, func(n *cloud.Notice) cloud.NoticeID { return n.ID })
}
