package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed static
var static embed.FS

// assets are the embedded files, each under an address that changes with what is in it, so that browsers keep them for good.
type assets struct{ version string }

func mustLoadAssets() *assets {
	hash := sha256.New()
	if err := fs.WalkDir(static, "static", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := static.ReadFile(path)
		hash.Write(content)
		return err
	}); err != nil {
		panic(fmt.Sprintf("ports/web: %v", err))
	}
	return &assets{version: hex.EncodeToString(hash.Sum(nil))[:12]}
}

// path is the address of a file.
func (a *assets) path(name string) string { return "/static/" + a.version + "/" + name }

// serve answers with files, also with those of an older page, which has to do with what there is now.
func (a *assets) serve() http.Handler {
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic(fmt.Sprintf("ports/web: %v", err))
	}
	server := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		version := r.PathValue("version")
		if version == a.version {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		if strings.HasSuffix(r.PathValue("file"), "/") { // no lists of files
			http.NotFound(w, r)
			return
		}
		http.StripPrefix("/static/"+version, server).ServeHTTP(w, r)
	})
}
