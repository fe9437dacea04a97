package web

import (
	"net/http"
	"net/url"
	"strings"

	"orderbridge/domain/workspace"
)

// routes lists what there is, page by page.
type routes struct {
	*http.ServeMux
	server *server
}

// open is a page for whoever comes, viewer, operator and owner one for those who are signed in and have that role.
func (r routes) open(pattern string, h handler) { r.Handle(pattern, r.server.open(h)) }

func (r routes) viewer(pattern string, h handler) {
	r.Handle(pattern, r.server.signedIn(workspace.RoleViewer, h))
}

func (r routes) operator(pattern string, h handler) {
	r.Handle(pattern, r.server.signedIn(workspace.RoleOperator, h))
}

func (r routes) owner(pattern string, h handler) {
	r.Handle(pattern, r.server.signedIn(workspace.RoleOwner, h))
}

func (s *server) routes() http.Handler {
	r := routes{http.NewServeMux(), s}
	r.Handle("GET /static/{version}/{file...}", s.assets.serve())
	r.open("POST /preferences", s.prefer(r.ServeMux))
	r.viewer("/", func(http.ResponseWriter, *http.Request) error { return errPageUnknown })
	s.accountRoutes(r)
	s.overviewRoutes(r)
	s.orderRoutes(r)
	s.customerRoutes(r)
	s.importRoutes(r)
	s.staffRoutes(r)
	s.deliveryRoutes(r)
	s.pancakeRoutes(r)
	s.systemRoutes(r)
	return r
}

// prefer remembers language or theme, and goes back.
func (s *server) prefer(pages *http.ServeMux) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		switch language, theme := r.PostFormValue("language"), r.PostFormValue("theme"); {
		case language == string(Vietnamese) || language == string(English):
			prefer(w, languageCookie, language)
		case theme == "light" || theme == "dark":
			prefer(w, themeCookie, theme)
		default:
			return errFormBroken
		}
		seeOther(w, r, pageAbove(pages, localPath(r.PostFormValue("back"))))
		return nil
	}
}

// pageAbove is the page at a path. Where a form was sent there is none: then it is the one that the form stands on, further up.
func pageAbove(pages *http.ServeMux, path string) string {
	for path != "/" {
		asked := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}}
		if _, pattern := pages.Handler(asked); pattern != "" && pattern != "/" {
			return path
		}
		path = path[:max(1, strings.LastIndexByte(path, '/'))]
	}
	return path
}
