package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"convene/auth"
	"convene/internal/logging"
	"convene/web/page"
)

//go:embed tmpl
var templates embed.FS

// openPages parses the templates of all pages: each file below tmpl is one, named by its path,
// but for the shell and the parts that pages share. They are one set, so that what is shared is
// there once. html/template finds out how to escape a page when that is shown first.
func openPages() (*template.Template, error) {
	set, err := template.ParseFS(templates, "tmpl/shell.tmpl", "tmpl/parts/*.tmpl")
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(templates, "tmpl", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || file == "tmpl/shell.tmpl" || path.Dir(file) == "tmpl/parts" {
			return err
		}
		text, err := templates.ReadFile(file)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(file, "tmpl/"), ".tmpl")
		if set.Lookup(name) != nil {
			return fmt.Errorf("%s: there is a part of that name", file)
		}
		_, err = set.New(name).Parse(string(text))
		return err
	})
	return set, err
}

// writePage writes a page with the shell around it.
func writePage(w io.Writer, set *template.Template, name string, s *shell) error {
	for _, part := range []string{"shell", name, "shell-end"} {
		if err := set.ExecuteTemplate(w, part, s); err != nil {
			return err
		}
	}
	return nil
}

// A shell is what templates see as $: the frame, and the page's own View.
type shell struct {
	Title   string
	View    any
	Caller  *auth.Caller // nil where nobody has signed in
	For     *page.Acting // for whom they act on this page; nil: for themselves
	Path    string
	Nav     []navEntry
	ForNav  []navEntry // the pages of For
	Toast   *page.Toast
	Notes   []string // what does not work at the moment, in the reader's language
	Scripts []string
	Ticket  bool // the browser was asked for a ticket

	r      *page.Request
	static *static
}

type navEntry struct {
	Path, Text string
	Current    bool
}

// T returns the text of a key.
func (s *shell) T(key string, args ...any) string { return s.r.Locale.T(key, args...) }

// N returns the text of a key for a number.
func (s *shell) N(key string, n int, args ...any) string { return s.r.Locale.N(key, n, args...) }

// Lang returns the language of the page, and Dir its direction.
func (s *shell) Lang() string { return s.r.Locale.Tag }

// Dir returns "ltr" or "rtl".
func (s *shell) Dir() string { return s.r.Locale.Dir }

// Static returns the URL of a file.
func (s *shell) Static(name string) string { return s.static.url(name) }

// Link is the path of a page below /my/ for the one whose page this is.
func (s *shell) Link(path string) string { return s.r.Link(path) }

// Moment writes a moment as a clock in the reader's zone shows it.
func (s *shell) Moment(t time.Time) string { return s.r.Locale.Moment(s.r.Local(t)) }

