package discover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"convene/auth"
	"convene/directory"
	"convene/directory/ldif"
	"convene/internal/kerberos"
	"convene/sacl"
)

// places sets the kind and the bases. A server may show more of itself after the
// sign-in.
func (j *joiner) places(ctx context.Context) error {
	if err := j.recognize(ctx); err != nil {
		return err
	}
	preset := cmp.Or(j.o.Preset, j.kind.Preset)
	if preset == "" {
		var err error
		if preset, err = j.ask.Ask(Question{Flag: "--preset", Text: "Kind of directory", Choices: directory.PresetNames(), Default: cmp.Or(j.ldap.Preset, "openldap"),
			Why: []string{"its root DSE does not tell: vendorName " + cmp.Or(j.kind.Product, "is missing")}}); err != nil {
			return err
		}
	}
	j.ldap.Preset, j.kind.Preset = preset, preset
	j.ok("directory", "%s: preset %q", cmp.Or(j.kind.Product, "unknown product"), preset)
	if err := j.bases(); err != nil {
		return err
	}
	j.report.Kind, j.report.Base, j.report.Domain = j.kind, j.ldap.Base, DomainOf(j.ldap.Base[0])
	return nil
}

func (j *joiner) bases() error {
	base := suffix(j.root)
	var people []string
	for _, c := range j.root.Values("namingContexts") {
		if f := strings.ToLower(c); c != "" && !strings.HasPrefix(f, "cn=") && !strings.HasPrefix(f, "dc=domaindnszones") && !strings.HasPrefix(f, "dc=forestdnszones") {
			people = append(people, c)
		}
	}
	switch {
	case len(j.o.Base) > 0:
		j.ldap.Base = j.o.Base
	case len(j.ldap.Base) > 0: // as the file has it
	case base == "" || len(people) > 1 && j.root.Value("defaultNamingContext") == "":
		answer, err := j.ask.Ask(Question{Flag: "--base", Text: "Search base", Default: base, Why: append([]string{"the server has:"}, people...)})
		if err != nil {
			return err
		}
		j.ldap.Base = []string{answer}
	default:
		j.ldap.Base = []string{base}
	}
	if j.kind.Preset == "freeipa" && len(j.o.Base) == 0 && len(j.o.UsersBase) == 0 && len(j.ldap.Users.Base) == 0 {
		// Preserved users are elsewhere below the suffix, and people who come back collide
		// with what they were.
		j.ldap.Users.Base = []string{"cn=users,cn=accounts," + base}
		j.ldap.Groups.Base = []string{"cn=groups,cn=accounts," + base}
	}
	for _, b := range []struct {
		given []string
		to    *[]string
	}{{j.o.UsersBase, &j.ldap.Users.Base}, {j.o.GroupsBase, &j.ldap.Groups.Base}, {j.o.RoomsBase, &j.ldap.Locations.Base}} {
		if len(b.given) > 0 {
			*b.to = b.given
		}
	}
	return nil
}

// look shows who is there, as the server will see them.
func (j *joiner) look(ctx context.Context) error {
	if err := j.members(); err != nil {
		return fails(failed("groups", err, j.facts(Searching)))
	}
	if err := j.rooms(); err != nil {
		return fails(failed("rooms", err, j.facts(Searching)))
	}
	var err error
	if j.dir, err = directory.OpenLDAP(*j.ldap, directory.Options{}); err != nil {
		return fails(failed("configuration", err, j.facts(Elsewhere)))
	}
	for _, t := range directory.Types() {
		p, err := Look(ctx, j.dir, t)
		if err != nil {
			facts := j.facts(Searching)
			facts.Type = t
			return fails(failed(t.String(), err, facts))
		}
		j.report.People = append(j.report.People, p)
		if err := j.found(t, p); err != nil {
			return err
		}
	}
	if err := j.listed(ctx); err != nil {
		return err
	}
	if j.o.AdminGroup != "" {
		g, err := j.dir.Lookup(ctx, directory.Key{By: directory.Name, Type: directory.Group, Value: strings.ToLower(j.o.AdminGroup)})
		if err != nil {
			return fails(Finding{Level: Fail, What: "administrators", Detail: fmt.Sprintf("group %q: %v", j.o.AdminGroup, err), Setting: "access.administrators", Cure: "name a group of the directory (--admin-group)"})
		}
		if entry := "group:" + g.Name; !slices.Contains(j.config.Access.Administrators, entry) {
			j.config.Access.Administrators = append(slices.Clone(j.config.Access.Administrators), entry)
		}
	}
	return nil
}

