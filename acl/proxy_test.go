package acl_test

import (
	"testing"

	"convene/acl"
)

// What delegates may do, by what they were given and on which kind of resource.
func TestProxies(t *testing.T) {
	all := func(g acl.ProxyGrant) acl.ProxyGrant { g.All = true; return g }
	read, write := all(acl.ProxyGrant{}), all(acl.ProxyGrant{Write: true})
	scheduler := all(acl.ProxyGrant{Write: true, Schedule: true})
	manager := all(acl.ProxyGrant{Manage: true})
	scoped := acl.ProxyGrant{Write: true, Collections: []uint32{7}}
	on := func(kind acl.Kind, number uint32) acl.Resource {
		return acl.Resource{Kind: kind, Owner: acl.Owner{GUID: "ann"}, Collection: number}
	}
	member := on(acl.Calendar, 7)
	member.Member = true
	const busy, none = acl.ReadFreeBusy, acl.None
	for name, tt := range map[string]struct {
		grants []acl.ProxyGrant
		on     acl.Resource
		want   acl.Privilege
	}{
		"none":                          {nil, on(acl.Calendar, 7), busy},
		"read":                          {[]acl.ProxyGrant{read}, on(acl.Calendar, 7), look | acl.WriteAppearance},
		"read, in a calendar":           {[]acl.ProxyGrant{read}, member, look | acl.WriteAppearance},
		"write":                         {[]acl.ProxyGrant{write}, on(acl.Calendar, 7), edit},
		"read and write":                {[]acl.ProxyGrant{read, write}, on(acl.Calendar, 7), edit},
		"in scope":                      {[]acl.ProxyGrant{scoped}, on(acl.Calendar, 7), edit},
		"out of scope":                  {[]acl.ProxyGrant{scoped}, on(acl.Calendar, 8), busy},
		"out of scope, but read":        {[]acl.ProxyGrant{scoped, read}, on(acl.Calendar, 8), look | acl.WriteAppearance},
		"home, scoped":                  {[]acl.ProxyGrant{scoped}, on(acl.Home, 0), look | acl.Bind},
		"home, read":                    {[]acl.ProxyGrant{read}, on(acl.Home, 0), look},
		"inbox, scoped":                 {[]acl.ProxyGrant{scoped}, on(acl.Inbox, 3), acl.ScheduleDeliver},
		"inbox, without scheduling":     {[]acl.ProxyGrant{write}, on(acl.Inbox, 3), look | acl.ScheduleDeliver},
		"inbox":                         {[]acl.ProxyGrant{scheduler}, on(acl.Inbox, 3), look | acl.Unbind | acl.WriteProperties | acl.ScheduleDeliver},
		"outbox, without scheduling":    {[]acl.ProxyGrant{write}, on(acl.Outbox, 3), none},
		"outbox, to read":               {[]acl.ProxyGrant{read}, on(acl.Outbox, 3), none},
		"outbox":                        {[]acl.ProxyGrant{scheduler}, on(acl.Outbox, 3), acl.ScheduleSend},
		"ordinary collection":           {[]acl.ProxyGrant{write}, on(acl.Collection, 3), edit},
		"notifications":                 {[]acl.ProxyGrant{scheduler}, on(acl.Notifications, 3), none},
		"principal":                     {[]acl.ProxyGrant{scheduler}, on(acl.Record, 0), look},
		"proxy group":                   {[]acl.ProxyGrant{scheduler}, on(acl.ProxyGroup, 0), look},
		"proxy group, who may manage":   {[]acl.ProxyGrant{manager}, on(acl.ProxyGroup, 0), look | acl.WriteProperties},
		"to schedule takes write":       {[]acl.ProxyGrant{all(acl.ProxyGrant{Schedule: true})}, on(acl.Inbox, 3), look | acl.ScheduleDeliver},
		"of nobody's":                   {[]acl.ProxyGrant{write}, acl.Resource{Kind: acl.Calendar}, busy},
		"of another":                    {[]acl.ProxyGrant{write}, acl.Resource{Kind: acl.Calendar, Owner: acl.Owner{GUID: "cat"}}, busy},
		"a group's, to its delegates":   {[]acl.ProxyGrant{write}, acl.Resource{Kind: acl.Calendar, Owner: acl.Owner{GUID: "ann", Group: true}}, edit},
		"for everything, and once more": {[]acl.ProxyGrant{scheduler, scheduler}, on(acl.Calendar, 1), edit},
	} {
		t.Run(name, func(t *testing.T) {
			c := caller("bob")
			c.Proxies = map[string]*acl.Proxy{"ann": {Grants: tt.grants}, "cy": {Grants: []acl.ProxyGrant{scheduler}}}
			got := policy().Privileges(tt.on, c)
			if got != tt.want {
				t.Errorf("%b, want %b", got, tt.want)
			}
			if listed := acl.Evaluate(policy().List(tt.on), tt.on, c); listed != got {
				t.Errorf("the list gives %b, the check %b", listed, got)
			}
			if tt.on.Kind >= acl.Home && !policy().May(tt.on.Owner, c, got) {
				t.Errorf("%b is more than they may have", got)
			}
		})
	}
}

// A delegation is of no use to nobody, nor to the delegator.
func TestProxyOfNobody(t *testing.T) {
	ann := map[string]*acl.Proxy{"ann": {Grants: []acl.ProxyGrant{{Write: true, All: true, Manage: true, Private: true}}}}
	r := acl.Resource{Kind: acl.Calendar, Owner: acl.Owner{GUID: "ann", Group: true}}
	for _, guid := range []string{"", "ann"} {
		c := acl.Caller{GUID: guid, Proxies: ann}
		if got := policy().Privileges(r, c); !acl.ReadFreeBusy.Has(got) || c.Private(r) {
			t.Errorf("%q has %b", guid, got)
		}
	}
	if c := (acl.Caller{GUID: "bob", Proxies: ann}); !c.Private(r) {
		t.Error("private events are hidden from whom they are not")
	}
}
