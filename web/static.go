package web

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"

	"convene/web/page"
)

//go:embed static
var staticFiles embed.FS

// static is what pages load, below a path that names the content: it never changes, and
// may be kept for ever.
type static struct {
	hash  string
	files map[string][]byte
}

// openStatic reads the files. The stylesheets in static/css are one: app.css, in the
// order of their names.
func openStatic() (*static, error) {
	fsys, err := fs.Sub(staticFiles, "static")
	if err != nil {
		return nil, err
	}
	s := &static{files: map[string][]byte{}}
	if s.hash, err = hash(fsys); err != nil {
		return nil, err
	}
	var css bytes.Buffer
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(fsys, name)
		if path.Dir(name) == "css" {
			css.Write(text)
		} else {
			s.files[name] = text
		}
		return err
	})
	s.files["app.css"] = css.Bytes()
	return s, err
}

// url is the path of a file.
func (s *static) url(name string) string { return "/static/" + s.hash + "/" + name }

// types are those of the files that there are; the machine's own table is not asked.
var types = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// serveFile serves a file.
func (h *Handler) serveFile(w http.ResponseWriter, r *page.Request) {
	name := r.PathValue("name")
	text, ok := h.static.files[name]
	if !ok || r.PathValue("hash") != h.static.hash {
		h.fail(w, r, page.NotFound())
		return
	}
	kind := types[path.Ext(name)]
	if kind == "" {
		kind = mime.TypeByExtension(path.Ext(name))
	}
	header := w.Header()
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Del("Vary")
	header.Set("Content-Type", kind)
	header.Set("Content-Length", fmt.Sprint(len(text)))
	h.write(w, r, text)
}
