package http

import _ "embed"

//go:embed openapi.yaml
var openAPI string

// OpenAPI is the contract: openapi.yaml, as it was when the program was built.
func OpenAPI() []byte { return []byte(openAPI) }
