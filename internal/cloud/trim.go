package cloud

import "context"

// trimAtOnce is how many rows one transaction removes: others should not wait for it.
const trimAtOnce = 200

// Trim deletes the rows that match q, in small transactions, and says how many there were.
func Trim[T any, ID ~string](ctx context.Context, tx Transactor, rows Records[T, ID], q Query, id func(*T) ID) (n int, err error) {
	q.Limit = trimAtOnce
	for {
		list, err := rows.List(ctx, q)
		if err != nil || len(list) == 0 {
			return n, err
		}
		err = tx.Update(ctx, func(ctx context.Context) error {
			for _, row := range list {
				if err := rows.Delete(ctx, id(row)); err != nil && !Is(err, NotFound) {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return n, err
		}
		n += len(list)
	}
}
