package acl_test

import (
	"slices"
	"testing"

	"convene/acl"
)

func policy() *acl.Policy {
	return &acl.Policy{Administrators: []string{"boss", "admins"}, Readers: []string{"auditor", "auditors"}}
}

func caller(guid string, groups ...string) acl.Caller { return acl.Caller{GUID: guid, Groups: groups} }

// kinds are all that have a list.
var kinds = []acl.Kind{acl.Shared, acl.Record, acl.ProxyGroup, acl.Home, acl.Calendar, acl.Collection,
	acl.Inbox, acl.Outbox, acl.Notifications, acl.Dropbox, acl.FreeBusyURL}

const (
	look = acl.Read | acl.ReadPrivileges
	edit = look | acl.Write
	self = look | acl.ReadACL | acl.WriteProperties
)

// Who may do what, for every kind of caller on every kind of resource.
func TestPrivileges(t *testing.T) {
	const none, all, busy = acl.None, acl.All, acl.ReadFreeBusy
	for name, tt := range map[string]struct {
		caller                               acl.Caller
		shared, principal, private, calendar acl.Privilege
	}{
		"nobody":                     {acl.Caller{}, none, none, none, none},
		"nobody with groups":         {caller("", "admins", "ann"), none, none, none, none},
		"owner":                      {caller("ann"), look, self, all, all},
		"colleague":                  {caller("bob"), look, look, none, busy},
		"colleague in a group":       {caller("bob", "others"), look, look, none, busy},
		"administrator":              {caller("boss"), all, all, all, all},
		"administrator by a group":   {caller("bob", "admins", "others"), all, all, all, all},
		"reader":                     {caller("auditor"), look, look, look, look},
		"reader by a group":          {caller("bob", "auditors"), look, look, look, look},
		"owner who is a reader":      {caller("ann", "auditors"), look, self, all, all},
		"administrator who reads":    {caller("boss", "auditors"), all, all, all, all},
		"owner of nothing in common": {caller("cat", "dogs"), look, look, none, busy},
	} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range kinds {
				r, want := acl.Resource{Kind: kind, Owner: acl.Owner{GUID: "ann"}}, tt.private
				switch kind {
				case acl.Shared:
					r.Owner, want = acl.Owner{}, tt.shared
				case acl.Record, acl.ProxyGroup:
					want = tt.principal
				case acl.Calendar, acl.FreeBusyURL:
					want = tt.calendar
				case acl.Inbox:
					if want = tt.private; tt.caller.GUID != "" {
						want |= acl.ScheduleDeliver
					}
				}
				got := policy().Privileges(r, tt.caller)
				if got != want {
					t.Errorf("kind %d: %b, want %b", kind, got, want)
				}
				if listed := acl.Evaluate(policy().List(r), r, tt.caller); listed != got {
					t.Errorf("kind %d: the list gives %b, the check %b", kind, listed, got)
				}
				if kind >= acl.Home && !policy().May(r.Owner, tt.caller, got) {
					t.Errorf("kind %d: %b is more than they may have", kind, got)
				}
			}
			if got, want := policy().IsAdministrator(tt.caller), tt.shared == all; got != want {
				t.Errorf("IsAdministrator = %v", got)
			}
		})
	}
}

// What belongs to a group, or to nobody, is not its members' nor nobody's own.
func TestNoOwner(t *testing.T) {
	for _, owner := range []acl.Owner{{}, {GUID: "staff", Group: true}} {
		for _, c := range []acl.Caller{{}, caller("bob", "staff"), caller("bob", "")} {
			for _, kind := range kinds {
				got := policy().Privileges(acl.Resource{Kind: kind, Owner: owner}, c)
				most := look
				if kind >= acl.Home {
					most = acl.ReadFreeBusy | acl.ScheduleDeliver
				}
				if !most.Has(got) {
					t.Errorf("%v has %b on kind %d of %v", c, got, kind, owner)
				}
			}
		}
	}
}

