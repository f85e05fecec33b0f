package acl

// A Text is an entry as people and programs read it, with GUIDs for principals.
type Text struct {
	Principal  string   `json:"principal"`      // all, authenticated, owner, self …; or, of a GUID, what it is the GUID of: principal, proxy-read, proxy-write
	GUID       string   `json:"guid,omitempty"` // of whom
	Effect     string   `json:"effect"`         // grant or deny
	Privileges []string `json:"privileges"`     // the fewest names that say it
	Protected  bool     `json:"protected,omitempty"`
	Inherited  string   `json:"inherited,omitempty"` // from: home or collection
}

// formNames are how forms are called in texts.
var formNames = map[Form]string{
	Href: "principal", Everyone: "all", Authenticated: "authenticated", Unauthenticated: "unauthenticated",
	PropertyOwner: "owner", Self: "self", ProxyReader: "proxy-read", ProxyWriter: "proxy-write",
	ProxyScheduler: "proxy-write, who may schedule", ProxyManager: "proxies, who may manage",
}

var originNames = map[Origin]string{FromHome: "home", FromCollection: "collection"}

// Text is a as it is read on a kind of resource.
func (a *ACE) Text(on Kind) Text {
	t := Text{Principal: formNames[a.Principal.Form], GUID: a.Principal.GUID, Effect: "deny", Privileges: a.Privileges.names(on),
		Protected: a.Protected, Inherited: originNames[a.Inherited]}
	if a.Grant {
		t.Effect = "grant"
	}
	return t
}

// Texts are all entries of a list.
func Texts(list []ACE, on Kind) []Text {
	texts := make([]Text, len(list))
	for i := range list {
		texts[i] = list[i].Text(on)
	}
	return texts
}

// names are the fewest that stand for p on a kind of resource.
func (p Privilege) names(on Kind) []string {
	names := []string{}
	for n := range p.Granted(on) {
		names = append(names, n.Local)
	}
	return names
}
