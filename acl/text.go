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
	Others: "all from whom its owner keeps private events",
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

// A MethodVerdict says how a request of a caller would fare, as far as their rights decide.
type MethodVerdict struct {
	Method  string `json:"method"`
	Allowed bool   `json:"allowed"`
	Status  int    `json:"status,omitempty"` // of the refusal (RFC 9110 §15.5, RFC 3744 §7.1.1)
	Reason  string `json:"reason,omitempty"`
}

// An Explanation says what a caller may do to a resource, and why.
type Explanation struct {
	Path       string            `json:"path"`
	Kind       string            `json:"kind"`
	Exists     bool              `json:"exists"`         // false: nothing is there, and what holds is the list of the collection
	Mask       *Mask             `json:"mask,omitempty"` // of an event that its owner keeps from others
	Owner      string            `json:"owner,omitempty"`
	OwnerName  string            `json:"ownerName,omitempty"`
	Caller     string            `json:"caller,omitempty"`
	CallerName string            `json:"callerName,omitempty"`
	Entries    []ExplainedEntry  `json:"entries"`    // the list, in the order in which it is read
	Privileges []ExplainedResult `json:"privileges"` // what may be granted here
}

// A Mask is what an event's being private leaves of it for a caller who may read the
// calendar that it is in.
type Mask struct {
	Access string `json:"access"` // restricted, confidential or private, as X-CALENDARSERVER-ACCESS or CLASS says; room: as the room's others-see
	Sees   string `json:"sees"`   // all, summary, title, times or nothing
}

// An ExplainedEntry is an entry and what it did.
type ExplainedEntry struct {
	Text
	About   bool     `json:"about"`   // it is about the caller
	Settles []string `json:"settles"` // what no entry before it had settled
}

// An ExplainedResult is the verdict about one privilege.
type ExplainedResult struct {
	Name    string `json:"name"`
	Granted bool   `json:"granted"`
	By      []int  `json:"by"` // the entries that settled it, or its parts, from 1 on; none: no entry did
}

// Fill adds the steps and the outcome of an evaluation on a kind of resource.
func (e *Explanation) Fill(steps []Step, granted Privilege, on Kind) {
	e.Entries = make([]ExplainedEntry, len(steps))
	for i := range steps {
		s := &steps[i]
		e.Entries[i] = ExplainedEntry{s.Text(on), s.About, s.Settles.names(on)}
	}
	for n := range on.Supported {
		result := ExplainedResult{Name: n.Name.Local, Granted: granted.Has(n.Set), By: []int{}}
		for i := range steps {
			if steps[i].Settles&n.Set != None {
				result.By = append(result.By, i+1)
			}
		}
		e.Privileges = append(e.Privileges, result)
	}
}