// Each privilege is settled by the first entry about the caller that names it (RFC
// 3744 §6).
func TestEvaluate(t *testing.T) {
	grant := func(form acl.Form, guid string, p acl.Privilege) acl.ACE {
		return acl.ACE{Principal: acl.Principal{Form: form, GUID: guid}, Grant: true, Privileges: p}
	}
	deny := func(form acl.Form, guid string, p acl.Privilege) acl.ACE {
		return acl.ACE{Principal: acl.Principal{Form: form, GUID: guid}, Privileges: p}
	}
	calendar := acl.Resource{Kind: acl.Calendar, Owner: acl.Owner{GUID: "ann"}}
	record := acl.Resource{Kind: acl.Record, Owner: acl.Owner{GUID: "ann"}}
	group := acl.Resource{Kind: acl.Record, Owner: acl.Owner{GUID: "staff", Group: true}}
	for name, tt := range map[string]struct {
		on     acl.Resource
		caller acl.Caller
		list   []acl.ACE
		want   acl.Privilege
	}{
		"nothing":                           {calendar, caller("bob"), nil, acl.None},
		"grant":                             {calendar, caller("bob"), []acl.ACE{grant(acl.Href, "bob", acl.Read)}, acl.Read},
		"grant to a group":                  {calendar, caller("bob", "staff"), []acl.ACE{grant(acl.Href, "staff", acl.Read)}, acl.Read},
		"grant to another":                  {calendar, caller("bob"), []acl.ACE{grant(acl.Href, "cat", acl.Read)}, acl.None},
		"grant, then deny all":              {calendar, caller("bob"), []acl.ACE{grant(acl.Href, "bob", acl.Read), deny(acl.Href, "bob", acl.All)}, acl.Read},
		"deny all, then grant":              {calendar, caller("bob"), []acl.ACE{deny(acl.Href, "bob", acl.All), grant(acl.Href, "bob", acl.Read)}, acl.None},
		"deny a part, then grant it all":    {calendar, caller("bob"), []acl.ACE{deny(acl.Href, "bob", acl.Bind), grant(acl.Href, "bob", acl.Write)}, acl.Write &^ acl.Bind},
		"deny the whole, then grant part":   {calendar, caller("bob"), []acl.ACE{deny(acl.Href, "bob", acl.Write), grant(acl.Href, "bob", acl.Bind|acl.Read)}, acl.Read},
		"deny to another":                   {calendar, caller("bob"), []acl.ACE{deny(acl.Href, "cat", acl.All), grant(acl.Everyone, "", acl.Read)}, acl.Read},
		"deny busy times, grant read":       {calendar, caller("bob"), []acl.ACE{deny(acl.Href, "bob", acl.ReadFreeBusy), grant(acl.Href, "bob", acl.Read)}, acl.ReadContent},
		"all":                               {calendar, acl.Caller{}, []acl.ACE{grant(acl.Everyone, "", acl.Read)}, acl.Read},
		"authenticated, who is":             {calendar, caller("bob"), []acl.ACE{grant(acl.Authenticated, "", acl.Read)}, acl.Read},
		"authenticated, who is not":         {calendar, acl.Caller{}, []acl.ACE{grant(acl.Authenticated, "", acl.Read)}, acl.None},
		"unauthenticated, who is":           {calendar, caller("bob"), []acl.ACE{grant(acl.Unauthenticated, "", acl.Read)}, acl.None},
		"unauthenticated, who is not":       {calendar, acl.Caller{}, []acl.ACE{grant(acl.Unauthenticated, "", acl.Read)}, acl.Read},
		"owner":                             {calendar, caller("ann"), []acl.ACE{grant(acl.PropertyOwner, "", acl.Write)}, acl.Write},
		"not the owner":                     {calendar, caller("bob"), []acl.ACE{grant(acl.PropertyOwner, "", acl.Write)}, acl.None},
		"owner of what is no one's":         {acl.Resource{}, caller("ann", ""), []acl.ACE{grant(acl.PropertyOwner, "", acl.Write)}, acl.None},
		"self":                              {record, caller("ann"), []acl.ACE{grant(acl.Self, "", acl.Write)}, acl.Write},
		"self, of another":                  {record, caller("bob"), []acl.ACE{grant(acl.Self, "", acl.Write)}, acl.None},
		"self, of a group that one is in":   {group, caller("bob", "staff"), []acl.ACE{grant(acl.Self, "", acl.Write)}, acl.Write},
		"self, where there is no principal": {calendar, caller("ann"), []acl.ACE{grant(acl.Self, "", acl.Write)}, acl.None},
		"nobody is no empty GUID":           {calendar, acl.Caller{}, []acl.ACE{grant(acl.Href, "", acl.All)}, acl.None},
	} {
		t.Run(name, func(t *testing.T) {
			if got := acl.Evaluate(tt.list, tt.on, tt.caller); got != tt.want {
				t.Errorf("%b, want %b", got, tt.want)
			}
		})
	}
}