// found says how many records of a type there are and what is odd about them.
func (j *joiner) found(t directory.Type, p *People) error {
	if t == directory.User && p.Count == 0 {
		missing, err := Missing(j.probe, *j.ldap, j.root)
		if err != nil {
			return fails(failed("users", err, j.facts(Searching)))
		}
		if kind, err := KindOf(j.probe, j.root); err == nil && kind.Preset == j.ldap.Preset {
			missing.Preset = "" // those of others may find somebody by chance
		}
		f := failed("users", missing, j.facts(Searching))
		if n := p.LeftOut[directory.LeftOutNoGUID]; n > 0 {
			facts := j.facts(Searching)
			if r, err := j.ldap.Record(t); err == nil {
				facts.GUID = r.GUID
			}
			f = failed("users", fmt.Errorf("%d users: %w", n, directory.ErrNoGUID), facts)
		}
		return fails(f)
	}
	detail := fmt.Sprint(p.Count)
	if p.More {
		detail = fmt.Sprintf("more than %d", p.Count)
	}
	var out []string
	for _, why := range slices.Sorted(maps.Keys(p.LeftOut)) {
		out = append(out, fmt.Sprintf("%d %s", p.LeftOut[why], why))
	}
	if len(out) > 0 {
		detail += "; left out: " + strings.Join(out, ", ")
	}
	if all := total(p.LeftOut) + p.Count; p.More && all < looked {
		facts := j.facts(Searching)
		facts.Type = t
		f := failed(t.String(), directory.ErrTooMany, facts)
		f.Detail = fmt.Sprintf("no more than %d can be read: %s", all, f.Detail)
		return fails(f)
	}
	f := Finding{Level: OK, What: t.String(), Detail: detail}
	if n := p.LeftOut[directory.LeftOutNoGUID]; n > 0 {
		f.Level, f.Setting, f.Cure = Warn, "directory.ldap."+t.String()+".guid", "let the bind account read that attribute of all records"
	}
	j.say(f)
	if p.NoMail > 0 && t != directory.Group {
		j.say(Finding{Level: Warn, What: t.String(), Detail: fmt.Sprintf("%d have no mail address: nobody can invite them by it", p.NoMail), Setting: "directory.ldap." + t.String() + ".email", Cure: "give them one, or name the attribute that has it"})
	}
	for _, d := range p.Duplicates {
		setting := "directory.ldap.users.login"
		if strings.Contains(d.Value, "@") {
			setting = "directory.ldap.users.email"
		}
		j.say(Finding{Level: Warn, What: t.String(), Detail: fmt.Sprintf("%q is that of several: %s", d.Value, strings.Join(d.DNs, " and ")), Setting: setting, Cure: "give each one of their own, or name attributes whose values are unique"})
	}
	if t == directory.Location && p.Count == 0 {
		if e := RoomsElsewhere(j.probe, *j.ldap, j.root); e != nil {
			j.say(Finding{Level: Warn, What: t.String(), Detail: fmt.Sprintf("there are none below %s, but %d below %s, such as %s", strings.Join(e.Base, ", "), e.Count, e.Context, e.First),
				Setting: "directory.ldap.locations.base", Cure: fmt.Sprintf("set it to [%q], or to where in it they are (--rooms-base)", e.Context)})
		}
	}
	return nil
}

