package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"convene/directory"
	"convene/directory/ldif"
	"convene/discover"
)

const (
	// soon is how long before its end a certificate is worth a warning.
	soon = 30 * 24 * time.Hour
	// pings is of how many round trips the middle one is told.
	pings = 5
	// slowPing is a round trip that people notice: a sign-in is some five of them.
	slowPing = 200 * time.Millisecond
)

// root is what of a root DSE (RFC 4512 §5.1) counts here.
type root struct {
	*ldif.Entry
	contexts []string
}

func (p *patient) facts(step discover.Step) discover.Facts {
	return discover.Facts{Config: *p.ldap, Step: step, Contexts: p.root.contexts}
}

// directory looks at each server, then at what is in the directory.
func (p *patient) directory(ctx context.Context, e *examination) {
	if p.ldap == nil {
		p.files(ctx, e)
		return
	}
	if err := p.ldap.Check(); err != nil {
		e.failed(Fail, "directory", err, discover.Facts{Config: *p.ldap})
		return
	}
	p.remembered(e)
	if p.refusedAlready(e) {
		return
	}
	p.secret(e)
	p.servers(ctx, e)
	if p.probe == nil {
		return
	}
	p.bases(e)
	d, err := directory.OpenLDAP(*p.ldap, directory.Options{})
	if err != nil {
		e.failed(Fail, "directory", err, p.facts(discover.Elsewhere))
		return
	}
	p.dir = d
	p.records(ctx, e, d)
	p.members(e)
}

// files looks at a directory that is kept in files.
func (p *patient) files(ctx context.Context, e *examination) {
	d, err := directory.OpenFile(p.Config.Directory.File, directory.Options{})
	if err != nil {
		e.found(Fail, "directory", "file", "directory.file.file", "correct the file, or the setting", "%v", err)
		return
	}
	p.dir = d
	e.ok("directory", "%s can be read", p.Config.Directory.File.File)
	for _, t := range directory.Types() {
		list, err := d.Search(ctx, directory.Query{Types: []directory.Type{t}, Limit: p.Most})
		figure := fmt.Sprint(len(list))
		switch {
		case errors.Is(err, directory.ErrTooMany):
			figure = "more than " + figure
		case err != nil:
			e.found(Fail, t.String(), "file", "directory.file.file", "correct the file, or the setting", "%v", err)
			continue
		case len(list) == 0 && t == directory.User:
			e.found(Fail, t.String(), "nobody", "directory.file.file", "correct the file, or directory.file.users", "there are none in %s", p.Config.Directory.File.File)
			continue
		case len(list) == 0:
			continue
		}
		e.report = append(e.report, Finding{Level: OK, Check: e.check, What: t.String(), Figure: figure, Count: len(list)})
	}
}

// remembered tells how the running server stands with the directory.
func (p *patient) remembered(e *examination) {
	if p.Running == nil {
		return
	}
	c := p.Running.Cache
	if c.Down {
		e.found(Warn, "running server", "down", "", "see below; what it remembers goes on being used for directory.cache.stale",
			"its last question to the directory had no answer; %d were answered with what is old", c.Stale)
		return
	}
	if changes := p.Running.Changes; changes.Err != "" {
		e.found(Warn, "changes", "not-followed", "directory.ldap.track-changes",
			"see that the service account may search the bases by modifyTimestamp, with an index (uSNChanged on Active Directory), or set it to false",
			"what changes in the directory counts here after directory.cache.ttl only: %s", changes.Err)
	} else if changes.NoSync != "" {
		e.ok("changes", "asked for every two seconds, by %s: %s", changes.Way, changes.NoSync)
	} else if changes.Way != "" {
		e.ok("changes", "followed by %s", changes.Way)
	}
	e.ok("running server", "remembers %d records; %d look-ups from memory, %d asked", c.Principals, c.Hits, c.Misses)
}

// refusedAlready reports whether a running server's bind was refused: another would
// bring the account nearer to being locked.
func (p *patient) refusedAlready(e *examination) bool {
	if p.Running == nil {
		return false
	}
	for _, s := range p.Running.Servers {
		if s.Up || !strings.Contains(s.Err, "service account refused") {
			continue
		}
		fault, known := discover.Explain(s.Cause, p.facts(discover.Binding))
		if !known { // it came over a socket
			fault, known = discover.ExplainText(s.Err, p.facts(discover.Binding))
		}
		if !known {
			fault = discover.Fault{Symptom: "unknown", Problem: s.Err, Cure: "look at the directory's log"}
		}
		fault.Problem += " (told by the running server; not tried again)"
		e.fault(Fail, s.URL, fault)
		return true
	}
	return false
}

// servers looks at each server. A bind that is refused is the last.
func (p *patient) servers(ctx context.Context, e *examination) {
	var refused error
	domain := ""
	for _, u := range p.ldap.URLs {
		probe, err := directory.OpenProbe(ctx, *p.ldap, u)
		if err != nil {
			e.failed(Fail, u, err, p.connecting(ctx, err))
			continue
		}
		switch {
		case refused != nil:
			e.found(Warn, u, "not-tried", "", "mend the other server first", "connected; no bind, as the account was refused elsewhere")
		default:
			if err = probe.Bind(ctx); err != nil {
				refused = err
				e.failed(Fail, u, err, p.facts(discover.Binding))
			}
		}
		if err != nil || refused != nil {
			probe.Close()
			continue
		}
		r, took, err := meet(probe)
		if err != nil {
			probe.Close()
			e.failed(Fail, u, err, p.facts(discover.Searching))
			continue
		}
		p.greeted(e, u, took)
		p.certificate(ctx, e, u)
		switch here := r.Value("defaultNamingContext"); {
		case domain == "":
			domain = here
		case here != domain:
			e.found(Fail, u, "domains", "directory.ldap.urls", "name servers of one domain only", "it is of %s, the others of %s", here, domain)
		}
		if p.probe != nil {
			probe.Close()
			continue
		}
		p.probe, p.root = probe, r
	}
}

