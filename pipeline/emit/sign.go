package emit

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"

	"accrue/schemas"
)

// Signer signs manifests. The same text gets the same signature.
type Signer interface {
	KeyID() string
	Sign(text []byte) []byte
}

// Verifier checks a signature by the key of an id. The error says why it does not hold.
type Verifier func(keyID string, text, signature []byte) error

// signatureName is the name of a manifest's signature in a published folder.
const signatureName = schemas.ManifestName + ".minisig"

// keyOf is the id of the key that is signed with, "" for none.
func keyOf(s Signer) string {
	if s == nil {
		return ""
	}
	return s.KeyID()
}

// sign signs the manifest, if it is to be signed.
func (s *Staged) sign(o Options) error {
	if s.Manifest.SignedBy == "" {
		return nil
	}
	if o.Signer == nil || o.Signer.KeyID() != s.Manifest.SignedBy {
		return fmt.Errorf("its manifest is to be signed by the key %s, which is not the one that is configured (signing in accrue.yaml)",
			s.Manifest.SignedBy)
	}
	s.signature = o.Signer.Sign(s.Text)
	return nil
}

// putSignature puts the signature beside the manifest.
func (s *Staged) putSignature(w *writer) error {
	if s.signature == nil {
		return nil
	}
	f := &written{path: filepath.Join(s.hidden, signatureName), hash: sha256.New()}
	w.files = append(w.files, f)
	if err := w.create(f); err != nil {
		return err
	}
	_, err := f.Write(s.signature)
	return err
}

// signed reads the signature in a folder back.
func (s *Staged) signed(o Options) error {
	if s.Manifest.SignedBy == "" {
		return nil
	}
	path := filepath.Join(s.hidden, signatureName)
	got, err := readFile(s.fs, path)
	if err != nil {
		return fmt.Errorf("reading back %s: %w", path, err)
	}
	if s.signature != nil && string(got) != string(s.signature) || o.Verify != nil && o.Verify(s.Manifest.SignedBy, s.Text, got) != nil {
		return fmt.Errorf("reading back %s: %w", path, ErrReadBack)
	}
	return nil
}

// signature verifies the signature of a published manifest. Who signed stands in the manifest, and so in the chain: a
// signature cannot be left out later.
func (v *verification) signature(p recorded, m *schemas.Manifest, text []byte) {
	if m.SignedBy == "" {
		return
	}
	at := p.String() + "/" + signatureName
	signature, err := readFile(v.fs, filepath.Join(v.dir, p.folder(), signatureName))
	if err == nil {
		err = errors.New("no public key is configured to verify it with (signing: {public_keys: […]} in accrue.yaml)")
		if v.verify != nil {
			err = v.verify(m.SignedBy, text, signature)
		}
	}
	if err != nil {
		v.add(ProblemManifest, at, "the signature does not hold: "+err.Error())
	}
}
