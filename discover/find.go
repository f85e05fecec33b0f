package discover

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"convene/directory"
	"convene/directory/ldif"
)

// A Server is one LDAP server that was found.
type Server struct {
	Host     string // DNS name
	Port     int    // of LDAP without TLS
	Priority int    // of its SRV record (RFC 2782)
	Weight   int
	OfSite   bool          // it is of this machine's site
	Latency  time.Duration // of connecting to it
	Err      error         // it cannot be reached
}

// A Domain is what is known of a directory before anybody has signed in.
type Domain struct {
	Name    string // DNS name, in lower case
	Servers []Server
	Ping    *Ping // Active Directory's answer; nil: it is none
}

// ErrNoDomain is a domain without LDAP servers in DNS.
var ErrNoDomain = errors.New("DNS has no LDAP servers of this domain")

// pingLimit bounds one attempt to reach a server.
const pingLimit = 2 * time.Second

// Find looks a domain up in DNS: the controllers of an Active Directory, else whatever
// LDAP servers there are (RFC 2782). It asks one of them for this machine's site, unless
// site names it, and orders the servers: those of the site first, then by priority,
// weight and latency. Error: ErrNoDomain, or that of DNS.
func Find(ctx context.Context, r *net.Resolver, domain, site string) (*Domain, error) {
	d := &Domain{Name: strings.ToLower(strings.TrimSuffix(domain, "."))}
	all, err := lookup(ctx, r, "dc._msdcs."+d.Name)
	if err == nil && len(all) == 0 {
		all, err = lookup(ctx, r, d.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("DNS of %s: %w", d.Name, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: %w", d.Name, ErrNoDomain)
	}
	var wait sync.WaitGroup
	for i := range all {
		wait.Go(func() { all[i].measure(ctx, r) })
	}
	wait.Wait()
	d.Servers = all
	d.order()
	for _, s := range d.Servers {
		if s.Err == nil {
			d.Ping, _ = Ask(ctx, s.url("ldap"), d.Name) // nil: another kind of directory
			break
		}
	}
	if site == "" && d.Ping != nil {
		site = d.Ping.ClientSite
	}
	if site == "" {
		return d, nil
	}
	near, err := lookup(ctx, r, site+"._sites.dc._msdcs."+d.Name)
	if err != nil {
		return nil, fmt.Errorf("DNS of site %s: %w", site, err)
	}
	for i := range d.Servers {
		s := &d.Servers[i]
		s.OfSite = slices.ContainsFunc(near, func(n Server) bool { return n.Host == s.Host })
	}
	d.order()
	return d, nil
}

// lookup returns the targets of _ldap._tcp.NAME; none is no error.
func lookup(ctx context.Context, r *net.Resolver, name string) (out []Server, err error) {
	_, list, err := r.LookupSRV(ctx, "ldap", "tcp", name)
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return nil, nil
	}
	for _, s := range list {
		host := strings.ToLower(strings.TrimSuffix(s.Target, "."))
		if host != "" {
			out = append(out, Server{Host: host, Port: int(s.Port), Priority: int(s.Priority), Weight: int(s.Weight)})
		}
	}
	return out, err
}

func (s *Server) address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// url returns the server's URL; the port of ldaps is the usual one.
func (s *Server) url(scheme string) string {
	if scheme == "ldap" && s.Port != 389 {
		return scheme + "://" + s.address()
	}
	return scheme + "://" + s.Host
}

func (s *Server) measure(ctx context.Context, r *net.Resolver) {
	d := net.Dialer{Timeout: pingLimit, Resolver: r}
	start := time.Now()
	c, err := d.DialContext(ctx, "tcp", s.address())
	if err != nil {
		s.Err = err
		return
	}
	s.Latency = time.Since(start)
	_ = c.Close()
}

// order sorts the servers as they are to be asked.
func (d *Domain) order() {
	slices.SortStableFunc(d.Servers, func(a, b Server) int {
		return cmp.Or(no(a.Err == nil)-no(b.Err == nil), no(a.OfSite)-no(b.OfSite), a.Priority-b.Priority, b.Weight-a.Weight, cmp.Compare(a.Latency, b.Latency))
	})
}

func no(b bool) int {
	if b {
		return 0
	}
	return 1
}

// Choose returns those to be configured: two of this machine's site and one other, or
// three where there are no sites. A server that could not be reached is left out if
// there are others.
func (d *Domain) Choose() (out []Server) {
	near, far := 0, 0
	sites := slices.ContainsFunc(d.Servers, func(s Server) bool { return s.OfSite })
	for _, s := range d.Servers {
		switch {
		case s.Err != nil && len(out) > 0 || len(out) == 3:
		case !sites:
			out = append(out, s)
		case s.OfSite && near < 2:
			near++
			out = append(out, s)
		case !s.OfSite && far < 1:
			far++
			out = append(out, s)
		}
	}
	return out
}

// Domains guesses the domain of this machine: that of its host name, and the search list
// of the resolver, each once.
func Domains() (out []string) {
	add := func(s string) {
		if s = strings.ToLower(strings.Trim(s, ".")); strings.Contains(s, ".") && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if host, err := os.Hostname(); err == nil {
		if _, domain, ok := strings.Cut(host, "."); ok {
			add(domain)
		}
	}
	f, err := os.Open("/etc/resolv.conf")
	if err != nil {
		return out
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 1 && (fields[0] == "search" || fields[0] == "domain") {
			for _, s := range fields[1:] {
				add(s)
			}
		}
	}
	return out
}

// Ask asks a domain controller who it is, without signing in ([MS-ADTS] §6.3.3, over
// TCP). Error: it is no domain controller, or not one of this domain.
func Ask(ctx context.Context, url, domain string) (*Ping, error) {
	p, err := directory.OpenProbe(ctx, directory.LDAPConfig{AllowPlain: true, DialTimeout: pingLimit, Timeout: pingLimit}, url)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	filter := `(&(DnsDomain=` + directory.Escape(domain) + `)(NtVer=\06\00\00\00))`
	list, _, err := p.Search("", ldif.Base, filter, []string{"netlogon"}, 1)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || list[0].Value("netlogon") == "" {
		return nil, errors.New("not a controller of this domain")
	}
	return parsePing([]byte(list[0].Value("netlogon")))
}

// GlobalCatalog reports whether the port of a URL is that of a global catalog of Active
// Directory.
func GlobalCatalog(url string) bool {
	return strings.HasSuffix(url, ":3268") || strings.HasSuffix(url, ":3269")
}
