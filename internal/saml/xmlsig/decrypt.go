package xmlsig

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // crypto.SHA1: within OAEP it need not resist collisions
)

const (
	encSpace   = "http://www.w3.org/2001/04/xmlenc#"
	enc11Space = "http://www.w3.org/2009/xmlenc11#"
)

// contentCipher is how an element is enciphered.
type contentCipher struct {
	keyBytes int
	open     func(cipher.Block, []byte) ([]byte, error)
}

var contentCiphers = map[string]contentCipher{
	encSpace + "aes128-cbc":   {16, openCBC},
	encSpace + "aes192-cbc":   {24, openCBC},
	encSpace + "aes256-cbc":   {32, openCBC},
	enc11Space + "aes128-gcm": {16, openGCM},
	enc11Space + "aes192-gcm": {24, openGCM},
	enc11Space + "aes256-gcm": {32, openGCM},
}

var oaepDigests = map[string]crypto.Hash{
	"":                        crypto.SHA1, // where none is named
	dsSpace + "sha1":          crypto.SHA1,
	encSpace + "sha256":       crypto.SHA256,
	moreSpace + "sha384":      crypto.SHA384,
	encSpace + "sha512":       crypto.SHA512,
	enc11Space + "mgf1sha1":   crypto.SHA1,
	enc11Space + "mgf1sha256": crypto.SHA256,
	enc11Space + "mgf1sha384": crypto.SHA384,
	enc11Space + "mgf1sha512": crypto.SHA512,
}

// Decrypt deciphers the element that another one holds enciphered, and reads it. What fails while it is deciphered is always the same error:
// who sends altered copies must not learn from it. The caller should look at a signature before or after.
func Decrypt(holder *Element, key crypto.Decrypter, limits Limits) (*Element, error) {
	data := holder.One(encSpace, "EncryptedData")
	if data == nil {
		return nil, malformed("enciphered data is missing")
	}
	algorithm := algorithmOf(data, encSpace, "EncryptionMethod")
	content, known := contentCiphers[algorithm]
	if !known {
		return nil, fault(ErrAlgorithm, "encryption '%.100s'", algorithm)
	}
	sealed, err := cipherValue(data)
	if err != nil {
		return nil, err
	}
	keys, err := sealedKeys(holder, data)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if plain, err := open(k, key, content, sealed); err == nil {
			if e, err := ParseWithin(holder, plain, limits); err == nil {
				return e, nil
			}
		}
	}
	return nil, ErrUndecipherable
}

func algorithmOf(e *Element, space, local string) string {
	if m := e.One(space, local); m != nil {
		return m.Attr("Algorithm")
	}
	return ""
}

// cipherValue is the ciphertext, which must stand in the element itself.
func cipherValue(e *Element) ([]byte, error) {
	if data := e.One(encSpace, "CipherData"); data != nil {
		if value := data.One(encSpace, "CipherValue"); value != nil {
			text, _ := value.Text()
			if sealed, err := decode(text); err == nil {
				return sealed, nil
			}
		}
	}
	return nil, malformed("enciphered data without a value")
}

// sealedKey is a content key, enciphered for some recipient.
type sealedKey struct {
	value   []byte
	options rsa.OAEPOptions
}

const recipientsMax = 8

// sealedKeys are those within the data or beside it.
func sealedKeys(holder, data *Element) (out []sealedKey, err error) {
	elements := holder.All(encSpace, "EncryptedKey")
	if info := data.One(dsSpace, "KeyInfo"); info != nil {
		elements = append(elements, info.All(encSpace, "EncryptedKey")...)
	}
	if len(elements) == 0 || len(elements) > recipientsMax {
		return nil, malformed("enciphered data with %d keys", len(elements))
	}
	for _, e := range elements {
		k, err := readSealedKey(e)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

func readSealedKey(e *Element) (k sealedKey, err error) {
	m := e.One(encSpace, "EncryptionMethod")
	if m == nil || m.Attr("Algorithm") != encSpace+"rsa-oaep-mgf1p" && m.Attr("Algorithm") != enc11Space+"rsa-oaep" {
		return k, fault(ErrAlgorithm, "a key that is not enciphered by RSA-OAEP")
	}
	hash, known := oaepDigests[algorithmOf(m, dsSpace, "DigestMethod")]
	mgf, knownMGF := oaepDigests[algorithmOf(m, enc11Space, "MGF")] // SHA-1 where none is named, as in the older of the two
	if !known || !knownMGF {
		return k, fault(ErrAlgorithm, "RSA-OAEP with an unknown digest")
	}
	k.options = rsa.OAEPOptions{Hash: hash, MGFHash: mgf}
	if params := m.One(encSpace, "OAEPparams"); params != nil {
		text, _ := params.Text()
		if k.options.Label, err = decode(text); err != nil {
			return k, malformed("parameters that are no base64")
		}
	}
	k.value, err = cipherValue(e)
	return k, err
}

// open deciphers the content with the key that is deciphered first.
func open(k sealedKey, key crypto.Decrypter, content contentCipher, sealed []byte) ([]byte, error) {
	secret, err := key.Decrypt(rand.Reader, k.value, &k.options)
	if err != nil || len(secret) != content.keyBytes {
		return nil, ErrUndecipherable
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return content.open(block, sealed)
}

func openGCM(block cipher.Block, sealed []byte) ([]byte, error) {
	aead, err := cipher.NewGCM(block)
	if err != nil || len(sealed) < aead.NonceSize() {
		return nil, ErrUndecipherable
	}
	return aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], nil)
}

// openCBC takes the padding off by its last byte, as XML has it: the bytes before that may be anything.
func openCBC(block cipher.Block, sealed []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(sealed) < 2*size || len(sealed)%size != 0 {
		return nil, ErrUndecipherable
	}
	plain := make([]byte, len(sealed)-size)
	cipher.NewCBCDecrypter(block, sealed[:size]).CryptBlocks(plain, sealed[size:])
	padding := int(plain[len(plain)-1])
	if padding < 1 || padding > size {
		return nil, ErrUndecipherable
	}
	return plain[:len(plain)-padding], nil
}