// ISO writes a moment for the attribute datetime.
func (s *shell) ISO(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Weekday returns the name of a day of the week, 0 being Sunday.
func (s *shell) Weekday(d int) string { return s.r.Locale.Weekday(time.Weekday(d)) }

// Zone returns the name of the reader's zone.
func (s *shell) Zone() string { return s.r.Zone.String() }

// send sends an answer.
func (h *Handler) send(w http.ResponseWriter, r *page.Request, a *page.Answer) {
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	switch {
	case a.Location != "":
		if a.Toast != nil && r.Caller != nil {
			h.toasts.keep(r.Session.ID, a.Toast, r.Time)
		}
		status := a.Status
		if status == 0 {
			status = http.StatusSeeOther
		}
		w.Header().Set("Location", localPath(a.Location))
		w.WriteHeader(status)
	case a.Template != "":
		h.render(w, r, a)
	default:
		w.Header().Set("Content-Type", a.Type)
		w.WriteHeader(max(a.Status, http.StatusOK))
		h.write(w, r, a.Body)
	}
}

// buffers are where pages are made: most are of the size of those before.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// render writes a page. What a template cannot do becomes 500 before anything is sent.
func (h *Handler) render(w http.ResponseWriter, r *page.Request, a *page.Answer) {
	set, err := h.pages()
	if err != nil {
		h.broken(w, r, err)
		return
	}
	s := &shell{Title: a.Title, View: a.View, Caller: r.Caller, For: r.For, Path: r.URL.Path, Scripts: a.Scripts, r: r, static: h.static}
	if f, ok := a.View.(form); ok {
		s.Ticket = f.Ticket
	}
	if r.Caller != nil {
		s.Nav, s.ForNav, s.Notes = h.navigation(r), h.forNavigation(r), troubles(r)
		if !r.Quiet { // it is for who comes to a page, and not for a script that looks what is new
			s.Toast = h.toasts.take(r.Session.ID, r.Time)
		}
	}
	b := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	b.Reset()
	if err := writePage(b, set, a.Template, s); err != nil {
		h.broken(w, r, err)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", r.Locale.Tag)
	if !a.Secret && r.Caller != nil && a.Status == 0 {
		header.Set("Cache-Control", "private, no-cache")
		if unchanged(r, header, b.Bytes()) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	w.WriteHeader(max(a.Status, http.StatusOK))
	h.write(w, r, b.Bytes())
}

// unchanged sets the tag of a page, and reports whether the browser has it as it is: then
// nothing need be sent (RFC 9110 §13.1.2).
func unchanged(r *page.Request, header http.Header, body []byte) bool {
	sum := sha256.Sum256(body)
	tag := `W/"` + hex.EncodeToString(sum[:12]) + `"`
	header.Set("Etag", tag)
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.Contains(r.Header.Get("If-None-Match"), tag)
}

// troubles says what does not work at the moment.
func troubles(r *page.Request) (notes []string) {
	if r.Away {
		notes = append(notes, r.Locale.T("shell.away"))
	}
	if r.Site.Admin.Maintenance.State().On {
		notes = append(notes, r.Locale.T("shell.read-only"))
	}
	if _, err := r.Site.Admin.Delegates.Read(); err != nil {
		notes = append(notes, r.Locale.T("shell.no-delegates"))
	}
	return notes
}

func (h *Handler) write(w http.ResponseWriter, r *page.Request, body []byte) {
	if r.Method == http.MethodHead {
		return
	}
	// The browser has gone if this fails; nobody is left.
	_, _ = w.Write(body)
}

// broken answers where a page, or that of an error, cannot be made.
func (h *Handler) broken(w http.ResponseWriter, r *page.Request, err error) {
	h.parts.Log.Error("page cannot be made", "id", r.ID, "path", LogPath(r.Request), "err", err)
	http.Error(w, "An internal error; the server's log knows more.", http.StatusInternalServerError)
}

// navigation is what the caller may go to.
func (h *Handler) navigation(r *page.Request) (out []navEntry) {
	longest := -1
	for _, n := range h.nav {
		if !r.May(n.Gate) {
			continue
		}
		out = append(out, navEntry{Path: n.Path, Text: r.Locale.T(n.Text)})
		below := strings.HasPrefix(r.URL.Path, n.Path) && n.Path != "/my/" // all is below the start page
		if (below || r.URL.Path == n.Path) && (longest < 0 || len(n.Path) > len(out[longest].Path)) {
			longest = len(out) - 1
		}
	}
	if longest >= 0 {
		out[longest].Current = true
	}
	return out
}

// problem is what the page of an error shows.
type problem struct {
	Status int
	Text   string
	ID     string // of the request, for who asks the administrator
	Retry  bool
}

// texts are the keys of what errors say where they do not say it themselves.
var errorTexts = map[int]string{
	http.StatusBadRequest:            "shell.error-400",
	http.StatusForbidden:             "shell.error-403",
	http.StatusNotFound:              "shell.error-404",
	http.StatusMethodNotAllowed:      "shell.error-405",
	http.StatusConflict:              "shell.error-409",
	http.StatusRequestEntityTooLarge: "shell.error-413",
	http.StatusMisdirectedRequest:    "shell.error-421",
	http.StatusTooManyRequests:       "shell.error-429",
	http.StatusServiceUnavailable:    "shell.error-503",
}

func (h *Handler) showError(w http.ResponseWriter, r *page.Request, e *page.Error) {
	key := e.Key
	if key == "" {
		key = errorTexts[e.Status]
	}
	if key == "" {
		key = "shell.error-500"
	}
	if line := logging.For(w); r.ID == "" {
		r.ID = line.ID
	}
	a := r.Show("error", "shell.error", problem{e.Status, r.Locale.T(key), r.ID, e.Status == http.StatusServiceUnavailable || e.Status == http.StatusTooManyRequests})
	a.Status = e.Status
	h.send(w, r, a)
}
