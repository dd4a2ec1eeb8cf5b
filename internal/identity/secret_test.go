package identity

import (
	"bytes"
	"context"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

func secretOf(user cloud.UserID, project cloud.ProjectID, text string) Secret {
	return Secret{Secret: cloud.Secret{UserID: user, ProjectID: project, Type: "note"}, Text: text}
}

// TestSecretsAreStoredSealed: the row does not show the text, and another row's seal does not open.
func TestSecretsAreStoredSealed(t *testing.T) {
	w := newWorld(t, Options{})
	u := w.user("ann")
	a := must[*Secret](t)(w.CreateSecret(w.admin, secretOf(u.ID, "", "open sesame")))
	b := must[*Secret](t)(w.CreateSecret(w.admin, secretOf(u.ID, "", "another")))
	row := must[*cloud.Secret](t)(w.Secrets.Get(w.admin, a.ID))
	if bytes.Contains(row.Sealed, []byte("sesame")) {
		t.Error("the row holds the plain text")
	}
	if got := must[*Secret](t)(w.Secret(w.admin, a.ID)); got.Text != "open sesame" {
		t.Errorf("opened as %q", got.Text)
	}
	row.Sealed = b.Sealed
	w.ok(w.Tx.Update(w.admin, func(ctx context.Context) error { return w.Secrets.Update(ctx, row) }))
	if got, err := w.Secret(w.admin, a.ID); err == nil {
		t.Errorf("the seal of another row opened as %q", got.Text)
	}
}

// TestSecretsAreTheirUsersOwn: others neither see nor change them, and they go with the user and the project.
func TestSecretsAreTheirUsersOwn(t *testing.T) {
	w := newWorld(t, Options{})
	ann, bob, p := w.user("ann"), w.user("bob"), w.project("p", "")
	asAnn, asBob := w.as(w.signIn("ann", ScopeRequest{None: true})), w.as(w.signIn("bob", ScopeRequest{None: true}))
	v := must[*Secret](t)(w.CreateSecret(asAnn, secretOf(ann.ID, p.ID, "x")))
	_, err := w.CreateSecret(asBob, secretOf(ann.ID, "", "x"))
	w.wants(cloud.Forbidden, err)
	_, err = w.Secret(asBob, v.ID)
	w.wants(cloud.Forbidden, err)
	w.wants(cloud.Forbidden, w.DeleteSecret(asBob, v.ID))
	_, err = w.UpdateSecret(asAnn, v.ID, SecretChange{User: &bob.ID})
	w.wants(cloud.Forbidden, err)
	if n := len(must[[]*Secret](t)(w.ListSecrets(asBob, SecretFilter{User: ann.ID}))); n != 0 {
		t.Errorf("bob sees %d secrets of ann", n)
	}
	w.ok(w.DeleteProject(w.admin, p.ID))
	_, err = w.Secret(w.admin, v.ID)
	w.wants(cloud.NotFound, err)
	v = must[*Secret](t)(w.CreateSecret(asAnn, secretOf(ann.ID, "", "y")))
	w.ok(w.DeleteUser(w.admin, ann.ID))
	_, err = w.Secret(w.admin, v.ID)
	w.wants(cloud.NotFound, err)
}
