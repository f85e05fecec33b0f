package caldav

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"convene/internal/header"
	"convene/internal/webdav"
)

// WellKnown serves below /.well-known/ without asking who is there: caldav leads
// to root, where the service begins, as a URL or as a path (RFC 6764 §5). Where
// that is may change with the configuration, so nobody shall keep it. The folder
// itself is empty.
func WellKnown(root string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, err := parseTarget(r.URL.EscapedPath())
		switch {
		case err != nil || t.kind != kindWellKnown:
			http.NotFound(w, r)
		case t.ident == "caldav":
			w.Header().Set("Location", root)
			w.Header().Set("Cache-Control", "no-cache")
			w.WriteHeader(http.StatusMovedPermanently)
		case r.Method == "PROPFIND":
			send(w, r, emptyFolder("/.well-known/"))
		case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions:
			w.Header().Set("Allow", "GET, HEAD, OPTIONS, PROPFIND")
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			send(w, r, &webdav.Response{Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, Body: []byte("caldav\n")})
		}
	})
}

func emptyFolder(path string) *webdav.Response {
	ms := webdav.NewMultistatus(nil)
	ms.ResponseStart(path)
	ms.PropstatStart(http.StatusOK)
	ms.Start(webdav.NameResourceType)
	ms.Empty(webdav.NameCollection)
	ms.Writer.End()
	ms.PropstatEnd(nil)
	ms.ResponseEnd()
	return ms.Response()
}

// serverInfo is the document that tells clients what the server can do, with a
// token that changes when it does (draft-douglass-server-info).
type serverInfo struct {
	token string
	body  []byte
}

const serverInfoPath = "/server-info"

func newServerInfo() serverInfo {
	sum := sha256.Sum256([]byte(davClasses))
	info := serverInfo{token: hex.EncodeToString(sum[:8])}
	w := webdav.NewWriter(nil)
	w.Start(webdav.DAV("server-info"))
	w.TextElement(webdav.DAV("token"), info.token)
	w.Start(webdav.DAV("features"))
	for _, feature := range []string{"class-1", "class-3", "access-control", "extended-mkcol", "sync-collection", "add-member"} {
		w.Empty(webdav.DAV(feature))
	}
	w.End()
	w.Start(webdav.DAV("applications"))
	w.Start(webdav.DAV("application"))
	w.TextElement(webdav.DAV("name"), "caldav")
	w.Start(webdav.DAV("features"))
	for _, feature := range []string{"calendar-access", "calendar-no-timezone"} {
		w.Empty(webdav.CalDAV(feature))
	}
	w.End()
	info.body = w.Bytes()
	return info
}

// tell adds the link to the document: to every OPTIONS, and to any response whose
// request shows an old token.
func (i *serverInfo) tell(r *http.Request, resp *webdav.Response) {
	token := header.Get(r.Header, "Server-Info-Token")
	if token == i.token || token == "" && r.Method != http.MethodOptions {
		return
	}
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	resp.Header.Set("Server-Info-Url", serverInfoPath)
	resp.Header.Add("Link", "<"+serverInfoPath+`>; rel="server-info"; token="`+i.token+`"`)
}

func (h *Handler) getServerInfo(*request) (action, error) {
	resp := webdav.XML(http.StatusOK, h.serverInfo.body)
	return func(*scope) (*webdav.Response, error) { return resp, nil }, nil
}
