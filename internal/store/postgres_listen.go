package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is the one NOTIFY channel of all topics; the payload names the topic.
const channel = "nubo"

func (e *postgresEngine) notify(ctx context.Context, topic string) error {
	_, err := e.pool.Exec(ctx, "SELECT pg_notify($1, $2)", channel, topic)
	return err
}

// listen answers when the first LISTEN is in force: a nudge sent after that is heard.
func (e *postgresEngine) listen(topic string, f func()) (func(), error) {
	remove := e.topics.add(topic, f)
	var err error
	e.listening.Do(func() {
		var ctx context.Context
		ctx, e.stop = context.WithCancel(context.Background())
		var conn *pgx.Conn
		conn, err = e.listenOnce(ctx)
		go e.listenLoop(ctx, conn)
	})
	if err != nil {
		remove()
	}
	return remove, err
}

// listenOnce opens a connection of its own: one from the pool would be missing there.
func (e *postgresEngine) listenOnce(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, e.pool.Config().ConnConfig)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		_ = conn.Close(ctx) // the first error is the one to report
		return nil, err
	}
	return conn, nil
}

// listenLoop wakes listeners until the store is closed. After every break it wakes all of
// them, for what was sent meanwhile is lost.
func (e *postgresEngine) listenLoop(ctx context.Context, conn *pgx.Conn) {
	defer close(e.stopped)
	for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		if conn == nil {
			if conn, _ = e.listenOnce(ctx); conn != nil { // tried again below
				e.topics.wakeAll()
			}
		}
		if conn != nil {
			wait = 100 * time.Millisecond
			err := e.deliver(ctx, conn)
			_ = conn.Close(context.WithoutCancel(ctx)) // it is broken, or the store is closing
			conn = nil
			if ctx.Err() == nil {
				e.log.Warn("lost the connection that listens for nudges", "error", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	if conn != nil {
		_ = conn.Close(context.WithoutCancel(ctx)) // closing anyway
	}
}

func (e *postgresEngine) deliver(ctx context.Context, conn *pgx.Conn) error {
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		e.topics.wake(n.Payload)
	}
}
