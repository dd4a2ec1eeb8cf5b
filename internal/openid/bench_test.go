package openid_test

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/openid"
	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
)

// BenchmarkBearer measures what a token costs once keys are there: checked by its signature, and when its result is kept. Both stay under 200 µs.
func BenchmarkBearer(b *testing.B) {
	for name, o := range map[string]openid.Options{"signature": {KeepResults: -1}, "kept": {}} {
		b.Run(name, func(b *testing.B) {
			op := newProvider(issuer)
			o.HTTP = openidtest.Client(op)
			client, s, token := openid.New(o), openid.Settings{Issuer: issuer, ClientID: "cloud"}, op.Grant("cloud", someone, "openid")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.Bearer(b.Context(), s, token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