// connecting adds to the facts what DNS knows of the domain's servers.
func (p *patient) connecting(ctx context.Context, err error) discover.Facts {
	facts := p.facts(discover.Elsewhere)
	if fault, ok := discover.Explain(err, facts); !ok || fault.Symptom != "dns-none" || len(p.ldap.Base) == 0 {
		return facts
	}
	if _, list, err := p.Resolver.LookupSRV(ctx, "ldap", "tcp", discover.DomainOf(p.ldap.Base[0])); err == nil {
		for _, s := range list {
			facts.SRV = append(facts.SRV, strings.TrimSuffix(s.Target, "."))
		}
	}
	return facts
}

// meet reads the root DSE and returns the middle one of some round trips.
func meet(probe *directory.Probe) (r root, middle time.Duration, err error) {
	var took []time.Duration
	for range pings {
		start := time.Now()
		entry, err := probe.Root()
		if err != nil {
			return r, 0, err
		}
		took = append(took, time.Since(start))
		r = root{entry, entry.Values("namingContexts")}
	}
	slices.Sort(took)
	return r, took[pings/2], nil
}

func (p *patient) greeted(e *examination, u string, took time.Duration) {
	switch {
	case discover.GlobalCatalog(u):
		e.found(Warn, u, "global-catalog", "directory.ldap.urls", "write ldaps:// with port 636, or none",
			"this port is of the global catalog, which lacks most attributes and the members of other domains' groups")
	case took > slowPing:
		e.found(Warn, u, "slow", "directory.ldap.urls", "name a nearer server first", "%v for a round trip", took.Round(time.Millisecond))
	default:
		e.ok(u, "bound as %s, %v for a round trip", orNobody(p.ldap.BindDN), took.Round(100*time.Microsecond))
	}
}

func orNobody(name string) string {
	if name == "" {
		return "nobody"
	}
	return name
}

// certificate looks at when the certificates of a server that is trusted end.
func (p *patient) certificate(ctx context.Context, e *examination, u string) {
	list, err := directory.Certificates(ctx, *p.ldap, u)
	if err != nil || len(list) == 0 {
		return // without TLS; or gone since the bind
	}
	first := slices.MinFunc(list, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
	if left := first.NotAfter.Sub(p.Now()); left < soon {
		e.found(Warn, u, "x509-soon", "", "renew it on the directory server", "its certificate %s ends on %s",
			first.Subject, first.NotAfter.UTC().Format(time.DateOnly))
	}
}

// bases looks whether the search bases exist.
func (p *patient) bases(e *examination) {
	var seen []string
	for _, t := range directory.Types() {
		_, bases, err := p.ldap.Filter(t)
		if err != nil {
			e.failed(Fail, "base", err, p.facts(discover.Elsewhere))
			return
		}
		for _, base := range bases {
			if slices.Contains(seen, base) {
				continue
			}
			seen = append(seen, base)
			facts := p.facts(discover.Searching)
			facts.Type, facts.Base = t, base
			list, _, err := p.probe.Search(base, ldif.Base, "(objectClass=*)", []string{"1.1"}, 1)
			switch fault, known := discover.Explain(err, facts); {
			case err != nil && known && p.ofPreset(t, base):
				p.baseOfPreset(e, base, fault)
			case err != nil && known:
				fault.Setting = p.baseSetting(t)
				e.fault(Fail, "base "+base, fault)
			case err != nil:
				e.failed(Fail, "base "+base, err, facts)
			case len(list) == 0:
				e.found(Warn, "base "+base, "base-hidden", p.baseSetting(t), "let "+orNobody(p.ldap.BindDN)+" read it", "it exists, and cannot be read")
			}
		}
	}
}

// ofPreset reports whether it is the preset that looks for a type at a base, below the
// one that is configured.
func (p *patient) ofPreset(t directory.Type, base string) bool {
	return p.baseSetting(t) == "directory.ldap.base" && !slices.Contains(p.ldap.Base, base)
}

// baseOfPreset tells that a base does not exist which only the preset has named.
func (p *patient) baseOfPreset(e *examination, base string, fault discover.Fault) {
	kind, err := discover.KindOf(p.probe, p.root.Entry)
	if err == nil && kind.Preset != "" && kind.Preset != p.presetName() {
		fault = presetFault(kind, p.presetName())
	} else {
		fault.Setting = "directory.ldap.base"
	}
	e.fault(Fail, "base "+base, fault)
}

// baseSetting is the setting that a type's base is from.
func (p *patient) baseSetting(t directory.Type) string {
	own := map[directory.Type][]string{directory.User: p.ldap.Users.Base, directory.Group: p.ldap.Groups.Base,
		directory.Location: p.ldap.Locations.Base, directory.Resource: p.ldap.Resources.Base}
	if len(own[t]) > 0 {
		return "directory.ldap." + t.String() + ".base"
	}
	return "directory.ldap.base"
}

// isResponse reports whether an error is a server's result.
func isResponse(err error) bool {
	_, _, ok := directory.ResultCode(err)
	return ok || errors.Is(err, directory.ErrNoGUID)
}

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
