package operation

import (
	"context"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Trim forgets Operations that ended before a moment, and says how many. Stuck ones stay until a person has looked.
func (e *Engine) Trim(ctx context.Context, before time.Time) (int, error) {
	return cloud.Trim(ctx, e.Tx, e.Records, cloud.Query{Order: []cloud.Order{{Column: "ended_at"}}, Where: []cloud.Cond{cloud.Eq("ended", true),
		{Column: "ended_at", Op: cloud.OpLt, Value: before}, {Column: "state", Op: cloud.OpNe, Value: cloud.OperationStuck}}},
		func(op *cloud.Operation) cloud.OperationID { return op.ID })
}