func total(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// listed looks whether those exist whom the file's lists of access name.
func (j *joiner) listed(ctx context.Context) error {
	c := &j.config
	lists := map[string][]string{"access.administrators": c.Access.Administrators, "access.readers": c.Access.Readers, "access.sudoers": c.Access.Sudoers}
	for key, list := range c.SACL.Lists() {
		lists["sacl."+key] = list
	}
	for _, key := range slices.Sorted(maps.Keys(lists)) {
		for _, entry := range lists[key] {
			ref, err := directory.ParseRef(entry)
			if entry == "everyone" || err != nil { // a mistake that reading the file has told
				continue
			}
			switch _, err = j.dir.Lookup(ctx, ref.Key()); {
			case errors.Is(err, directory.ErrNotFound):
				j.say(Finding{Level: Fail, What: "access", Detail: fmt.Sprintf("%q is not in the directory", entry), Setting: key, Cure: "correct the name, or take the entry away"})
			case err != nil:
				return fails(failed("access", err, j.facts(Searching)))
			}
		}
	}
	return nil
}

// members keeps those attributes of members that some group has. Active Directory has
// one, with an index.
func (j *joiner) members() error {
	if j.kind.Preset == "ad" {
		return nil
	}
	list, err := MemberAttributes(j.probe, *j.ldap)
	if err != nil || !slices.ContainsFunc(list, func(a MemberAttribute) bool { return a.Used }) {
		return err
	}
	used := func(names []string) []string {
		out := slices.DeleteFunc(slices.Clone(names), func(n string) bool {
			return slices.ContainsFunc(list, func(a MemberAttribute) bool { return a.Name == n && !a.Used })
		})
		if len(out) == 0 && len(names) > 0 {
			return []string{"-"}
		}
		return out
	}
	g := &j.ldap.Groups
	var dns, names []string
	for _, a := range list {
		switch strings.ToLower(a.Name) {
		case "memberuid":
			names = append(names, a.Name)
		case "member", "uniquemember":
			dns = append(dns, a.Name)
		}
		if a.Used && !a.Indexed {
			j.say(Finding{Level: Warn, What: "groups", Detail: fmt.Sprintf("a search by %s takes %v: it has no index", a.Name, a.Took.Round(time.Millisecond)),
				Setting: "directory.ldap.groups.member", Cure: "index " + a.Name + " for equality on the directory server: each log-in asks for it"})
		}
	}
	if len(g.Member) == 0 {
		g.Member = used(dns)
	}
	if len(g.MemberName) == 0 {
		g.MemberName = used(names)
	}
	return nil
}

// rooms looks for rooms kept as accounts below an organizational unit of that name, if
// the preset knows none.
func (j *joiner) rooms() error {
	loc := &j.ldap.Locations
	if loc.Filter != "" {
		return nil
	}
	filter, bases, err := j.ldap.Filter(directory.Location)
	if err != nil || filter == "" {
		return err
	}
	found, err := finds(j.probe, bases, filter)
	if err != nil || found {
		return err
	}
	if len(j.o.RoomsBase) == 0 {
		list, _, err := j.probe.Search(j.ldap.Base[0], ldif.Sub, "(&(objectClass=organizationalUnit)(|(ou=rooms)(ou=meeting rooms)(ou=conference rooms)))", []string{"1.1"}, 2)
		if err != nil || len(list) != 1 {
			return err
		}
		bases = []string{list[0].DN}
	}
	account := "(objectClass=inetOrgPerson)"
	if j.kind.Preset == "ad" {
		account = "(&(objectClass=user)(!(objectClass=computer)))"
	}
	if found, err = finds(j.probe, bases, account); err != nil || !found {
		return err
	}
	answer, err := j.ask.Ask(Question{Flag: "--rooms-base", Text: "Are the accounts below " + strings.Join(bases, " and ") + " rooms?", Choices: []string{"yes", "no"}, Default: "yes",
		Why: []string{"no entry is a room by its class or by what Exchange says, and the unit is called so"}})
	if err == nil && answer == "yes" {
		loc.Base, loc.Filter = bases, account
	}
	return err
}

// policy makes the server's own limits stricter than the directory's.
func (j *joiner) policy(context.Context) error {
	p, err := LockPolicyOf(j.probe, j.kind.Preset, j.ldap.Base[0])
	if err != nil {
		return fails(failed("lock-out", err, j.facts(Searching)))
	}
	switch {
	case p == nil:
		j.ok("lock-out", "the directory's policy cannot be read; auth.throttle stays at %d wrong passwords", j.config.Auth.Throttle.AccountFailures)
	case p.Threshold <= 0:
		j.ok("lock-out", "the directory locks no accounts")
	case p.Throttle(&j.config.Auth.Throttle):
		j.say(Finding{Level: Warn, What: "lock-out", Detail: fmt.Sprintf("the directory locks accounts after %d wrong passwords: one mistyped twice may be enough", p.Threshold),
			Setting: "auth.throttle.account-failures", Cure: "raise the directory's threshold to 5 or more"})
	default:
		j.ok("lock-out", "the directory locks after %d wrong passwords in %v; here %d are tried", p.Threshold, p.Window, j.config.Auth.Throttle.AccountFailures)
	}
	return nil
}

// certificate looks at the server's own, if the configuration names one already.
func (j *joiner) certificate(context.Context) error {
	if c := j.config.TLS; c.Certificate != "" {
		j.say(OwnCertificate(c.Certificate, c.Key, j.config.Server.HostName).Check(j.o.Now()))
	}
	return nil
}

// kerberos compares keytab, names and clocks.
func (j *joiner) kerberos(ctx context.Context) error {
	host := j.config.Server.HostName
	j.say(CheckName(ctx, j.o.Resolver, host))
	ad := j.kind.Preset == "ad"
	if ad {
		j.realm = strings.ToUpper(DomainOf(j.ldap.Base[0]))
		j.kdc = kerberos.KDC{Realm: j.realm, Address: hostPort(hostIn(j.ldap.URLs[0]), "88")}
	} else if j.keytab != "" {
		keys, err := kerberos.Keytab(j.keytab)
		if err != nil {
			return fails(failed("keytab", fmt.Errorf("keytab: %w", err), j.facts(Ticketing)))
		}
		j.realm = keys[0].Realm
		if list, err := kerberos.FindKDCs(ctx, j.o.Resolver, j.realm); err == nil {
			j.kdc = list[0]
		} else {
			j.say(Finding{Level: Warn, What: "KDC", Detail: err.Error(), Cure: "name it in /etc/krb5.conf; the server itself does not need it"})
		}
	}
	if j.kdc.Address != "" {
		j.say(checkClock(ctx, j.kdc, j.o.Now))
	}
	if j.o.CreateKeytab {
		if !ad {
			return fails(Finding{Level: Fail, What: "keytab", Detail: "only Active Directory makes accounts by LDAP", Setting: "auth.negotiate.keytab",
				Cure: "run: " + strings.Join(KeytabCommands(j.kind, j.realm, host, j.beside("http.keytab")), "; ") + "; then join with --keytab"})
		}
		return nil
	}
	var holders []Holder
	if ad {
		var err error
		if holders, err = Holders(j.probe, j.ldap.Base[0], "HTTP/"+host); err != nil {
			return fails(failed("service name", err, j.facts(Searching)))
		}
		if len(holders) != 1 || j.keytab != "" {
			j.say(checkHolders("HTTP/"+host, holders))
		}
	}
	if j.keytab == "" {
		j.report.Commands = KeytabCommands(j.kind, cmp.Or(j.realm, "REALM"), host, j.beside("http.keytab"))
		j.say(Finding{Level: Warn, What: "keytab", Detail: "there is none: people sign in with their passwords", Setting: "auth.negotiate.keytab", Cure: "make one, then join again with --keytab"})
		return nil
	}
	for _, f := range CheckKeytab(j.keytab, j.realm, host, holders) {
		j.say(f)
	}
	if !ad && !slices.Contains(j.ldap.KerberosRealms, j.realm) && len(j.ldap.KerberosBases) == 0 {
		j.ldap.KerberosRealms = append(slices.Clone(j.ldap.KerberosRealms), j.realm)
	}
	return nil
}

// account makes the server's own account and keytab. From here on the server is that
// account, and who has made it is forgotten.
func (j *joiner) account(ctx context.Context) error {
	if !j.o.CreateKeytab {
		return nil
	}
	host := j.config.Server.HostName
	keytab, password := j.beside("http.keytab"), j.beside("ldap-password")
	name := accountName(host) + "@" + strings.ToLower(j.realm)
	if slices.ContainsFunc(j.report.Findings, func(f Finding) bool { return f.Level == Fail }) {
		return ErrFailed // nothing is made for a configuration that is not written
	}
	if j.o.DryRun {
		j.ok("account", "%s would be made, with HTTP/%s", name, host)
		j.ldap.BindDN, j.ldap.BindPasswordFile, j.ldap.BindPassword, j.ldap.BindKeytab = name, password, "", ""
		j.config.Auth.Negotiate.Keytab = keytab
		j.files = map[string]file{keytab: {mode: 0o600}, password: {mode: 0o600}}
		j.keytab = ""
		return nil
	}
	a, err := MakeAccount(ctx, j.probe, j.ldap.Base[0], host, j.kdc)
	if errors.Is(err, ErrNoRight) {
		j.report.Commands = KeytabCommands(j.kind, j.realm, host, keytab)
	}
	if errors.Is(err, ErrNoRight) || errors.Is(err, ErrHeld) {
		return fails(Finding{Level: Fail, What: "account", Detail: err.Error(), Setting: "auth.negotiate.keytab", Cure: "join as an account that may make others; or let somebody make the keytab, and join with --keytab"})
	}
	if err != nil {
		return fails(failed("account", err, j.facts(Ticketing)))
	}
	for path := range j.files {
		if path == password {
			delete(j.files, path) // the administrator's is not kept
		}
	}
	j.files[keytab], j.files[password] = file{a.Keytab, 0o600}, file{[]byte(a.Password + "\n"), 0o600}
	j.ldap.BindDN, j.ldap.BindPassword, j.ldap.BindPasswordFile, j.ldap.BindKeytab = name, a.Password, "", ""
	j.config.Auth.Negotiate.Keytab = keytab
	if err := j.useTemp(&j.keytab, keytab); err != nil {
		return err
	}
	p, err := directory.OpenProbe(ctx, *j.ldap, j.ldap.URLs[0])
	if err != nil {
		return fails(failed("account", err, j.facts(Connecting)))
	}
	j.probe.Close()
	j.probe = p
	if err := p.Bind(ctx); err != nil {
		return fails(failed("account", err, j.facts(Binding)))
	}
	j.ok("account", "%s, with HTTP/%s, key version %d, AES", name, host, a.Version)
	_ = j.dir.Close()
	j.dir, err = directory.OpenLDAP(*j.ldap, directory.Options{})
	if err != nil {
		return err
	}
	// What the administrator sees the new account may not.
	users, err := Look(ctx, j.dir, directory.User)
	if err != nil || users.Count == 0 {
		return fails(Finding{Level: Fail, What: "account", Detail: fmt.Sprintf("it sees no users (%v)", err), Setting: "directory.ldap.bind-dn", Cure: "let it read the users of the domain"})
	}
	return nil
}

// testUser signs somebody in, in every way that is configured.
func (j *joiner) testUser(ctx context.Context) error {
	if j.o.TestUser == "" {
		return nil
	}
	password := j.o.TestPassword
	if password == "" {
		var err error
		if password, err = j.ask.Ask(Question{Flag: "--test-password-file", Text: "Password of " + j.o.TestUser, Secret: true}); err != nil {
			return err
		}
	}
	p, err := j.dir.Authenticate(ctx, j.o.TestUser, password)
	if err != nil {
		f := failed("test user", err, Facts{Step: Elsewhere})
		f.Detail, f.Setting, f.Symptom = fmt.Sprintf("%s: %v", j.o.TestUser, err), "", ""
		f.Cure = "look at the account, or try another one"
		return fails(f)
	}
	j.ok("test user", "%s → %s, with password", j.o.TestUser, p.FullName)
	groups, err := j.dir.Groups(ctx, p.GUID)
	if err != nil {
		return fails(failed("test user", err, j.facts(Searching)))
	}
	j.ok("test user", "in %d groups; home /calendars/__uids__/%s/", len(groups), p.GUID)
	list, err := sacl.Open(sacl.Options{Config: j.config.SACL, Directory: j.dir})
	if err != nil {
		return err
	}
	why, err := list.Check(ctx, sacl.Calendar, &auth.Caller{Principal: p, Groups: groups})
	if err != nil {
		return fails(failed("test user", err, j.facts(Searching)))
	}
	f := Finding{Level: OK, What: "test user", Detail: "may use calendars: " + why.Reason}
	if !why.Allowed {
		f = Finding{Level: Fail, What: "test user", Detail: "may not use calendars: " + why.Reason, Setting: "sacl", Cure: "let them in, or try somebody who is"}
	}
	j.say(f)
	return j.testTicket(ctx, p, password)
}

// testTicket takes a ticket to our own acceptor.
func (j *joiner) testTicket(ctx context.Context, p *directory.Principal, password string) (err error) {
	if j.keytab == "" || j.kdc.Address == "" {
		return nil
	}
	token, err := j.kdc.Token(p.Name, password, "HTTP/"+j.config.Server.HostName)
	if err != nil {
		return fails(failed("ticket", err, j.facts(Ticketing)))
	}
	o := j.config.Auth.Options()
	o.Schemes, o.Directory, o.Now, o.Log = []string{auth.SchemeNegotiate}, j.dir, j.o.Now, nil
	o.Negotiate.Keytab, o.Negotiate.ChannelBinding = j.keytab, auth.BindingOff
	a, err := auth.New(o)
	if err != nil {
		return fails(failed("ticket", err, j.facts(Ticketing)))
	}
	defer func() { err = errors.Join(err, a.Close(ctx)) }()
	c, err := a.Login(ctx, token)
	if err != nil {
		return fails(failed("ticket", err, j.facts(Ticketing)))
	}
	if c.Principal.GUID != p.GUID {
		return fails(Finding{Level: Fail, What: "ticket", Detail: fmt.Sprintf("%s's ticket is taken for %q", p.Name, c.Principal.DN), Setting: "auth.negotiate.principals", Cure: "map principals to records so that each is one person's"})
	}
	j.ok("ticket", "%s signs in without password", c.Login)
	return nil
}
