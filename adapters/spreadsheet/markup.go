package spreadsheet

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"orderbridge/domain/problem"
)

const (
	// maxTokenBytes bounds a tag, and the text between two: what a cell may hold, each letter of it written as a number.
	maxTokenBytes = 1 << 20
	// maxDepth bounds elements in one another. A cell's text is the tenth at most.
	maxDepth = 100
)

// markup reads XML as a stream and remembers nothing, so what a file says cannot make it grow.
type markup struct {
	part    io.ReadCloser
	bounded *boundedReader
	decoder *xml.Decoder
	depth   int
	left    *int // bytes that may still be unpacked of the whole archive
}

// element is one with its attributes, whose prefixes are left out.
type element struct {
	name       string
	attributes []xml.Attr
}

func (e element) attribute(name string) string {
	for _, attribute := range e.attributes {
		if attribute.Name.Local == name {
			return attribute.Value
		}
	}
	return ""
}

// node is where an element begins or ends, or a text.
type node struct {
	element

	begins, ends bool
	text         []byte // valid until the next node
}

func newMarkup(part io.ReadCloser, left *int) *markup {
	m := &markup{part: part, left: left}
	m.bounded = &boundedReader{from: readerFunc(m.unpack)}
	m.decoder = xml.NewDecoder(m.bounded)
	return m
}

type readerFunc func([]byte) (int, error)

// Read reads.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// unpack reads what is left of the part, as far as may be.
func (m *markup) unpack(p []byte) (int, error) {
	n, err := m.part.Read(p)
	if *m.left -= n; *m.left < 0 {
		return 0, errUnpacksTooMuch
	}
	return n, err
}

// next reads the next node. It fails with io.EOF behind the last. Comments and instructions are passed over.
func (m *markup) next() (node, error) {
	for {
		m.bounded.left = maxTokenBytes
		token, err := m.decoder.RawToken()
		switch {
		case errors.Is(err, io.EOF) && m.depth == 0:
			return node{}, io.EOF
		case err != nil:
			return node{}, unreadable(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if m.depth++; m.depth > maxDepth {
				return node{}, errBrokenWorkbook
			}
			return node{element: element{token.Name.Local, token.Attr}, begins: true}, nil
		case xml.EndElement:
			if m.depth--; m.depth < 0 {
				return node{}, errBrokenWorkbook
			}
			return node{element: element{name: token.Name.Local}, ends: true}, nil
		case xml.CharData:
			return node{text: token}, nil
		}
	}
}

// skip passes over the rest of the element that has just begun.
func (m *markup) skip() error {
	for outside := m.depth - 1; m.depth > outside; {
		if _, err := m.next(); err != nil {
			return unreadable(err)
		}
	}
	return nil
}

// text is that of the element that has just begun, in whatever parts it is written. How it is pronounced, which Japanese texts say, is no
// part of it.
func (m *markup) text() (string, error) {
	var text strings.Builder
	for outside := m.depth - 1; m.depth > outside; {
		node, err := m.next()
		switch {
		case err != nil:
			return "", unreadable(err)
		case node.begins && (node.name == "rPh" || node.name == "rPr"):
			if err := m.skip(); err != nil {
				return "", err
			}
		case node.text != nil:
			text.Write(node.text)
		}
		if text.Len() > maxCellLetters*4 {
			return "", errCellTooLong
		}
	}
	return text.String(), nil
}

// drain reads the part to its end, without which nobody knows whether it is whole.
func (m *markup) drain() error {
	if _, err := io.Copy(io.Discard, readerFunc(m.unpack)); err != nil {
		return unreadable(err)
	}
	return nil
}

func (m *markup) close() error { return m.part.Close() }

// unreadable is what is wrong with a workbook whose reading failed: an error that says so itself, or that it is broken.
func unreadable(err error) error {
	if refused, ok := problem.Of(err); ok {
		return refused
	}
	if errors.Is(err, errTooLong) {
		return errCellTooLong
	}
	if errors.Is(err, io.EOF) { // before what was begun had ended
		err = io.ErrUnexpectedEOF
	}
	return errBrokenWorkbook.Because(err)
}
