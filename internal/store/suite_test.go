package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nubo-cloud/nubo/internal/store"
	"github.com/nubo-cloud/nubo/internal/store/pgtest"
	"github.com/nubo-cloud/nubo/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(victimEnv); path != "" {
		victim(path)
		return
	}
	os.Exit(pgtest.Main(m))
}

func sqliteURL(t testing.TB) string {
	return "sqlite://" + filepath.Join(t.TempDir(), "nubo.db")
}

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store { return storetest.Open(t, sqliteURL(t)) })
}

func TestMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store { return storetest.Memory(t) })
}

func TestPostgreSQL(t *testing.T) {
	pgtest.Start(t) // skips all of it at once if there is none
	storetest.Run(t, func(t *testing.T) *store.Store { return storetest.Open(t, pgtest.Start(t)) })
}