// The order of a list, what of it can be changed and where it comes from.
func TestList(t *testing.T) {
	href := func(guid string) acl.Principal { return acl.Principal{GUID: guid} }
	boss := acl.ACE{Principal: href("boss"), Grant: true, Privileges: acl.All, Protected: true}
	auditor := acl.ACE{Principal: href("auditor"), Grant: true, Privileges: look, Protected: true}
	owner := acl.ACE{Principal: acl.Principal{Form: acl.PropertyOwner}, Grant: true, Privileges: acl.All, Protected: true}
	inherited := owner
	inherited.Inherited = acl.FromHome
	everyone := acl.Principal{Form: acl.Authenticated}
	proxy := func(form acl.Form, p acl.Privilege, from acl.Origin) acl.ACE {
		return acl.ACE{acl.Principal{form, "ann"}, true, p, true, from}
	}
	const home = acl.FromHome
	for name, tt := range map[string]struct {
		r     acl.Resource
		want  []acl.ACE
		named []string
	}{
		"root": {acl.Resource{}, []acl.ACE{boss, {everyone, true, look, true, 0}}, []string{"boss"}},
		"principal": {acl.Resource{Kind: acl.Record, Owner: acl.Owner{GUID: "ann"}},
			[]acl.ACE{boss, {acl.Principal{Form: acl.Self}, true, self, true, 0}, {everyone, true, look, true, 0}}, []string{"boss"}},
		"proxy group": {acl.Resource{Kind: acl.ProxyGroup, Owner: acl.Owner{GUID: "ann"}},
			[]acl.ACE{boss, {acl.Principal{Form: acl.PropertyOwner}, true, self, true, 0},
				proxy(acl.ProxyManager, acl.WriteProperties, 0), {everyone, true, look, true, 0}}, []string{"boss", "ann", "ann write"}},
		"home": {acl.Resource{Kind: acl.Home, Owner: acl.Owner{GUID: "ann"}},
			[]acl.ACE{boss, auditor, owner, proxy(acl.ProxyWriter, look|acl.Bind, 0), proxy(acl.ProxyReader, look, 0)},
			[]string{"boss", "auditor", "ann", "ann write", "ann read"}},
		"calendar": {acl.Resource{Kind: acl.Calendar, Owner: acl.Owner{GUID: "ann"}},
			[]acl.ACE{boss, auditor, inherited, proxy(acl.ProxyWriter, edit, home), proxy(acl.ProxyReader, look|acl.WriteAppearance, home),
				{everyone, true, acl.ReadFreeBusy, false, acl.FromHome}},
			[]string{"boss", "auditor", "ann", "ann write", "ann read"}},
		"inbox": {acl.Resource{Kind: acl.Inbox, Owner: acl.Owner{GUID: "ann"}},
			[]acl.ACE{boss, auditor, inherited, proxy(acl.ProxyScheduler, acl.Unbind|acl.WriteProperties, home),
				proxy(acl.ProxyWriter, look, home), proxy(acl.ProxyReader, look, home),
				{everyone, true, acl.ScheduleDeliver, false, home}},
			[]string{"boss", "auditor", "ann", "ann write", "ann read"}},
		"outbox": {acl.Resource{Kind: acl.Outbox, Owner: acl.Owner{GUID: "ann"}},
			[]acl.ACE{boss, auditor, inherited, proxy(acl.ProxyScheduler, acl.ScheduleSend, home)},
			[]string{"boss", "auditor", "ann", "ann write"}},
		"notifications of an administrator": {acl.Resource{Kind: acl.Notifications, Owner: acl.Owner{GUID: "boss"}}, []acl.ACE{boss, auditor, inherited}, []string{"boss", "auditor"}},
		"home of a group": {acl.Resource{Kind: acl.Home, Owner: acl.Owner{GUID: "ann", Group: true}},
			[]acl.ACE{boss, auditor, proxy(acl.ProxyWriter, look|acl.Bind, 0), proxy(acl.ProxyReader, look, 0)},
			[]string{"boss", "auditor", "ann write", "ann read"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &acl.Policy{Administrators: []string{"boss"}, Readers: []string{"auditor"}}
			list := p.List(tt.r)
			if !slices.Equal(list, tt.want) {
				t.Errorf("%v, want %v", list, tt.want)
			}
			var named []string
			for _, n := range acl.Principals(list, tt.r) {
				named = append(named, n.GUID+map[acl.Form]string{acl.ProxyReader: " read", acl.ProxyWriter: " write"}[n.Form])
			}
			if !slices.Equal(named, tt.named) {
				t.Errorf("names %v, want %v", named, tt.named)
			}
		})
	}
}

// A check allocates nothing: it is made for every collection that is looked at.
func TestPrivilegesAllocateNothing(t *testing.T) {
	p, r, c := policy(), acl.Resource{Kind: acl.Calendar, Owner: acl.Owner{GUID: "ann"}}, caller("bob", "some", "others")
	if n := testing.AllocsPerRun(100, func() { p.Privileges(r, c); p.May(r.Owner, c, acl.All) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
