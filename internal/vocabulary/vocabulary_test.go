package vocabulary_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/store"
	"github.com/nubo-cloud/nubo/internal/store/pgtest"
	"github.com/nubo-cloud/nubo/internal/vocabulary"
)

var admin = cloud.WithPrincipal(context.Background(), &cloud.Principal{UserID: "root", ProjectID: "ops", Roles: []string{"admin", "member", "reader"}})

// onBoth runs a test with the service on an empty database of each engine.
func onBoth(t *testing.T, test func(t *testing.T, db *store.Store, s *vocabulary.Service)) {
	on := func(url func(t *testing.T) string) func(*testing.T) {
		return func(t *testing.T) {
			db, err := store.Open(t.Context(), url(t), store.Options{})
			ok(t, err)
			t.Cleanup(func() { db.Close() })
			test(t, db, vocabulary.New(vocabulary.Deps{Vocabularies: db.Vocabularies, Definitions: db.Definitions, Kinds: db.TargetKinds, Tx: db, Now: time.Now}))
		}
	}
	t.Run("sqlite", on(func(t *testing.T) string { return "sqlite://" + filepath.Join(t.TempDir(), "nubo.db") }))
	t.Run("postgres", on(func(t *testing.T) string { return pgtest.Start(t) }))
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestDeleteLeavesNoDefinition also of those that are made while it goes on.
func TestDeleteLeavesNoDefinition(t *testing.T) {
	onBoth(t, func(t *testing.T, db *store.Store, s *vocabulary.Service) {
		_, err := s.Create(admin, vocabulary.CreateRequest{Facts: vocabulary.Facts{Name: "v"},
			Definitions: []*cloud.Definition{{Kind: cloud.DefinitionTag, Name: "first"}}})
		ok(t, err)
		ended := make(chan error)
		for _, name := range []string{"a", "b", "c", "d"} {
			go func() {
				_, err := s.Define(admin, "v", cloud.Definition{Kind: cloud.DefinitionTag, Name: name})
				ended <- err
			}()
		}
		ok(t, s.Delete(admin, "v"))
		for range 4 {
			if err := <-ended; err != nil && !cloud.Is(err, cloud.NotFound) {
				t.Errorf("define beside a deletion: %v", err)
			}
		}
		if n, err := db.Definitions.Count(admin); err != nil || n != 0 {
			t.Errorf("%d definitions are left, %v", n, err)
		}
	})
}

func TestOneNameOneVocabulary(t *testing.T) {
	onBoth(t, func(t *testing.T, db *store.Store, s *vocabulary.Service) {
		ended := make(chan error)
		for range 6 {
			go func() {
				_, err := s.Create(admin, vocabulary.CreateRequest{Facts: vocabulary.Facts{Name: "v"}, Targets: []cloud.Target{{Kind: "thing"}}})
				ended <- err
			}()
		}
		made := 0
		for range 6 {
			if err := <-ended; err == nil {
				made++
			} else if !cloud.Is(err, cloud.AlreadyExists) {
				t.Errorf("create: %v", err)
			}
		}
		if made != 1 {
			t.Errorf("%d were made", made)
		}
	})
}

func TestKindsAreMadeKnownOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, _ *store.Store, s *vocabulary.Service) {
		for range 2 {
			ok(t, s.EnsureKinds(admin, []string{"one", "two"}))
		}
		if known, err := s.Known(admin); err != nil || len(known) != 2 || known[0].Name != "one" {
			t.Errorf("known: %v, %v", known, err)
		}
	})
}
