package columnar

import (
	"encoding/binary"
	"io"

	flatbuffers "github.com/google/flatbuffers/go"
)

// magic stands at both ends of an Arrow file; streams have none.
const magic = "ARROW1"

// Places in the vtables of Arrow's own structures (format/File.fbs, format/Schema.fbs).
const (
	footerSchema  = 6
	messageHeader = 8
	messageBody   = 10
	schemaFields  = 6
	schemaMeta    = 8
	fieldChildren = 14
	fieldMeta     = 16
)

// checkFooter refuses an Arrow file whose footer holds lists longer than the footer itself. The reader would
// allocate them, and running out of memory cannot be caught.
func checkFooter(f io.ReaderAt, size int64) error {
	tail := make([]byte, 4+len(magic))
	if size < int64(2*len(magic)+4) {
		return &DamagedError{What: "too short for an Arrow file"}
	}
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
		return err
	}
	if string(tail[4:]) != magic {
		return &DamagedError{What: "an Arrow file ends with " + magic + ", and this one does not"}
	}
	length := int64(binary.LittleEndian.Uint32(tail))
	if length < 8 || length > size-int64(len(tail)+len(magic)) {
		return &DamagedError{What: "the footer's length is wrong"}
	}
	buf := make([]byte, length)
	if _, err := f.ReadAt(buf, size-int64(len(tail))-length); err != nil {
		return err
	}
	return checkSchema(buf, footerSchema)
}

// checkSchema looks at the schema in the slot of the structure that fills the buffer.
func checkSchema(buf []byte, slot flatbuffers.VOffsetT) error {
	root := flatbuffers.Table{Bytes: buf, Pos: flatbuffers.GetUOffsetT(buf)}
	schema, err := follow(&root, slot)
	if err != nil {
		return err
	}
	if _, err := listLength(schema, schemaMeta); err != nil {
		return err
	}
	return checkFields(schema, schemaFields, 64)
}

var errSchema = &DamagedError{What: "its description of the columns cannot be followed"}

func follow(t *flatbuffers.Table, slot flatbuffers.VOffsetT) (*flatbuffers.Table, error) {
	o := flatbuffers.UOffsetT(t.Offset(slot))
	if o == 0 {
		return nil, errSchema
	}
	return &flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(o + t.Pos)}, nil
}

// listLength returns the length of the list in the slot.
func listLength(t *flatbuffers.Table, slot flatbuffers.VOffsetT) (int, error) {
	o := flatbuffers.UOffsetT(t.Offset(slot))
	if o == 0 {
		return 0, nil
	}
	n := t.VectorLen(o)
	if n < 0 || n > len(t.Bytes)/4 {
		return 0, errSchema
	}
	return n, nil
}

func checkFields(t *flatbuffers.Table, slot flatbuffers.VOffsetT, depth int) error {
	n, err := listLength(t, slot)
	if err != nil || n == 0 {
		return err
	}
	if depth == 0 {
		return errSchema
	}
	at := t.Vector(flatbuffers.UOffsetT(t.Offset(slot)))
	for i := 0; i < n; i++ {
		field := &flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(at + flatbuffers.UOffsetT(4*i))}
		if _, err := listLength(field, fieldMeta); err != nil {
			return err
		}
		if err := checkFields(field, fieldChildren, depth-1); err != nil {
			return err
		}
	}
	return nil
}

// checkStreamStart does the same for the first message of a stream, which holds the schema.
func checkStreamStart(f io.ReaderAt, size int64) error {
	head := make([]byte, 8)
	if _, err := f.ReadAt(head, 0); err != nil {
		return &DamagedError{What: "too short for an Arrow stream"}
	}
	at, length := int64(8), int64(binary.LittleEndian.Uint32(head[4:]))
	if binary.LittleEndian.Uint32(head) != 0xFFFFFFFF { // streams before Arrow 0.15
		at, length = 4, int64(binary.LittleEndian.Uint32(head))
	}
	if length < 8 || at+length > size {
		return &DamagedError{What: "neither an Arrow file nor an Arrow stream"}
	}
	buf := make([]byte, length)
	if _, err := f.ReadAt(buf, at); err != nil {
		return err
	}
	return checkSchema(buf, messageHeader)
}

// checkStream refuses an Arrow stream whose messages are not where their lengths say, which the reader would allocate,
// and one without its end mark: cut between two batches it would read as a whole one.
func checkStream(f io.ReaderAt, size int64) error {
	for at := int64(0); ; {
		length, head, err := messageLength(f, at, size)
		if err != nil {
			return err
		}
		if at += head; length == 0 {
			return nil
		}
		buf := make([]byte, length)
		if _, err := f.ReadAt(buf, at); err != nil {
			return err
		}
		body := int64(0)
		message := &flatbuffers.Table{Bytes: buf, Pos: flatbuffers.GetUOffsetT(buf)}
		if o := flatbuffers.UOffsetT(message.Offset(messageBody)); o != 0 {
			body = message.GetInt64(o + message.Pos)
		}
		if at += length; body < 0 || body > size-at {
			return &DamagedError{What: "a batch is longer than the stream"}
		}
		at += body
	}
}

// messageLength reads how long the description of the message at the place is, and how many bytes say so.
func messageLength(f io.ReaderAt, at, size int64) (length, head int64, err error) {
	buf := make([]byte, 8)
	if size-at < 4 {
		return 0, 0, &DamagedError{What: "an Arrow stream ends with a mark, and this one does not"}
	}
	if _, err := f.ReadAt(buf[:min(8, size-at)], at); err != nil {
		return 0, 0, err
	}
	length, head = int64(binary.LittleEndian.Uint32(buf)), 4 // streams before Arrow 0.15
	if length == 0xFFFFFFFF {
		length, head = int64(binary.LittleEndian.Uint32(buf[4:])), 8
	}
	if length > 0 && length < 8 || length > size-at-head {
		return 0, 0, &DamagedError{What: "a description is longer than the stream"}
	}
	return length, head, nil
}
