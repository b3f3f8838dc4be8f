package emit

import (
	"bytes"
	"errors"
	"io"
)

// chunkSize, in bytes, is what is read and written at once.
const chunkSize = 1 << 20

// chunker cuts what it reads into texts of whole lines.
type chunker struct {
	r   io.Reader
	buf []byte // what was read and not yet handed out
}

// next returns the lines that come next, as one text that ends with LF. At the end of the input it returns what is
// left, whatever it ends with.
func (c *chunker) next() (chunk string, end bool, err error) {
	for {
		if cap(c.buf)-len(c.buf) < chunkSize/2 {
			c.buf = append(make([]byte, 0, len(c.buf)+chunkSize), c.buf...)
		}
		n, err := c.r.Read(c.buf[len(c.buf):cap(c.buf)])
		at := len(c.buf) + bytes.LastIndexByte(c.buf[len(c.buf):len(c.buf)+n], '\n') + 1
		found := at > len(c.buf)
		c.buf = c.buf[:len(c.buf)+n]
		if errors.Is(err, io.EOF) {
			chunk = string(c.buf)
			c.buf = c.buf[:0]
			return chunk, true, nil
		}
		if err != nil {
			return "", false, err
		}
		if found {
			chunk = string(c.buf[:at])
			c.buf = c.buf[:copy(c.buf, c.buf[at:])]
			return chunk, false, nil
		}
	}
}

// putBack hands back the end of a text, to be handed out again with what follows it.
func (c *chunker) putBack(rest string) {
	if rest != "" {
		c.buf = append(append(make([]byte, 0, len(rest)+len(c.buf)+chunkSize), rest...), c.buf...)
	}
}
