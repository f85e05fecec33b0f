package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"convene/internal/proxied"
	"convene/web/page"
)

// hostName is the host of a Host field, in lower case, without port and brackets.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// loopbackName reports whether a name is that of the machine itself (RFC 6761 §6.3).
func loopbackName(name string) bool {
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.IsLoopback()
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// clientAddress is the client's IP address.
func clientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// local reports whether a request is of this machine and names it as such: it crosses no
// network on its way, even without TLS. One that came through a proxy may come from
// anywhere.
func local(r *http.Request) bool {
	return !proxied.Came(r) && loopbackName(clientAddress(r)) && loopbackName(hostName(r.Host))
}

// secure reports whether the browser came over TLS: to us, or to a proxy. If no proxies
// are named, one is taken to be at the public URL.
func secure(r *http.Request, s *page.Site) bool {
	public, https := strings.CutPrefix(s.PublicURL, "https://")
	return proxied.Secure(r) || !s.ProxiesNamed && https && strings.EqualFold(r.Host, public)
}

// transport answers a request that came under a name that is not ours, or over a
// connection on which nobody should sign in. It reports whether it has.
func (h *Handler) transport(w http.ResponseWriter, r *page.Request) bool {
	s := r.Site
	switch {
	case !slices.Contains(s.Names, hostName(r.Host)) && !local(r.Request):
		h.fail(w, r, page.Fail(http.StatusMisdirectedRequest, ""))
	case secure(r.Request, s) || local(r.Request):
		return false
	case s.SecureURL == "":
		h.fail(w, r, page.Fail(http.StatusForbidden, "shell.needs-tls"))
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		// What was sent went in the clear, and is not used.
		h.fail(w, r, page.Fail(http.StatusForbidden, "shell.needs-tls"))
	default:
		http.Redirect(w, r.Request, s.SecureURL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}
	return true
}

// cookieName is the name of the session's cookie. Its prefix __Host- makes browsers take
// it from this host over TLS alone. Without TLS, on loopback, there is no such cookie;
// and as cookies do not tell ports apart, the name does.
func cookieName(r *http.Request, s *page.Site) string {
	if secure(r, s) {
		return "__Host-convene"
	}
	port := "80"
	if _, p, err := net.SplitHostPort(r.Host); err == nil {
		port = p
	}
	return "convene_" + port
}

// setCookie gives the browser the token of a session; "" takes it away.
func setCookie(w http.ResponseWriter, r *http.Request, s *page.Site, token string) {
	c := &http.Cookie{
		Name: cookieName(r, s), Value: token, Path: "/", HttpOnly: true, Secure: secure(r, s), SameSite: http.SameSiteLaxMode,
		MaxAge: int(s.Config.SessionLife.Seconds()),
	}
	if token == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// localPath makes of what a link says where to go afterwards a path of ours; "/my/" if it
// is none.
func localPath(next string) string {
	bad := func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f }
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsFunc(next, bad) || len(next) > 2048 {
		return "/my/"
	}
	return next
}
