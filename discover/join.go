package discover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"convene/config"
	"convene/directory"
	"convene/directory/ldif"
	"convene/internal/kerberos"
)

// Options say what Join is told. What is empty it finds out, or asks for.
type Options struct {
	Domain string   // DNS name
	URLs   []string // of LDAP servers, in place of a domain

	BindUser     string // DN or user@domain; with Active Directory a bare account name too
	BindPassword string
	PasswordFile string // with the password; it is then named in the configuration
	BindKeytab   string // with the keys of BindUser, which is a Kerberos principal, in place of a password
	Anonymous    bool   // nobody signs in to the directory

	CAFile     string
	Pins       []string // as in certificate-fingerprints
	TrustFirst bool     // pin what the servers show, unseen
	Site       string

	Preset                                 string
	Base, UsersBase, GroupsBase, RoomsBase []string
	AdminGroup, HostName, Keytab           string
	CreateKeytab                           bool // and the account that it is for; Active Directory
	TestUser, TestPassword                 string
	Output                                 string // the configuration file; one that is there is changed
	DryRun                                 bool
	Resolver                               *net.Resolver
	Now                                    func() time.Time
}

// A Question is something that cannot be found out.
type Question struct {
	Flag    string // the option of the command that answers it
	Text    string
	Why     []string // what is known, a line each
	Default string   // "": there is none
	Choices []string // empty: any answer
	Secret  bool     // the answer is not to be shown
}

// An Asker answers questions: a person, or nobody.
type Asker interface {
	// Ask returns an answer, which may be the default. Error: ErrNoAnswer, for a
	// question without default that nobody is there to answer.
	Ask(Question) (string, error)
}

// ErrNoAnswer is a question that only a person could answer.
var ErrNoAnswer = errors.New("nobody to ask")

// A Report is what Join has found and what it makes of it.
type Report struct {
	Kind     Kind      `json:"kind"`
	Domain   string    `json:"domain"`
	Base     []string  `json:"base"`
	URLs     []string  `json:"urls"`
	Findings []Finding `json:"findings"`
	People   []*People `json:"people"`
	Changes  []Change  `json:"changes"`  // of settings; none: the file is right already
	Files    []string  `json:"files"`    // written, or to be written without DryRun
	Commands []string  `json:"commands"` // still to be run by somebody, for a keytab
	DNS      []string  `json:"dns"`      // records to publish (RFC 6764)
	Browsers []string  `json:"browsers"` // policies, for sign-in without password
}

// ErrFailed is a check that failed: nothing was written.
var ErrFailed = errors.New("a check failed; nothing was written")

// Join finds a directory, looks at it as the server will, and writes a configuration
// for it. It tells each finding as it is made. The error is ErrFailed, perhaps with
// what was at fault; then nothing is written.
func Join(ctx context.Context, o Options, ask Asker, tell func(Finding)) (*Report, error) {
	j := &joiner{o: o, ask: ask, tell: tell, files: map[string]file{}, report: &Report{
		Base: []string{}, URLs: []string{}, Findings: []Finding{}, People: []*People{}, Changes: []Change{}, Files: []string{}, Commands: []string{}, DNS: []string{}, Browsers: []string{},
	}}
	j.o.Resolver = cmp.Or(o.Resolver, net.DefaultResolver)
	if o.Now == nil {
		j.o.Now = time.Now
	}
	defer j.close()
	for _, step := range []func(context.Context) error{
		j.load, j.find, j.connect, j.recognize, j.bind, j.places, j.look, j.policy, j.certificate, j.kerberos, j.account, j.testUser,
	} {
		if err := step(ctx); err != nil {
			if f, ok := errors.AsType[*Finding](err); ok {
				j.say(*f)
				return j.report, ErrFailed
			}
			return j.report, errors.Join(ErrFailed, err)
		}
	}
	if slices.ContainsFunc(j.report.Findings, func(f Finding) bool { return f.Level == Fail }) {
		return j.report, ErrFailed
	}
	return j.report, j.write()
}

