package spreadsheet

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// sharedTexts are those that cells refer to by their number. They stand in files that are gone when they are closed, or when the program
// ends, so that their number costs no memory.
type sharedTexts struct {
	texts *os.File
	ends  *os.File // where each text ends, in bytes: endBytes each
	count int
}

const endBytes = 4

// sharedTexts reads them. A workbook has one part of them, or none.
func (a *archive) sharedTexts(parts []relation) (_ *sharedTexts, err error) {
	t := &sharedTexts{}
	if len(parts) == 0 {
		return t, nil
	}
	part, err := a.open(parts[0].target)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, part.close()) }()
	var failures [2]error
	t.texts, failures[0] = passingFile()
	t.ends, failures[1] = passingFile()
	err = errors.Join(failures[:]...)
	if err == nil {
		err = t.read(part)
	}
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

// passingFile is one that lives as long as it is open.
func passingFile() (*os.File, error) {
	file, err := os.CreateTemp("", "orderbridge-workbook-")
	if err != nil {
		return nil, fmt.Errorf("keep the workbook's texts: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("keep the workbook's texts: %w", err), file.Close())
	}
	return file, nil
}

func (t *sharedTexts) read(part *markup) error {
	texts, ends := bufio.NewWriter(t.texts), bufio.NewWriter(t.ends)
	for end := 0; ; {
		node, err := part.next()
		switch {
		case errors.Is(err, io.EOF):
			if err := errors.Join(texts.Flush(), ends.Flush()); err != nil {
				return fmt.Errorf("keep the workbook's texts: %w", err)
			}
			return nil
		case err != nil:
			return err
		case !node.begins || node.name != "si":
			continue
		}
		text, err := part.text()
		if err != nil {
			return err
		}
		n, failure := texts.WriteString(unescaped(text))
		end += n
		place := uint32(end) //nolint:gosec // maxUnpackedBytes is less
		if err := errors.Join(failure, binary.Write(ends, binary.LittleEndian, place)); err != nil {
			return fmt.Errorf("keep the workbook's texts: %w", err)
		}
		t.count++
	}
}

// at is the text of a number, from 0.
func (t *sharedTexts) at(number string) (string, error) {
	i, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil || i < 0 || i >= t.count {
		return "", errBrokenWorkbook
	}
	var around [2 * endBytes]byte // where the text before it ends, and where it does
	if i == 0 {
		_, err = t.ends.ReadAt(around[endBytes:], 0)
	} else {
		_, err = t.ends.ReadAt(around[:], int64(i-1)*endBytes)
	}
	begin, end := binary.LittleEndian.Uint32(around[:]), binary.LittleEndian.Uint32(around[endBytes:])
	text := make([]byte, end-begin)
	if err == nil {
		_, err = t.texts.ReadAt(text, int64(begin))
	}
	if err != nil {
		return "", fmt.Errorf("read the workbook's texts: %w", err)
	}
	return string(text), nil
}

func (t *sharedTexts) close() error {
	var failures []error
	for _, file := range []*os.File{t.texts, t.ends} {
		if file != nil {
			failures = append(failures, file.Close())
		}
	}
	return errors.Join(failures...)
}
