package schedule

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"

	"accrue/jobs"
)

// SignatureHeader is the header that a webhook is signed in: `t=<seconds since 1970>,v1=<hex>`, where v1 is the
// HMAC-SHA256 of `<t>.<body>` with the hook's key. A receiver compares it, and refuses a t that is long ago.
const SignatureHeader = "Accrue-Signature"

// Sign returns the header's value.
func Sign(key []byte, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// client follows no redirects: the address is the one that was written down.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// firstPause is before the second attempt of a webhook; it doubles from there.
const firstPause = 500 * time.Millisecond

// webhook posts the notice. What cannot pass, such as 404, is not tried again. It returns the name of the hook for
// messages: neither the path nor the query of the address, which may be a secret.
func (s *notices) webhook(ctx context.Context, h *jobs.HookConfig, n *Notice, body []byte) (name string, err error) {
	address := h.URL
	if h.URLEnv != "" {
		if address = os.Getenv(h.URLEnv); address == "" {
			return h.URLEnv, fmt.Errorf("the environment variable %s, which holds its url, is not set", h.URLEnv)
		}
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return h.URLEnv, errors.New("its url cannot be read") // err would show it
	}
	name = u.Scheme + "://" + u.Host
	key, err := s.key(h)
	if err != nil {
		return name, err
	}
	pause := &backoff.ExponentialBackOff{InitialInterval: firstPause, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: time.Minute}
	for try := 0; ; try++ {
		again, err := s.post(ctx, h, n, address, key, body)
		if err == nil || !again || try == h.Retries || ctx.Err() != nil {
			return name, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause.NextBackOff()):
		}
	}
}

// key reads the key to sign with; nil for none. It is read anew for every notice, so that it can be changed.
func (s *notices) key(h *jobs.HookConfig) ([]byte, error) {
	var key []byte
	switch {
	case h.KeyEnv != "":
		key = []byte(os.Getenv(h.KeyEnv))
	case h.KeyFile != "":
		path := h.KeyFile
		if !filepath.IsAbs(path) {
			path = filepath.Join(s.dir, path)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading its key: %w", err)
		}
		key = bytes.TrimSpace(text)
	default:
		return nil, nil
	}
	if len(key) == 0 {
		return nil, fmt.Errorf("its key (%s%s) is empty; nothing is sent without a signature", h.KeyEnv, h.KeyFile)
	}
	return key, nil
}

// post is one attempt. It says whether another one makes sense.
func (s *notices) post(ctx context.Context, h *jobs.HookConfig, n *Notice, address string, key, body []byte) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, h.TimeLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return false, errors.New("its url cannot be read")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "accrue")
	req.Header.Set("Accrue-Event", n.Event)
	if key != nil {
		req.Header.Set(SignatureHeader, Sign(key, s.clock.Now(), body))
	}
	res, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the address
		}
		return true, err
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.CopyN(io.Discard, res.Body, 1<<16) // so that the connection can be used again
	if res.StatusCode/100 == 2 {
		return false, nil
	}
	return res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusRequestTimeout,
		fmt.Errorf("it answered %s", res.Status)
}
