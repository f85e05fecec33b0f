package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"convene/config"
	"convene/directory"
)

// Options are what a doctor needs.
type Options struct {
	Config  config.Config
	Running *Running // nil: no server runs
	// Only are the checks to make, of Checks; empty: all.
	Only     []string
	Most     int              // records of a type that are looked at; 0: 20,000
	Resolver *net.Resolver    // nil: the system's
	Now      func() time.Time // nil: time.Now
}

// Running is what a running server says of its directory, and of its other parts.
type Running struct {
	Servers []directory.HostStatus
	Cache   directory.CacheStats
	Changes directory.TrackStatus
	Parts   []Part
}

// A Part is a file or a service that a running server depends on.
type Part struct {
	Name string
	Err  string // what is wrong; "": nothing
	Cure string
}

// The checks. What is cheap is asked of the directory by a dozen searches, of which none
// gives more than a few thousand entries.
const (
	CheckDirectory = "directory" // servers, base, preset; people, groups, rooms
	CheckAccess    = "access"    // whom the lists of access name
	CheckKerberos  = "kerberos"  // keytab, service name, clock
	CheckTicket    = "ticket"    // for this server, with the keys of its own keytab
	CheckNames     = "names"     // certificate and names of this server
	CheckData      = "data"      // folder, files in it, disk, ports
)

// Checks lists the checks in the order in which they are made.
func Checks() []string {
	return []string{CheckDirectory, CheckAccess, CheckKerberos, CheckTicket, CheckNames, CheckData}
}

// Cheap lists the checks that a server makes at its start.
func Cheap() []string { return []string{CheckDirectory, CheckAccess, CheckKerberos} }

// patient is what is looked at, with what one check has found that others need.
type patient struct {
	Options
	ldap *directory.LDAPConfig // nil: the directory is in files
	dir  directory.Directory   // nil: it cannot be asked
	// probe is bound to the first server that is well; nil: there is none.
	probe *directory.Probe
	root  root
}

// Run makes the checks. The report has at least a finding for each. Error: an unknown
// check.
func Run(ctx context.Context, o Options) (Report, error) {
	for _, name := range o.Only {
		if !slices.Contains(Checks(), name) {
			return nil, fmt.Errorf("%q: there is no such check; there are %s", name, strings.Join(Checks(), ", "))
		}
	}
	p := &patient{Options: o}
	p.Now = cmpNow(p.Now)
	p.Most = cmp.Or(p.Most, 20_000)
	p.Resolver = cmp.Or(p.Resolver, net.DefaultResolver)
	if o.Config.Directory.Kind == directory.KindLDAP {
		p.ldap = &p.Config.Directory.LDAP
	}
	defer p.close()
	wanted := func(check string) bool { return len(o.Only) == 0 || slices.Contains(o.Only, check) }
	var report Report
	for _, check := range []struct {
		name string
		make func(context.Context, *examination)
		asks bool // the directory
	}{
		{CheckDirectory, p.directory, true},
		{CheckAccess, p.access, true},
		{CheckKerberos, p.kerberos, true},
		{CheckTicket, p.ticket, true},
		{CheckNames, p.names, false},
		{CheckData, p.data, false},
	} {
		if !wanted(check.name) && (check.name != CheckDirectory || !wanted(CheckAccess) && !wanted(CheckKerberos) && !wanted(CheckTicket)) {
			continue
		}
		e := &examination{check: check.name}
		check.make(ctx, e)
		if wanted(check.name) { // else it was made for those that need the directory
			report = append(report, e.report...)
		}
	}
	return report, nil
}

func cmpNow(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}

func (p *patient) close() {
	if p.probe != nil {
		p.probe.Close()
	}
	if c, ok := p.dir.(interface{ Close() error }); ok {
		_ = c.Close() // connections that nobody needs any more
	}
}
