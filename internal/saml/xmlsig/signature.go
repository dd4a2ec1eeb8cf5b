package xmlsig

import (
	"crypto"
	"crypto/subtle"
	"slices"
	"strings"
)

// IsSignature reports whether an element is a signature.
func IsSignature(e *Element) bool { return e.Is(dsSpace, "Signature") }

// Verify checks the signature that an element envelops, which one of the keys must have made, and answers the element as it was signed:
// read anew from the canonical bytes that the signature is about. What else the document holds is not in it.
func Verify(e *Element, keys []crypto.PublicKey) (*Element, error) {
	element := e.One(dsSpace, "Signature")
	if element == nil {
		return nil, ErrUnsigned // two are none
	}
	sig, err := readSignature(element)
	if err != nil {
		return nil, err
	}
	if err := sig.covers(e); err != nil {
		return nil, err
	}
	if err := sig.verify(keys); err != nil {
		return nil, err
	}
	signed := e.canonical(sig.inclusive, element)
	if err := sig.compare(digest(sig.digest, signed)); err != nil {
		return nil, err
	}
	return reparse(signed)
}

// reparse reads what this package wrote of a document that kept its limits.
func reparse(own []byte) (*Element, error) {
	return Parse(own, Limits{Bytes: int64(len(own)), Depth: len(own), Attributes: len(own), TokenBytes: len(own)})
}

// signature is what a Signature element says.
type signature struct {
	info   []byte // SignedInfo in canonical form
	method method
	value  []byte

	// Of the one thing that is signed:
	id        string
	inclusive []string
	digest    crypto.Hash
	want      []byte
}

// readSignature reads an element of the one shape that enveloped signatures have.
func readSignature(e *Element) (*signature, error) {
	info, value := e.One(dsSpace, "SignedInfo"), e.One(dsSpace, "SignatureValue")
	if info == nil || value == nil || len(e.All(dsSpace, "Object")) > 0 {
		return nil, fault(ErrMisplaced, "the signature is not of the enveloped kind")
	}
	prefixes, err := canonicalization(info.One(dsSpace, "CanonicalizationMethod"))
	if err != nil {
		return nil, err
	}
	sig := &signature{info: info.canonical(prefixes, nil)}
	text, _ := value.Text()
	if sig.value, err = decode(text); err != nil {
		return nil, malformed("the signature's value is no base64")
	}
	// What is believed is what was signed: the canonical bytes, read again.
	signed, err := reparse(sig.info)
	if err != nil {
		return nil, err
	}
	return sig, sig.readInfo(signed)
}

func (sig *signature) readInfo(info *Element) (err error) {
	algorithm, known := "", false
	if m := info.One(dsSpace, "SignatureMethod"); m != nil {
		algorithm = m.Attr("Algorithm")
		sig.method, known = methods[algorithm]
	}
	if !known {
		return fault(ErrAlgorithm, "signature method '%.100s'", algorithm)
	}
	reference := info.One(dsSpace, "Reference")
	if reference == nil {
		return fault(ErrMisplaced, "a signature must cover one element")
	}
	var whole bool
	if sig.id, whole = strings.CutPrefix(reference.Attr("URI"), "#"); !whole || sig.id == "" {
		return fault(ErrMisplaced, "the signature is about '%.100s'", reference.Attr("URI"))
	}
	if sig.inclusive, err = transforms(reference.One(dsSpace, "Transforms")); err != nil {
		return err
	}
	return sig.readDigest(reference)
}

func (sig *signature) readDigest(reference *Element) (err error) {
	m, value := reference.One(dsSpace, "DigestMethod"), reference.One(dsSpace, "DigestValue")
	if m == nil || value == nil {
		return malformed("a signature without a digest")
	}
	known := false
	if sig.digest, known = digests[m.Attr("Algorithm")]; !known {
		return fault(ErrAlgorithm, "digest method '%.100s'", m.Attr("Algorithm"))
	}
	text, _ := value.Text()
	if sig.want, err = decode(text); err != nil {
		return malformed("the digest is no base64")
	}
	return nil
}

// transforms accepts the two that take the signature out and write the rest canonically, and nothing that could choose another part.
func transforms(e *Element) (inclusive []string, err error) {
	if e == nil {
		return nil, fault(ErrAlgorithm, "no canonicalization")
	}
	all := e.Elements()
	if len(all) != 2 || !all[0].Is(dsSpace, "Transform") || all[0].Attr("Algorithm") != enveloped || !all[1].Is(dsSpace, "Transform") {
		return nil, fault(ErrAlgorithm, "other transforms than 'enveloped-signature' and 'exclusive canonicalization'")
	}
	return canonicalization(all[1])
}

// canonicalization reads the prefixes that an exclusive canonicalization treats as inclusive.
func canonicalization(e *Element) (inclusive []string, err error) {
	if e == nil || e.Attr("Algorithm") != excC14N && e.Attr("Algorithm") != excC14N+"WithComments" { // there are no comments
		return nil, fault(ErrAlgorithm, "another canonicalization than the exclusive one")
	}
	if list := e.One(excC14N, "InclusiveNamespaces"); list != nil {
		inclusive = strings.Fields(list.Attr("PrefixList"))
	}
	return inclusive, nil
}

// covers checks that a signature is about the element it stands in, and that nothing else could be meant.
func (sig *signature) covers(e *Element) error {
	if e.Attr("ID") != sig.id {
		return fault(ErrMisplaced, "the signature is about '%.100s', which it does not stand in", sig.id)
	}
	same := 0
	e.top().Walk(func(other *Element) {
		if slices.ContainsFunc(other.Attrs, func(a Attr) bool { return strings.EqualFold(a.Local, "id") && a.Value == sig.id }) {
			same++
		}
	})
	if same != 1 {
		return fault(ErrMisplaced, "%d elements have the id '%.100s'", same, sig.id)
	}
	return nil
}

// verify checks that one of the keys made the signature.
func (sig *signature) verify(keys []crypto.PublicKey) error {
	sum := digest(sig.method.hash, sig.info)
	weak := len(keys) > 0
	for _, key := range keys {
		if !strong(key) {
			continue
		}
		if weak = false; sig.method.verify(key, sum, sig.value) {
			return nil
		}
	}
	if weak {
		return fault(ErrAlgorithm, "all keys are short or of unknown kinds")
	}
	return ErrSigner
}

// compare checks the digest of what is signed.
func (sig *signature) compare(got []byte) error {
	if subtle.ConstantTimeCompare(got, sig.want) != 1 {
		return ErrAltered
	}
	return nil
}