// joiner is one run.
type joiner struct {
	o      Options
	ask    Asker
	tell   func(Finding)
	report *Report

	text   string        // of the file as it is
	before config.Config // what it says
	config config.Config // as it will be
	ldap   *directory.LDAPConfig
	files  map[string]file // to be written besides

	probe  *directory.Probe // to the first server
	root   *ldif.Entry
	kind   Kind
	realm  string
	kdc    kerberos.KDC
	dir    *directory.LDAP
	temps  []string
	keytab string // where it is now
}

// file is one with a secret or a certificate.
type file struct {
	content []byte
	mode    os.FileMode
}

func (j *joiner) close() {
	if j.probe != nil {
		j.probe.Close()
	}
	if j.dir != nil {
		_ = j.dir.Close()
	}
	for _, t := range j.temps {
		_ = os.RemoveAll(t)
	}
}

func (j *joiner) say(f Finding) {
	j.report.Findings = append(j.report.Findings, f)
	j.tell(f)
}

func (j *joiner) ok(what, format string, args ...any) {
	j.say(Finding{Level: OK, What: what, Detail: fmt.Sprintf(format, args...)})
}

// fails makes an error of a finding.
func fails(f Finding) error { return &f }

func (j *joiner) facts(step Step) Facts {
	f := Facts{Config: *j.ldap, Step: step, Type: directory.User, Keytab: j.keytab}
	if j.root != nil {
		f.Contexts = j.root.Values("namingContexts")
	}
	return f
}

