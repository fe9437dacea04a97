package http

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"

	"orderbridge/domain/problem"
)

// description is read once: it is a part of the program.
var description = sync.OnceValue(func() *openapi3.T {
	doc, err := openapi3.NewLoader().LoadFromData(OpenAPI())
	if err != nil {
		panic(err)
	}
	return doc
})

// operationOf is what the contract says of a request, nil where it says nothing.
func (s *server) operationOf(r *http.Request) *openapi3.Operation {
	item := s.contract.Paths.Value(routeOf(r))
	if item == nil {
		return nil
	}
	if r.Method == http.MethodHead {
		return item.Get
	}
	return item.GetOperation(r.Method)
}

var (
	errBodyNotJSON = problem.Malformed("body-not-json", "the body is not one JSON object")
	errContentType = problem.Unsupported("content-type-unsupported",
		"send a body with the Content-Type that the API's description asks for: application/json nearly everywhere")
)

const codeBodyInvalid = "body-invalid"

// checkCommand holds a body against the contract, so that a misspelt field is no field that was left out. Everything
// that is wrong with it is told at once; what only the domain knows to be wrong comes after that.
func (s *server) checkCommand(r *http.Request, body []byte) error {
	operation := s.operationOf(r)
	if operation == nil || operation.RequestBody == nil || len(body) == 0 && !operation.RequestBody.Value.Required {
		return nil
	}
	contentType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	media := operation.RequestBody.Value.Content.Get(contentType)
	if err != nil || media == nil {
		return errContentType
	}
	if contentType != "application/json" {
		return nil // another form than the contract's, which the command reads
	}
	if operation.RequestBody.Value.Content["application/json"] == nil {
		return errContentType // a file is wanted, of any other type
	}
	if !utf8.Valid(body) { // or the decoder would put other text in its place
		return errBodyNotJSON
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return errBodyNotJSON
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errBodyNotJSON
	}
	var invalid []problem.Field
	collectInvalid(media.Schema.Value.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsRequest()), &invalid)
	if len(invalid) > 0 {
		return problem.InvalidFields(codeBodyInvalid, invalid...)
	}
	return nil
}

// collectInvalid takes the reasons, and never the values, which may be personal.
func collectInvalid(err error, invalid *[]problem.Field) {
	if err == nil {
		return
	}
	if several, ok := errors.AsType[openapi3.MultiError](err); ok {
		for _, one := range several {
			collectInvalid(one, invalid)
		}
		return
	}
	field := problem.Field{Path: "body", Message: "this does not have the form that the API's description asks for"}
	if one, ok := errors.AsType[*openapi3.SchemaError](err); ok {
		field.Message = one.Reason
		pointer := one.JSONPointer()
		var unknown string
		if _, err := fmt.Sscanf(one.Reason, "property %q is unsupported", &unknown); err == nil { // which the library tells nowhere else
			field.Message = "there is no such field; see the API's description for those that there are"
			pointer = append(pointer, unknown)
		}
		if path := pathOf(pointer); path != "" {
			field.Path = path
		}
	}
	*invalid = append(*invalid, field)
}

// pathOf writes a path as fields are named everywhere: phones[0].
func pathOf(pointer []string) string {
	var path strings.Builder
	for _, part := range pointer {
		if _, err := strconv.Atoi(part); err == nil {
			path.WriteString("[" + part + "]")
			continue
		}
		if path.Len() > 0 {
			path.WriteByte('.')
		}
		path.WriteString(part)
	}
	return path.String()
}
