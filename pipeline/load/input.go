package load

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// input is a file being read from its beginning to its end, unpacked, with its digest taken on the way. It guards
// what comes after it: nothing is read that is not bounded.
type input struct {
	file   File
	f      *os.File
	digest hash.Hash
	raw    io.Reader // the file's bytes, through the digest
	data   io.Reader // unpacked
	unpack func()    // releases the unpacker
	given  int64     // unpacked bytes
}

// maxWindow bounds the memory of a zstd stream; it is what `zstd --long` writes.
const maxWindow = 128 << 20

func openInput(file File) (*input, error) {
	f, err := openExport(file.Path)
	if err != nil {
		return nil, err
	}
	in := &input{file: file, f: f, digest: sha256.New(), unpack: func() {}}
	in.raw = io.TeeReader(bufio.NewReaderSize(watched{f, file.guard}, 1<<20), in.digest)
	in.data = in.raw
	switch file.Packing {
	case Gzip:
		// A bufio.Reader is what gzip needs to read no byte too many, and it must sit above the digest.
		z, err := gzip.NewReader(bufio.NewReaderSize(in.raw, 1<<16))
		if err != nil {
			return nil, errors.Join(in.unpackFault(err), f.Close())
		}
		in.data, in.unpack = z, func() { _ = z.Close() }
	case Zstd:
		z, err := zstd.NewReader(in.raw, zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, errors.Join(in.unpackFault(err), f.Close())
		}
		in.data, in.unpack = z, z.Close
	}
	return in, nil
}

// unpackFault words a fault of the packing for people.
func (in *input) unpackFault(err error) error {
	what := fmt.Sprintf("cannot be unpacked (%s): %v", in.file.Packing, err)
	switch {
	case in.file.Bytes == 0:
		what = "is empty"
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		what = fmt.Sprintf("is cut short: its %s data ends too early", in.file.Packing)
	}
	return &FileError{Path: in.file.Path, What: what, Err: err}
}

// Read gives unpacked bytes.
func (in *input) Read(p []byte) (int, error) {
	n, err := in.data.Read(p)
	in.given += int64(n)
	if err := in.file.guard.unpacked(in.file, in.given); err != nil {
		return 0, err
	}
	if serr := in.file.guard.stopped(); serr != nil {
		return 0, serr
	}
	if err != nil && !errors.Is(err, io.EOF) && in.file.Packing != Plain {
		err = in.unpackFault(err)
	}
	return n, err
}

// finish reads what is left of the file and returns its SHA-256. It is an error if the file is not any more what was
// scanned.
func (in *input) finish() (string, error) {
	if _, err := io.Copy(io.Discard, in.raw); err != nil {
		return "", err
	}
	if err := unchanged(in.file); err != nil {
		return "", err
	}
	return hex.EncodeToString(in.digest.Sum(nil)), nil
}

// Close closes the file.
func (in *input) Close() error {
	in.unpack()
	return in.f.Close()
}

// unchanged holds a file's size and time against what was scanned.
func unchanged(file File) error {
	info, err := os.Stat(file.Path)
	if err != nil {
		return err
	}
	if info.Size() != file.Bytes || info.ModTime().UnixNano() != file.ModifiedNS {
		return &FileError{Path: file.Path, What: ErrChanging.Error(), Err: ErrChanging}
	}
	return nil
}

// fileDigest returns the SHA-256 of a file.
func fileDigest(file File) (string, error) {
	f, err := openExport(file.Path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, watched{f, file.guard}); err != nil {
		return "", err
	}
	if err := unchanged(file); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
