package spreadsheet

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"orderbridge/domain/problem"
)

const saveAsUTF8 = `in Excel choose Save As, "CSV UTF-8 (Comma delimited)"; in Google Sheets, File, Download, "Comma-separated values"`

var errNotText = problem.Malformed("file-not-utf8", "the file is not UTF-8 text; save it again: "+saveAsUTF8)

var errCutOff = problem.Malformed("file-unreadable",
	"the last letter of this UTF-16 file is cut off, so more of it may be missing; save or copy it again")

// decoded is a text file as UTF-8 with line feeds, from whichever encoding it is in. What cannot be told for sure is refused: a name in
// the wrong letters is worse than none.
func decoded(file io.ReaderAt, size int64) (io.Reader, error) {
	looked, err := lookAt(file, size)
	if err != nil {
		return nil, err
	}
	var text io.Reader = io.NewSectionReader(file, 0, size)
	switch looked.mark {
	case markUTF16LE, markUTF16BE:
		if size%2 != 0 {
			return nil, errCutOff
		}
		text = transform.NewReader(text, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder())
		// The bytes said nothing of how lines end.
		return &carriageReturns{from: text}, nil
	case markUTF8:
		text = io.NewSectionReader(file, int64(len(markUTF8)), size-int64(len(markUTF8)))
	}
	switch {
	case looked.zeroes, !looked.utf8 && !looked.vietnamese():
		return nil, errNotText
	case !looked.utf8:
		text = transform.NewReader(text, transform.Chain(charmap.Windows1258.NewDecoder(), norm.NFC))
	}
	return &carriageReturns{from: text}, nil
}

// Byte order marks.
const (
	markUTF8    = "\xEF\xBB\xBF"
	markUTF16LE = "\xFF\xFE"
	markUTF16BE = "\xFE\xFF"
)

// look is what the bytes of a file say of its encoding.
type look struct {
	mark   string
	utf8   bool
	zeroes bool
	// marks are the tone marks of Windows-1258, astray those of them that stand behind no vowel.
	marks, astray int
}

// vietnamese tells Windows-1258, in which tones are letters of their own behind the vowels that they belong to. In other encodings the
// same bytes are other letters, which stand anywhere.
func (l *look) vietnamese() bool { return l.marks > 0 && l.astray == 0 }

// lookAt reads the whole file, a piece at a time.
func lookAt(file io.ReaderAt, size int64) (look, error) {
	looked := look{utf8: true}
	const piece = 64 << 10
	buffer := make([]byte, 0, piece+utf8.UTFMax)
	var before byte
	for offset := int64(0); offset < size; {
		kept := len(buffer)
		read, err := file.ReadAt(buffer[kept:min(kept+piece, cap(buffer))], offset)
		if read == 0 {
			return look{}, err
		}
		buffer = buffer[:kept+read]
		if offset == 0 {
			for _, mark := range []string{markUTF8, markUTF16LE, markUTF16BE} {
				if bytes.HasPrefix(buffer, []byte(mark)) {
					looked.mark = mark
				}
			}
		}
		offset += int64(read)
		for _, b := range buffer[kept:] {
			looked.see(before, b)
			before = b
		}
		if looked.utf8 {
			rest := validPrefix(buffer)
			looked.utf8 = len(rest) < utf8.UTFMax && (offset < size || len(rest) == 0)
			buffer = buffer[:copy(buffer, rest)]
		} else {
			buffer = buffer[:0]
		}
	}
	return looked, nil
}

func (l *look) see(before, b byte) {
	switch b {
	case 0:
		l.zeroes = true
	case 0xCC, 0xD2, 0xDE, 0xEC, 0xF2: // grave, hook above, tilde, acute, dot below
		l.marks++
		if !strings.ContainsRune(vowels1258, charmap.Windows1258.DecodeByte(before)) {
			l.astray++
		}
	}
}

// vowels1258 are those that a tone mark stands behind.
const vowels1258 = "aAăĂâÂeEêÊiIoOôÔơƠuUưƯyY"

// validPrefix is what is left of text behind the part that is UTF-8: a character that was cut off, or more when it is none.
func validPrefix(text []byte) (rest []byte) {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size <= 1 {
			return text
		}
		text = text[size:]
	}
	return nil
}

// carriageReturns ends lines as everybody does where they end with a carriage return alone, as Excel for Mac writes them. One before a
// line feed stays as it is.
type carriageReturns struct {
	from    io.Reader
	pending bool // a carriage return was read, and nothing behind it
}

// Read reads.
func (c *carriageReturns) Read(p []byte) (int, error) {
	if len(p) < 2 { //nolint:mnd // one that is pending, and what is behind it
		return 0, io.ErrShortBuffer
	}
	start := 0
	if c.pending {
		p[0], start = '\r', 1
	}
	n, err := c.from.Read(p[start:])
	n += start
	if c.pending = n > 0 && p[n-1] == '\r' && err == nil; c.pending {
		n--
	}
	for i, b := range p[:n] {
		follows := byte('\n') // at the end of the file a lone one ends the last line
		switch {
		case i+1 < n:
			follows = p[i+1]
		case err == nil:
			continue
		}
		if b == '\r' && follows != '\n' {
			p[i] = '\n'
		}
	}
	return n, err
}