// load reads the file that is there.
func (j *joiner) load(context.Context) error {
	j.config = config.Default()
	text, err := os.ReadFile(j.o.Output)
	switch {
	case err == nil:
		j.text = string(text)
		if j.config, err = config.Parse(j.o.Output, text, nil); err != nil {
			return fmt.Errorf("the file that is there has mistakes; mend them or name another one with -o: %w", err)
		}
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	j.before, j.ldap = j.config, &j.config.Directory.LDAP
	j.config.Directory.Kind = directory.KindLDAP
	j.ldap.CAFile = cmp.Or(absolute(j.o.CAFile), j.ldap.CAFile)
	if len(j.o.Pins) > 0 {
		j.ldap.Fingerprints, j.ldap.CAFile = j.o.Pins, ""
	} else if j.o.CAFile != "" {
		j.ldap.Fingerprints = nil
	}
	j.config.Server.HostName = strings.ToLower(cmp.Or(j.o.HostName, j.config.HostName()))
	j.config.Auth.Negotiate.Keytab = cmp.Or(absolute(j.o.Keytab), j.config.Auth.Negotiate.Keytab)
	j.keytab = j.config.Auth.Negotiate.Keytab
	return nil
}

func absolute(path string) string {
	if path == "" {
		return ""
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// beside is a file in the folder of the configuration.
func (j *joiner) beside(name string) string {
	return filepath.Join(filepath.Dir(absolute(j.o.Output)), name)
}

// find sets the URLs.
func (j *joiner) find(ctx context.Context) error {
	if len(j.o.URLs) > 0 {
		j.ldap.URLs = j.o.URLs
		return nil
	}
	if j.o.Domain == "" && len(j.ldap.URLs) > 0 {
		return nil // those of the file
	}
	if j.o.Domain == "" {
		guess := ""
		if list := Domains(); len(list) > 0 {
			guess = list[0]
		}
		var err error
		if j.o.Domain, err = j.ask.Ask(Question{Flag: "DOMAIN", Text: "DNS name of the domain", Default: guess, Why: []string{"it is that of this machine's name, or the first in the search list of the resolver"}}); err != nil {
			return err
		}
	}
	d, err := Find(ctx, j.o.Resolver, j.o.Domain, j.o.Site)
	if err != nil {
		f := failed("domain", err, Facts{Step: Connecting})
		f.Cure = "let this machine's resolver (/etc/resolv.conf) ask the domain's DNS servers, or name servers: convene join ldaps://HOST"
		return fails(f)
	}
	j.ldap.URLs, j.ldap.StartTLS = nil, false
	var names []string
	for _, s := range d.Choose() {
		j.ldap.URLs = append(j.ldap.URLs, s.url("ldaps"))
		names = append(names, fmt.Sprintf("%s (%v)", s.Host, s.Latency.Round(100*time.Microsecond)))
	}
	for _, s := range d.Servers {
		if s.Err != nil {
			f := failed("server", s.Err, Facts{Step: Connecting})
			f.Level = Warn
			j.say(f)
		}
	}
	if d.Ping != nil {
		j.ok("domain", "%s (%s), forest %s, this machine is in site %s", d.Ping.Domain, d.Ping.NetBIOS, d.Ping.Forest, cmp.Or(d.Ping.ClientSite, "none"))
	}
	j.ok("servers", "%s", strings.Join(names, ", "))
	return nil
}

// connect reaches the servers by TLS and sees to it that they are trusted.
func (j *joiner) connect(ctx context.Context) error {
	for i := 0; i < len(j.ldap.URLs); i++ {
		pins := len(j.ldap.Fingerprints)
		p, err := j.reach(ctx, j.ldap.URLs[i])
		if err == nil && len(j.ldap.Fingerprints) > pins && i > 0 {
			// Fingerprints stand instead of authorities: those before are looked at again.
			p.Close()
			j.probe.Close()
			j.probe, i = nil, -1
			continue
		}
		if f, ok := errors.AsType[*Finding](err); ok && i > 0 && j.probe != nil {
			f.Level = Warn // the first one does
			j.say(*f)
			continue
		}
		switch {
		case err != nil:
			return err
		case j.probe == nil:
			j.probe = p
		default:
			p.Close()
		}
	}
	j.report.URLs = j.ldap.URLs
	how := "TLS"
	if j.ldap.StartTLS {
		how = "StartTLS"
	}
	if !strings.HasPrefix(j.ldap.URLs[0], "ldaps:") && !j.ldap.StartTLS {
		how = "without TLS, on this machine"
	}
	j.ok("connection", "%s, %s", j.ldap.URLs[0], how)
	for _, url := range j.ldap.URLs {
		if GlobalCatalog(url) {
			j.say(Finding{Level: Warn, What: "connection", Detail: url + " is a global catalog, which lacks most attributes and the members of other domains' groups", Setting: "directory.ldap.urls", Cure: "write ldaps:// with port 636, or none"})
		}
	}
	return nil
}

// reach opens a connection to one server. ldap:// means StartTLS; without it only the
// machine itself is spoken to.
func (j *joiner) reach(ctx context.Context, url string) (*directory.Probe, error) {
	plain := strings.HasPrefix(url, "ldap://")
	j.ldap.StartTLS = plain
	for range 2 { // again once the certificate is trusted
		p, cert, err := open(ctx, *j.ldap, url, j.o.Now())
		switch {
		case err == nil:
			return p, nil
		case cert != nil:
			if err := j.trust(cert, err); err != nil {
				return nil, err
			}
			continue
		}
		f := failed("connection", err, j.facts(Elsewhere))
		if !plain || !strings.HasPrefix(f.Symptom, "starttls") {
			return nil, fails(f)
		}
		j.ldap.StartTLS = false
		p, again := directory.OpenProbe(ctx, *j.ldap, url)
		if again != nil {
			return nil, fails(f)
		}
		if _, err := p.Root(); err != nil { // nor does it speak LDAP without TLS
			p.Close()
			return nil, fails(f)
		}
		return p, nil
	}
	return nil, fails(Finding{Level: Fail, What: "certificate", Detail: "the server at " + url + " shows another certificate each time", Cure: "name one server, not an address that stands for several"})
}

// trust decides about a certificate that cannot be verified.
func (j *joiner) trust(u *Untrusted, err error) error {
	f := failed("certificate", err, j.facts(Connecting))
	if u.expired {
		return fails(f)
	}
	choices := []string{"stop", "pin"}
	authority := u.authorityPEM()
	if len(j.ldap.Fingerprints) > 0 {
		authority = nil
	}
	if authority != nil {
		choices = []string{"stop", "ca", "pin"}
	}
	answer := "pin"
	if !j.o.TrustFirst {
		why := append(u.Lines(), "", "ca trusts the authority that it shows and pin this one certificate: compare the SHA-256 sum with that on the server")
		var no error
		answer, no = j.ask.Ask(Question{Flag: "--trust-first", Text: "The certificate cannot be verified. Trust it?", Why: why, Choices: choices, Default: "stop"})
		if no != nil {
			return no
		}
	}
	switch {
	case answer == "ca" && authority != nil:
		// Beside those trusted already.
		path := j.beside("directory-ca.pem")
		old, err := os.ReadFile(j.ldap.CAFile)
		if j.ldap.CAFile != "" && err != nil {
			return err
		}
		j.files[path] = file{append(old, authority...), 0o644}
		return j.useTemp(&j.ldap.CAFile, path)
	case answer == "pin":
		j.ldap.CAFile = ""
		j.ldap.Fingerprints = append(slices.Clone(j.ldap.Fingerprints), u.Pin)
		j.say(Finding{Level: Warn, What: "certificate", Detail: fmt.Sprintf("of %s is trusted as it is: %s (%s)", u.URL, u.Pin, f.Detail), Cure: "before it changes, in " + fmt.Sprint(u.Until.Year()) + " at the latest, give the server one with its DNS name in subjectAltName"})
		return nil
	}
	f.Cure += fmt.Sprintf("; its fingerprint is %s (--pin)", u.Pin)
	return fails(f)
}

// useTemp points a setting at a file of this process until the real one is written.
func (j *joiner) useTemp(setting *string, path string) error {
	dir, err := os.MkdirTemp("", "convene-join-*")
	if err != nil {
		return err
	}
	j.temps = append(j.temps, dir)
	*setting = filepath.Join(dir, filepath.Base(path))
	return os.WriteFile(*setting, j.files[path].content, 0o600)
}

// recognize reads the root DSE.
func (j *joiner) recognize(context.Context) error {
	var err error
	if j.root, err = j.probe.Root(); err != nil {
		return fails(failed("directory", err, j.facts(Searching)))
	}
	if j.kind, err = KindOf(j.probe, j.root); err != nil {
		return fails(failed("directory", err, j.facts(Searching)))
	}
	return nil
}

// attempts is how many wrong answers the directory is given: accounts are locked after
// some more.
const attempts = 2

// bind signs in as the account that the server will use, or the one that makes it.
func (j *joiner) bind(ctx context.Context) error {
	if strings.HasPrefix(j.ldap.URLs[0], "ldapi://") && j.o.BindUser == "" && j.ldap.BindDN == "" {
		j.o.BindUser = "external"
	}
	if j.o.CreateKeytab && j.made(ctx) {
		j.o.CreateKeytab, j.o.BindUser = false, ""
	}
	for n := range attempts {
		err := j.bindOnce(ctx)
		if err == nil {
			j.ok("sign-in", "as %s", cmp.Or(j.ldap.BindDN, "nobody (anonymous)"))
			for _, f := range append(readable("sign-in", "directory.ldap.bind-password-file", j.ldap.BindPasswordFile), readable("sign-in", "directory.ldap.bind-keytab", j.ldap.BindKeytab)...) {
				j.say(f)
			}
			return nil
		}
		if _, _, ok := directory.ResultCode(err); !ok {
			return err
		}
		f := failed("sign-in", err, j.facts(Binding))
		if n == attempts-1 || j.ldap.BindKeytab != "" {
			return fails(f)
		}
		again, no := j.ask.Ask(Question{Flag: "--password-file", Text: "Password of " + j.ldap.BindDN, Why: []string{f.Detail, "one more attempt; then join stops, before the account is locked"}, Secret: true})
		if no != nil {
			return fails(f)
		}
		j.o.BindPassword = again
	}
	return nil
}

// bindOnce makes one attempt.
func (j *joiner) bindOnce(ctx context.Context) error {
	user := j.o.BindUser
	if user == "" && j.ldap.BindDN == "" && !j.o.Anonymous {
		why := "accounts that look people up need no more than the right to read"
		var err error
		if user, err = j.ask.Ask(Question{Flag: "--bind-user", Text: "Account that looks people up", Why: []string{why}}); err != nil {
			return err
		}
		j.o.BindUser = user
	}
	if user != "" {
		j.ldap.BindDN = j.kind.BindName(user, suffix(j.root))
	}
	switch {
	case j.o.Anonymous:
		j.ldap.BindDN, j.ldap.BindPassword, j.ldap.BindPasswordFile, j.ldap.BindKeytab = "", "", "", ""
	case j.ldap.BindDN == "external":
	case j.o.BindKeytab != "":
		j.ldap.BindKeytab, j.ldap.BindPassword, j.ldap.BindPasswordFile = absolute(j.o.BindKeytab), "", ""
	case j.o.PasswordFile != "" && j.o.BindPassword == "":
		j.ldap.BindPassword, j.ldap.BindPasswordFile, j.ldap.BindKeytab = "", absolute(j.o.PasswordFile), ""
	case user == "" && j.o.BindPassword == "" && (j.ldap.BindPasswordFile != "" || j.ldap.BindPassword != "" || j.ldap.BindKeytab != ""):
		// as the file has it
	default:
		if j.o.BindPassword == "" {
			var err error
			if j.o.BindPassword, err = j.ask.Ask(Question{Flag: "--password-file", Text: "Password of " + j.ldap.BindDN, Secret: true}); err != nil {
				return err
			}
		}
		j.ldap.BindPassword, j.ldap.BindPasswordFile, j.ldap.BindKeytab = j.o.BindPassword, "", ""
		j.files[j.beside("ldap-password")] = file{[]byte(j.o.BindPassword + "\n"), 0o600}
	}
	p, err := directory.OpenProbe(ctx, *j.ldap, j.ldap.URLs[0])
	if err != nil {
		return fails(failed("connection", err, j.facts(Elsewhere)))
	}
	if err := p.Bind(ctx); err != nil {
		p.Close()
		if _, _, ok := directory.ResultCode(err); !ok {
			return fails(failed("sign-in", err, j.facts(Binding)))
		}
		return err
	}
	j.probe.Close()
	j.probe = p
	return nil
}

// made reports whether an earlier run has made the server's account, and all of it
// works still.
func (j *joiner) made(ctx context.Context) bool {
	c := j.ldap
	if !strings.EqualFold(c.BindDN, accountName(j.config.Server.HostName)+"@"+DomainOf(suffix(j.root))) || c.BindPasswordFile == "" || j.keytab == "" {
		return false
	}
	p, err := directory.OpenProbe(ctx, *c, c.URLs[0])
	if err != nil {
		return false
	}
	defer p.Close()
	if p.Bind(ctx) != nil {
		return false
	}
	base := suffix(j.root)
	holders, err := Holders(p, base, "HTTP/"+j.config.Server.HostName)
	return err == nil && len(holders) == 1 && !slices.ContainsFunc(
		CheckKeytab(j.keytab, strings.ToUpper(DomainOf(base)), j.config.Server.HostName, holders), func(f Finding) bool { return f.Level == Fail })
}
