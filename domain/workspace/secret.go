package workspace

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"log/slog"
	"strings"
	"sync"

	"orderbridge/domain/problem"
)

// SecretKeyBytes is the size of the key under which header values are hashed.
const SecretKeyBytes = 32

// SecretKey is the key under which header values are hashed. It is kept outside the database, so that a copy of the
// database gives no header value away, not even a guessable one.
type SecretKey struct {
	key [SecretKeyBytes]byte
	// macs are at hand, because each delivery asks for as many hashes as there may be shops, and most of what one costs is to
	// take the key in.
	macs *sync.Pool
}

func newSecretKey(key [SecretKeyBytes]byte) SecretKey {
	return SecretKey{key: key, macs: &sync.Pool{New: func() any { return hmac.New(sha256.New, key[:]) }}}
}

// NewSecretKey makes a random key.
func NewSecretKey() SecretKey {
	var key [SecretKeyBytes]byte
	_, _ = rand.Read(key[:]) // never fails: crypto/rand ends the program instead
	return newSecretKey(key)
}

// ParseSecretKey reads a key from its text form, 64 hexadecimal digits.
func ParseSecretKey(text string) (SecretKey, error) {
	raw, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != SecretKeyBytes {
		return SecretKey{}, problem.Invalid("secret-key-unreadable",
			"the secret key is 64 hexadecimal digits (32 bytes); make one with: openssl rand -hex 32")
	}
	return newSecretKey([SecretKeyBytes]byte(raw)), nil
}

// Text is the key's text form, for the one file that keeps it.
func (k SecretKey) Text() string { return hex.EncodeToString(k.key[:]) }

// LogValue keeps the key out of logs.
func (SecretKey) LogValue() slog.Value { return slog.StringValue("secret") }

// String keeps the key out of formatted text.
func (SecretKey) String() string { return "secret" }

// Hash is the keyed hash of a header value.
func (k SecretKey) Hash(value string) HeaderHash {
	mac := k.macs.Get().(hash.Hash)
	defer k.macs.Put(mac)
	mac.Reset()
	mac.Write([]byte(value))
	var sum HeaderHash
	mac.Sum(sum[:0])
	return sum
}

// Check is a proof of which key this is, that does not give it away.
func (k SecretKey) Check() [sha256.Size]byte { return k.Hash("orderbridge secret key check") }

// sealKey is the key that secrets are sealed with. It is another one than that of hashes.
func (k SecretKey) sealKey() cipher.AEAD {
	derived, err := hkdf.Key(sha256.New, k.key[:], nil, "orderbridge sealed secrets", SecretKeyBytes)
	if err != nil {
		panic(err) // it is short enough
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		panic(err) // it has the right size
	}
	sealer, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // as above
	}
	return sealer
}

// Seal makes a secret unreadable without the key. Where says whose secret it is: it opens nowhere else.
func (k SecretKey) Seal(secret []byte, where string) []byte {
	return k.sealKey().Seal(nil, nil, secret, []byte(where)) //nolint:gosec // it makes a random nonce itself, and wants none
}

var errSealBroken = problem.Conflict("sealed-unreadable",
	"a stored secret cannot be opened with this secret key; set the secret again, or start with the key that it was sealed with")

// Open reads what Seal made.
func (k SecretKey) Open(sealed []byte, where string) ([]byte, error) {
	secret, err := k.sealKey().Open(nil, nil, sealed, []byte(where))
	if err != nil {
		return nil, errSealBroken.Because(err)
	}
	return secret, nil
}

// HeaderHash is the keyed hash of a header value.
type HeaderHash [sha256.Size]byte

// Equal compares in constant time.
func (h HeaderHash) Equal(other HeaderHash) bool {
	return subtle.ConstantTimeCompare(h[:], other[:]) == 1
}

// NewHeaderValue makes a header value of 256 random bits, for a shop whose owner chose none.
func NewHeaderValue() string { return randomText() }

// The prefixes make a leaked token findable by scanners.
const (
	tokenPrefix      = "obt_"
	invitationPrefix = "obi_"
)

// NewToken makes an API token of 256 random bits.
func NewToken() string { return tokenPrefix + randomText() }

func newInvitationToken() string { return invitationPrefix + randomText() }

func randomText() string {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// TokenHash is what is kept of a token, of the API, of a link or of a session. A plain hash is enough: nobody can try 2^256 tokens.
func TokenHash(token string) [sha256.Size]byte { return sha256.Sum256([]byte(token)) }
