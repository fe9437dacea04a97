package http

import (
	_ "embed"
	"io"
	"net/http"

	"github.com/swaggest/swgui/v5emb"
)

const (
	routeContract   = "/api/openapi.yaml"
	routeDocs       = "/api/docs"
	routeDocsAssets = routeDocs + "/{asset}"
)

var (
	// docsHTML shows the contract with Swagger UI, docsScript starts that. They refer to nothing on other hosts.
	//
	//go:embed docs/page.html
	docsHTML string
	//go:embed docs/start.js
	docsScript string

	swaggerUI = v5emb.New("Orderbridge", routeContract, routeDocs)
)

// docsPolicy lets the page load what comes from here, and nothing else. No script or style stands in the page itself; the
// images with data: for an address are those of Swagger UI's style sheet.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func docsPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Security-Policy", docsPolicy)
	answerText(w, "text/html; charset=utf-8", docsHTML)
}

// docsAsset gives the files that the page loads, and none that Swagger UI brings along beside them.
func docsAsset(w http.ResponseWriter, r *http.Request) error {
	switch r.PathValue("asset") {
	case "start.js":
		answerText(w, "application/javascript", docsScript)
	case "swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png":
		// Whole files: a part of one is not worth asking for, and would be cut from the compressed file.
		whole := &http.Request{Method: r.Method, URL: r.URL, Header: http.Header{"Accept-Encoding": r.Header["Accept-Encoding"]}}
		swaggerUI.ServeHTTP(w, whole)
	default:
		return errPathUnknown
	}
	return nil
}

func contract(w http.ResponseWriter, _ *http.Request) { answerText(w, "application/yaml", openAPI) }

func answerText(w http.ResponseWriter, contentType, text string) {
	w.Header().Set("Content-Type", contentType)
	_, _ = io.WriteString(w, text) // who left has no use for the error
}
