package store

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// TestPlans: the queries of request paths go through an index that also gives the
// order, so that a page costs the same at a million rows; where an index finds few rows, they are sorted.
func TestPlans(t *testing.T) {
	s := mustOpen(t, "sqlite::memory:")
	instances, ports := s.Instances.(*table[cloud.Instance, cloud.InstanceID]), s.Ports.(*table[cloud.Port, cloud.PortID])
	operations := s.Operations.(*table[cloud.Operation, cloud.OperationID])
	marker := []any{int64(1), "x"}
	up, down := []cloud.Order(nil), []cloud.Order{{Column: "created_at", Desc: true}}
	checkPlan(t, instances, "instances_project_id_created_at_idx", cloud.Query{Where: []cloud.Cond{cloud.Eq("project_id", "p")}, Order: up}, marker)
	checkPlan(t, instances, "instances_project_id_created_at_idx", cloud.Query{Where: []cloud.Cond{cloud.Eq("project_id", "p")}, Order: down}, marker)
	checkPlan(t, instances, "instances_created_at_idx", cloud.Query{Order: down}, marker)
	checkPlan(t, instances, "instances_host_id_created_at_idx", cloud.Query{Where: []cloud.Cond{cloud.Eq("host_id", "h")}}, nil)
	checkPlan(t, ports, "ports_instance_id_order_idx", cloud.Query{Where: []cloud.Cond{cloud.Eq("instance_id", "i")},
		Order: []cloud.Order{{Column: "order"}}}, nil)
	checkPlan(t, operations, "operations_retry_at_idx", cloud.Query{Where: []cloud.Cond{cloud.Eq("ended", false), {Column: "retry_at", Op: cloud.OpLe, Value: time.Now()}},
		Order: []cloud.Order{{Column: "retry_at"}}}, nil)
	checkPlan(t, ports, "ports_network_id_owner_idx", cloud.Query{Where: []cloud.Cond{cloud.Eq("network_id", "n"), cloud.In("owner", []string{"a", "b", "c"})}}, nil)
	checkPlan(t, ports, "ports_network_id_owner_idx", cloud.Query{Where: []cloud.Cond{cloud.Eq("network_id", "n"), cloud.Eq("owner", "a")}}, nil)
	checkPlan(t, operations, "operations_subject_created_at_idx", cloud.Query{Where: []cloud.Cond{cloud.Eq("subject", "x")}}, nil)
}

func checkPlan[T any, ID ~string](t *testing.T, tab *table[T, ID], index string, q cloud.Query, marker []any) {
	t.Helper()
	order, err := tab.shape.ordering(q)
	if err != nil {
		t.Fatal(err)
	}
	b := tab.newBuilder()
	b.text("EXPLAIN QUERY PLAN SELECT id, revision FROM " + quoted(tab.shape.table))
	if err := b.where(q.Where); err != nil {
		t.Fatal(err)
	}
	if marker != nil {
		b.behind(order, marker)
	}
	b.orderBy(order, q)
	plan := ""
	err = tab.store.engine.read(context.Background(), func(on session) error {
		return on.query(context.Background(), b.String(), b.args, func(r row) error {
			var a, p, u, detail any
			err := r.Scan(&a, &p, &u, &detail)
			plan += detail.(string) + "; "
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if sorts := strings.Contains(plan, "TEMP B-TREE"); !strings.Contains(plan, index) || sorts && !tab.shape.finds(q.Where) {
		t.Errorf("%s\n is planned as: %s", b.String(), plan)
	}
}
