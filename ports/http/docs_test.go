package http_test

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	porthttp "orderbridge/ports/http"
)

// page sends a request as a browser does, without a token.
func (b *testBundle) page(t *testing.T, path string) *answer {
	t.Helper()
	return b.do(t, b.request(http.MethodGet, path, nil))
}

var (
	ownAddress     = regexp.MustCompile(`["'](/[^"']*)["']`)
	foreignAddress = regexp.MustCompile(`(?i)(https?:|["'(]//|//\w)`)
	styleAddress   = regexp.MustCompile(`(?i)@import|url\(\s*["']?([^)]{0,5})`)
)

func TestTheDocumentationIsWholeAndLoadsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	page := string(bundle.page(t, "/api/docs").body)
	script := string(bundle.page(t, "/api/docs/start.js").body)
	for name, text := range map[string]string{"the page": page, "the script": script} {
		if found := foreignAddress.FindString(text); found != "" {
			t.Errorf("%s refers to another host: %s", name, found)
		}
	}
	var addresses []string
	for _, found := range ownAddress.FindAllStringSubmatch(page+script, -1) {
		addresses = append(addresses, found[1])
		if got := bundle.page(t, found[1]); got.status != http.StatusOK || len(got.body) == 0 {
			t.Errorf("%s, which the page refers to, is answered with %d and %d bytes", found[1], got.status, len(got.body))
		}
	}
	for _, needed := range []string{"/api/openapi.yaml", "/api/docs/swagger-ui.css", "/api/docs/swagger-ui-bundle.js", "/api/docs/start.js"} {
		if !slices.Contains(addresses, needed) {
			t.Errorf("the page does not refer to %s: %v", needed, addresses)
		}
	}
	for _, found := range styleAddress.FindAllSubmatch(bundle.page(t, "/api/docs/swagger-ui.css").body, -1) {
		if string(found[1]) != "data:" {
			t.Errorf("the style sheet loads something: %s", found[0])
		}
	}
}

func TestTheDocumentationsPolicyAllowsItsOwnFilesOnly(t *testing.T) {
	t.Parallel()
	got := setup(t).page(t, "/api/docs")
	policy := map[string][]string{}
	for directive := range strings.SplitSeq(got.header.Get("Content-Security-Policy"), ";") {
		words := strings.Fields(directive)
		policy[words[0]] = words[1:]
		for _, source := range words[1:] {
			if source != "'self'" && source != "'none'" && (source != "data:" || words[0] != "img-src") {
				t.Errorf("the policy allows %s %s", words[0], source)
			}
		}
	}
	for _, directive := range []string{"default-src", "base-uri", "form-action", "frame-ancestors"} { // no other stands in for these
		if !slices.Equal(policy[directive], []string{"'none'"}) {
			t.Errorf("the policy says %s %v, want 'none'", directive, policy[directive])
		}
	}
	page := string(got.body)
	if strings.Count(page, "<script") != strings.Count(page, "<script src=") || regexp.MustCompile(`<style| style=| on\w+=`).MatchString(page) {
		t.Errorf("the page has script or style in it, which its policy refuses:\n%s", page)
	}
}

func TestTheContractIsServedAsItIs(t *testing.T) {
	t.Parallel()
	got := setup(t).page(t, "/api/openapi.yaml")
	if !bytes.Equal(got.body, porthttp.OpenAPI()) || got.header.Get("Content-Type") != "application/yaml" {
		t.Errorf("answered %s with %d bytes, want the %d of openapi.yaml", got.header.Get("Content-Type"), len(got.body), len(porthttp.OpenAPI()))
	}
}

func TestDocumentationsFiles(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	const path = "/api/docs/swagger-ui-bundle.js"
	whole := bundle.page(t, path).body // the client asks for gzip by itself
	for name, header := range map[string]http.Header{
		"without compression": {"Accept-Encoding": {"identity"}},
		"a part":              {"Accept-Encoding": {"identity"}, "Range": {"bytes=0-9"}},
	} {
		request := bundle.request(http.MethodGet, path, nil)
		request.Header = header
		if got := bundle.do(t, request); got.status != http.StatusOK || !bytes.Equal(got.body, whole) {
			t.Errorf("%s: answered %d with %d bytes, want all %d", name, got.status, len(got.body), len(whole))
		}
	}
	for _, name := range []string{"index.html", "page.html", "oauth2-redirect.html", "swagger-ui.js", "..%2Fpage.html", "none.css"} {
		bundle.page(t, "/api/docs/"+name).wantProblem(t, http.StatusNotFound, "path-unknown")
	}
}
