package ec2

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

func (a *api) keyActions() []*action {
	return []*action{
		serve("CreateKeyPair", a.createKeyPair, "KeyName KeyType KeyFormat TagSpecifications"),
		serve("ImportKeyPair", a.importKeyPair, "KeyName PublicKeyMaterial TagSpecifications"),
		serve("DescribeKeyPairs", a.describeKeyPairs, "KeyNames KeyPairIds Filters IncludePublicKey"),
		serve("DeleteKeyPair", a.deleteKeyPair, "KeyName KeyPairId"),
	}
}

func keyTags(k *cloud.KeyPair) []shape.Tag { return tagsOf(k.Labels, "") }

// createKeyPair answers the private key, which is kept nowhere.
func (a *api) createKeyPair(ctx context.Context, in *shape.CreateKeyPairRequest) (*shape.KeyPair, error) {
	labels, err := tagsFor(in.TagSpecifications, "key-pair")
	if err != nil {
		return nil, err
	}
	if in.KeyFormat != "" && in.KeyFormat != "pem" {
		return nil, unsupported("Keys are answered in the format pem only, not %s.", in.KeyFormat)
	}
	public, private, err := makeKey(in.KeyType)
	if err != nil {
		return nil, err
	}
	k, _, err := a.Compute.CreateKeyPair(ctx, compute.KeyPairRequest{Name: in.KeyName, PublicKey: public.line, PrivateFingerprint: public.fingerprint, Labels: labels})
	if err != nil {
		return nil, err
	}
	return &shape.KeyPair{KeyName: k.Name, KeyPairId: id(keyIDs, k.ID), KeyFingerprint: fingerprint(k), KeyMaterial: private, Tags: keyTags(k)}, nil
}

func (a *api) importKeyPair(ctx context.Context, in *shape.ImportKeyPairRequest) (*shape.ImportKeyPairResult, error) {
	labels, err := tagsFor(in.TagSpecifications, "key-pair")
	if err != nil {
		return nil, err
	}
	line := strings.TrimSpace(string(in.PublicKeyMaterial))
	if again, err := base64.StdEncoding.DecodeString(line); err == nil { // clients exist that encode it twice
		line = strings.TrimSpace(string(again))
	}
	if _, err := readKey(line); err != nil {
		return nil, err
	}
	k, _, err := a.Compute.CreateKeyPair(ctx, compute.KeyPairRequest{Name: in.KeyName, PublicKey: line, Labels: labels})
	if err != nil {
		return nil, err
	}
	return &shape.ImportKeyPairResult{KeyName: k.Name, KeyPairId: id(keyIDs, k.ID), KeyFingerprint: fingerprint(k), Tags: keyTags(k)}, nil
}

var keyFields = fields[*cloud.KeyPair]{
	"fingerprint": one(func(k *cloud.KeyPair) string { return fingerprint(k) }),
	"key-name":    one(func(k *cloud.KeyPair) string { return k.Name }),
	"key-pair-id": one(func(k *cloud.KeyPair) string { return id(keyIDs, k.ID) }),
}

func (a *api) describeKeyPairs(ctx context.Context, in *shape.DescribeKeyPairsRequest) (*shape.DescribeKeyPairsResult, error) {
	keys, err := a.chosenKeys(ctx, in)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeKeyPairsResult{}
	for _, k := range keys {
		info := shape.KeyPairInfo{KeyName: k.Name, KeyPairId: id(keyIDs, k.ID), KeyFingerprint: fingerprint(k), KeyType: keyType(k), CreateTime: &k.CreatedAt, Tags: keyTags(k)}
		if in.IncludePublicKey != nil && *in.IncludePublicKey {
			info.PublicKey = k.PublicKey
		}
		out.KeyPairs = append(out.KeyPairs, info)
	}
	return out, nil
}

// chosenKeys are the keys of the names, ids and filters. Keys that only Windows could use are no key pairs here.
func (a *api) chosenKeys(ctx context.Context, in *shape.DescribeKeyPairsRequest) ([]*cloud.KeyPair, error) {
	keys, err := a.keyPairs(ctx)
	if err != nil {
		return nil, err
	}
	keys = slices.DeleteFunc(slices.Clone(keys), func(k *cloud.KeyPair) bool { return k.Type != "ssh" })
	for _, name := range in.KeyNames {
		if !slices.ContainsFunc(keys, func(k *cloud.KeyPair) bool { return k.Name == name }) {
			return nil, keyIDs.missing(name)
		}
	}
	found, err := find(ctx, keyIDs, in.KeyPairIds, a.keyPairs, keyPairID)
	if err != nil {
		return nil, err
	}
	keys = slices.DeleteFunc(keys, func(k *cloud.KeyPair) bool {
		named := slices.Contains(in.KeyNames, k.Name) || slices.ContainsFunc(found, func(f *cloud.KeyPair) bool { return f.ID == k.ID })
		return len(in.KeyNames)+len(found) > 0 && !named
	})
	return choose(keys, keyFields, in.Filters, keyTags)
}

// deleteKeyPair succeeds when there is no such key.
func (a *api) deleteKeyPair(ctx context.Context, in *shape.DeleteKeyPairRequest) (*shape.DeleteKeyPairResult, error) {
	name := in.KeyName
	if in.KeyPairId != "" {
		k, err := findOne(ctx, keyIDs, in.KeyPairId, a.keyPairs, keyPairID)
		if err != nil {
			return nil, err
		}
		name = k.Name
	}
	if name == "" {
		return nil, missingParameter("KeyName")
	}
	err := a.Compute.DeleteKeyPair(ctx, cloud.PrincipalOf(ctx).UserID, name)
	if err != nil && !cloud.Is(err, cloud.NotFound) {
		return nil, err
	}
	return &shape.DeleteKeyPairResult{Return: new(true), KeyPairId: in.KeyPairId}, nil
}
