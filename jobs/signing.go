package jobs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"aead.dev/minisign"

	"accrue/pipeline/emit"
	"accrue/pipeline/yamlpos"
)

// SigningConfig says with what manifests are signed and verified; the zero value: they are not signed.
type SigningConfig struct {
	// KeyEnv and KeyFile name what holds the secret key, as minisign writes it: an environment variable or a file.
	KeyEnv, KeyFile string
	PasswordEnv     string   // environment variable that holds the key's password; "" for a key without
	PublicKeys      []string // as minisign writes them in one line: keys that signatures may be of
}

func (c *configReader) signing(n *yamlpos.Node) {
	const example = "write signing: {key_env: ACCRUE_SIGNING_KEY, public_keys: [RW…]}"
	m := c.Map(n, example)
	if m == nil {
		return
	}
	s := &c.cfg.Signing
	c.text(m.Get("key_env"), &s.KeyEnv)
	c.text(m.Get("key_file"), &s.KeyFile)
	c.text(m.Get("password_env"), &s.PasswordEnv)
	if s.KeyEnv != "" && s.KeyFile != "" {
		c.Fault(n.Pos, "write one of them", "signing has a key_env or a key_file, not both")
	}
	if keys := m.Get("public_keys"); keys != nil {
		items, _ := c.Items(keys, example)
		nodes, _ := c.Distinct(items)
		for _, it := range nodes {
			var key minisign.PublicKey
			if err := key.UnmarshalText([]byte(it.Text)); err != nil {
				c.Fault(it.Pos, "write the second line of the file that minisign calls minisign.pub", "this is no public key of minisign")
			}
			s.PublicKeys = append(s.PublicKeys, it.Text)
		}
	}
	m.Close()
}

// minisigner signs with a secret key.
type minisigner struct{ key minisign.PrivateKey }

func (s minisigner) KeyID() string { return keyID(s.key.ID()) }

// keyID writes the id of a key as minisign does.
func keyID(id uint64) string { return fmt.Sprintf("%016X", id) }

// Sign makes a signature that `minisign -V` takes. It holds no time, so that the same manifest has the same one.
func (s minisigner) Sign(text []byte) []byte {
	r := minisign.NewReader(bytes.NewReader(text))
	_, _ = io.Copy(io.Discard, r) // of memory
	return r.SignWithComments(s.key, "accrue manifest", untrusted(s.KeyID()))
}

func untrusted(id string) string { return "signature of accrue, key " + id }

// signer reads the secret key; nil where manifests are not signed. The error never shows it.
func (p *Project) signer() (emit.Signer, error) {
	c := p.Config.Signing
	var text []byte
	var from string
	switch {
	case c.KeyEnv != "":
		text, from = []byte(os.Getenv(c.KeyEnv)), "the environment variable "+c.KeyEnv
	case c.KeyFile != "":
		var err error
		if text, err = os.ReadFile(p.path(c.KeyFile)); err != nil {
			return nil, p.noKey(err)
		}
		from = p.path(c.KeyFile)
	default:
		return nil, nil
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, p.noKey(errors.New(from + " is empty or not set"))
	}
	var key minisign.PrivateKey
	var err error
	if c.PasswordEnv != "" {
		key, err = minisign.DecryptKey(os.Getenv(c.PasswordEnv), text)
	} else {
		err = key.UnmarshalText(text)
	}
	if err != nil {
		return nil, p.noKey(fmt.Errorf("%s holds no secret key of minisign that can be read with its password", from))
	}
	return minisigner{key}, nil
}

func (p *Project) noKey(err error) error {
	return &hintError{error: fmt.Errorf("manifests cannot be signed: %w", err), class: Refused,
		hint: "`minisign -G -W` makes a key without password; `signing` in accrue.yaml says where it is"}
}

// verifier checks signatures by the public keys of accrue.yaml; nil where there are none.
func (p *Project) verifier() emit.Verifier {
	if len(p.Config.Signing.PublicKeys) == 0 {
		return nil
	}
	return func(id string, text, signature []byte) error {
		for _, line := range p.Config.Signing.PublicKeys {
			var key minisign.PublicKey
			if err := key.UnmarshalText([]byte(line)); err != nil || keyID(key.ID()) != strings.ToUpper(id) {
				continue
			}
			if !minisign.Verify(key, text, signature) {
				return errors.New("it is not the key's signature of this manifest")
			}
			// Its first line is not signed, and a last bit may be of no meaning; a change is a change.
			var s minisign.Signature
			if err := s.UnmarshalText(signature); err != nil {
				return err
			}
			if again, err := s.MarshalText(); err != nil || !bytes.Equal(again, signature) || s.UntrustedComment != untrusted(keyID(key.ID())) {
				return errors.New("it is not as it was written")
			}
			return nil
		}
		return fmt.Errorf("it is to be by the key %s, which is not among the public_keys", id)
	}
}
