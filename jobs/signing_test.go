package jobs

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
	"github.com/google/go-cmp/cmp"
)

// keyPair makes a key of minisign from a seed byte, as text.
func keyPair(t *testing.T, seed byte) (public, secret string) {
	t.Helper()
	pub, sec, err := minisign.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{seed}, 1000)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := sec.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	return pub.String(), string(text)
}

// signedProject is the sample with a signing key in the environment.
func signedProject(t *testing.T, public string) *Project {
	t.Helper()
	p := sampleProject(t)
	write(t, filepath.Join(p.Dir, SettingsName), fmt.Sprintf("signing: {key_env: SIGNING_KEY, public_keys: [%q]}\n", public))
	return open(t, p.Dir)
}

func findings(t *testing.T, p *Project) string {
	t.Helper()
	r, err := p.OpenReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	v, err := r.Verify(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range v.Findings {
		out = append(out, f.What)
	}
	return strings.Join(out, "\n")
}

const signedFolder = "jcb/date=2026-11-20/seq=001"

// Manifests are signed by the key in the environment; verify notices a signature that was changed, is gone, or is of
// another key; the key itself is in no file.
func TestManifestsAreSigned(t *testing.T) {
	public, secret := keyPair(t, 1)
	other, _ := keyPair(t, 2)
	t.Setenv("SIGNING_KEY", secret)
	p := signedProject(t, public)
	run(t, p, nights...)
	if got := findings(t, p); got != "" {
		t.Fatalf("verify finds %s", got)
	}
	manifest, err := os.ReadFile(filepath.Join(p.grantsDir(), signedFolder, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.grantsDir(), signedFolder, "manifest.json.minisig")
	signature, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var key minisign.PublicKey
	if err := key.UnmarshalText([]byte(public)); err != nil {
		t.Fatal(err)
	}
	if !minisign.Verify(key, manifest, signature) || !strings.Contains(string(manifest), fmt.Sprintf(`"signed_by": "%016X"`, key.ID())) {
		t.Error("the manifest does not bear the key's signature")
	}
	for i := range signature {
		if i%5 > 0 {
			continue
		}
		bad := bytes.Clone(signature)
		bad[i] ^= 1 << (i % 8)
		write(t, path, string(bad))
		if got := findings(t, p); !strings.Contains(got, signedFolder+"/manifest.json.minisig: the signature does not hold") {
			t.Errorf("bit %d flipped (%q): verify finds %q", i, string(signature[max(0, i-5):i+1]), got)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := findings(t, p); !strings.Contains(got, "manifest.json.minisig: the signature does not hold") {
		t.Errorf("without a signature verify finds %q", got)
	}
	write(t, path, string(signature))
	for settings, want := range map[string]string{
		fmt.Sprintf("signing: {public_keys: [%q]}\n", other): "which is not among the public_keys",
		"": "no public key is configured to verify it with",
		fmt.Sprintf("signing: {public_keys: [%q, %q]}\n", other, public): "",
	} {
		write(t, filepath.Join(p.Dir, SettingsName), settings)
		if got := findings(t, open(t, p.Dir)); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%sverify finds %q, want %q", settings, got, want)
		}
	}
	second := strings.Split(secret, "\n")[1]
	if err := filepath.WalkDir(p.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(second[40:80])) {
			t.Errorf("%s holds the secret key", path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// A killed run's publication is signed again, with the same bytes.
func TestASignatureIsMadeAgain(t *testing.T) {
	public, secret := keyPair(t, 1)
	t.Setenv("SIGNING_KEY", secret)
	calm, p := signedProject(t, public), signedProject(t, public)
	run(t, calm, nights[0])
	start(t, p, nights[0], "publish.rename")
	hidden := filepath.Join(p.grantsDir(), "jcb/date=2026-11-20/.seq=001.staging/manifest.json.minisig")
	if err := os.Remove(hidden); err != nil {
		t.Fatal(err)
	}
	// Without the key, or with another one, it is not published.
	_, another := keyPair(t, 2)
	d := day(t, nights[0])
	for key, want := range map[string]string{
		"": "SIGNING_KEY is empty or not set", "nonsense": "holds no secret key of minisign", another: "is not the one that is configured",
	} {
		t.Setenv("SIGNING_KEY", key)
		if _, err := Run(t.Context(), p, RunOptions{Date: &d}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	t.Setenv("SIGNING_KEY", secret)
	run(t, p, nights[0])
	if diff := cmp.Diff(published(t, calm, nil), published(t, p, nil)); diff != "" {
		t.Errorf("published files (-undisturbed +killed):\n%s", diff)
	}
}
