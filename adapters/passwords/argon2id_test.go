package passwords_test

import (
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	"orderbridge/adapters/passwords"
)

// quick are parameters that take no time.
var quick = argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

func TestAPasswordIsThatOfItsHashAlone(t *testing.T) {
	t.Parallel()
	hasher := passwords.New(quick)
	hash, err := hasher.Hash("mật khẩu dài")
	if err != nil {
		t.Fatal(err)
	}
	again, err := hasher.Hash("mật khẩu dài")
	if err != nil || again == hash || strings.Contains(hash, "mật") {
		t.Errorf("hashed twice it is %s and %s, %v", hash, again, err)
	}
	for password, want := range map[string]bool{
		"mật khẩu dài":                  true,
		norm.NFD.String("mật khẩu dài"): true, // the same letters, typed as several characters each
		"Mật khẩu dài":                  false,
		"mật khẩu dài ":                 false,
		"":                              false,
	} {
		if right, err := hasher.Verify(password, hash); right != want || err != nil {
			t.Errorf("%q: %t, %v", password, right, err)
		}
	}
	if right, err := passwords.New(passwords.Usual()).Verify("mật khẩu dài", hash); !right || err != nil {
		t.Errorf("with other parameters by now: %t, %v", right, err)
	}
	if _, err := hasher.Verify("mật khẩu dài", "scrypt:1234"); err == nil {
		t.Error("what is no hash was read")
	}
}

// TestNobodyHasTheEmptyHash: it is looked at with the parameters of any other, so that it takes as long.
func TestNobodyHasTheEmptyHash(t *testing.T) {
	t.Parallel()
	hasher := passwords.New(quick)
	for _, password := range []string{"", "mật khẩu dài"} {
		if right, err := hasher.Verify(password, ""); right || err != nil {
			t.Errorf("%q: %t, %v", password, right, err)
		}
	}
	params, salt, key, err := argon2id.DecodeHash(hasher.Nobody())
	if err != nil || *params != quick || len(salt) != 16 || len(key) != 32 {
		t.Errorf("%+v with salt %x and key %x, %v", params, salt, key, err)
	}
	if hasher.Nobody() == passwords.New(quick).Nobody() {
		t.Error("two programs compare with the same hash")
	}
}

// TestUsualParameters: at least what OWASP's Password Storage Cheat Sheet asks for, and little enough for two at once in 128 MiB.
func TestUsualParameters(t *testing.T) {
	t.Parallel()
	if p := passwords.Usual(); p.Memory < 19<<10 || p.Memory > 32<<10 || p.Iterations < 2 || p.SaltLength < 16 || p.KeyLength < 32 {
		t.Errorf("%+v", p)
	}
}

func BenchmarkVerify(b *testing.B) {
	hasher := passwords.New(passwords.Usual())
	b.ReportAllocs()
	for b.Loop() {
		if right, err := hasher.Verify("mật khẩu dài", ""); right || err != nil {
			b.Fatal(right, err)
		}
	}
}
