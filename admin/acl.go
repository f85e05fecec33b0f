package admin

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"convene/acl"
	"convene/auth"
	"convene/directory"
	"convene/sacl"
)

// ACLRequest names a resource by its URL or path, and who asks for it.
type ACLRequest struct {
	Who string `json:"who,omitempty"`
	By  string `json:"by,omitempty"` // who would act as them
	URL string `json:"url"`

	// Method is that of a request which they would make; "": none in particular.
	Method string `json:"method,omitempty"`
}

// ACLExplanation says what somebody may do to a resource, and why: it is the very
// evaluation that requests go by.
type ACLExplanation struct {
	acl.Explanation
	Service *ServiceVerdict `json:"service,omitempty"` // whether they may use the service at all, which comes first

	Method *acl.MethodVerdict `json:"method,omitempty"` // how a request would fare that may use the service

	Sudo *SudoVerdict `json:"sudo,omitempty"` // whether somebody may act as them

	Text string `json:"text"` // all of it, for people
}

// A SudoVerdict says whether somebody may act as the one who is asked about.
type SudoVerdict struct {
	By      string `json:"by"`
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason,omitempty"` // why not
}

// A ServiceVerdict is what the service access list says of somebody.
type ServiceVerdict struct {
	Allowed bool   `json:"allowed"`
	Rule    string `json:"rule"`
}

// ErrNoResource says that a URL names nothing that could have an access control list.
var ErrNoResource = errors.New("no such resource")

// ShowACL returns the access control list of a resource. Errors: ErrNoResource, and
// those of the directory and the store.
func ShowACL(ctx context.Context, c Conn, url string) (ACLExplanation, error) {
	return call[ACLExplanation](ctx, c, "acl-show", ACLRequest{URL: url})
}

// ExplainACL says what somebody may do to a resource, and why, and whether another may
// act as them. Errors: as ShowACL.
func ExplainACL(ctx context.Context, c Conn, r ACLRequest) (ACLExplanation, error) {
	return call[ACLExplanation](ctx, c, "acl-explain", r)
}

func (a *Admin) aclShow(ctx context.Context, r ACLRequest) (ACLExplanation, error) {
	return a.explainACL(ctx, nil, r.URL)
}

func (a *Admin) aclExplain(ctx context.Context, r ACLRequest) (ACLExplanation, error) {
	caller, service, err := a.callerNamed(ctx, r.Who)
	if err != nil {
		return ACLExplanation{}, err
	}
	e, err := a.explainACL(ctx, caller, r.URL)
	if err != nil {
		return ACLExplanation{}, err
	}
	e.Service = service
	if r.Method != "" {
		if e.Method, err = a.Method(ctx, caller, strings.ToUpper(r.Method), e.Path); err != nil {
			return ACLExplanation{}, err
		}
	}
	if r.By != "" {
		if e.Sudo, err = a.sudo(ctx, r.By, caller.Login); err != nil {
			return ACLExplanation{}, err
		}
	}
	e.Text = a.aclText(ctx, &e)
	return e, nil
}

// callerNamed is somebody as they sign in, and whether they may use the service.
func (a *Admin) callerNamed(ctx context.Context, name string) (*auth.Caller, *ServiceVerdict, error) {
	who, err := a.SACL.Explain(ctx, sacl.Calendar, name)
	if err != nil {
		return nil, nil, err
	}
	groups, err := a.Directory.Groups(ctx, who.Principal.GUID)
	if err != nil {
		return nil, nil, fmt.Errorf("groups of %s: %w", who.Principal.Name, err)
	}
	return &auth.Caller{Principal: who.Principal, Groups: groups, Login: who.Principal.Name}, &ServiceVerdict{who.Allowed, who.Rule}, nil
}

// sudo finds out whether somebody may act as the user of a name: both have to be let use
// the service.
func (a *Admin) sudo(ctx context.Context, by, name string) (*SudoVerdict, error) {
	self, service, err := a.callerNamed(ctx, by)
	if err != nil {
		return nil, err
	}
	v := &SudoVerdict{By: self.Login, Reason: "may not use the service: " + service.Rule}
	if service.Allowed {
		if v.Reason, err = a.ActAs(ctx, self, name); err != nil {
			return nil, err
		}
		v.Allowed = v.Reason == ""
	}
	return v, nil
}

func (a *Admin) explainACL(ctx context.Context, caller *auth.Caller, address string) (ACLExplanation, error) {
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(u.Path, "/") {
		return ACLExplanation{}, fmt.Errorf("%q is no URL, nor a path that begins with a slash: %w", address, ErrRequest)
	}
	why, err := a.Rights(ctx, caller, u.Path)
	if err != nil {
		return ACLExplanation{}, err
	}
	e := ACLExplanation{Explanation: *why}
	e.Text = a.aclText(ctx, &e)
	return e, nil
}

// aclText is an explanation for people, with names in the place of GUIDs.
func (a *Admin) aclText(ctx context.Context, e *ACLExplanation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Path, e.Kind)
	if !e.Exists {
		b.WriteString(" is there; what holds is the list of what it would be in")
	}
	if e.OwnerName != "" {
		fmt.Fprintf(&b, ", of %s", e.OwnerName)
	}
	b.WriteString("\n")
	if e.Service != nil {
		word := "may not"
		if e.Service.Allowed {
			word = "may"
		}
		fmt.Fprintf(&b, "%s %s use the service: %s\n", e.CallerName, word, e.Service.Rule)
	}
	if v := e.Method; v != nil {
		if v.Allowed {
			fmt.Fprintf(&b, "%s is allowed\n", v.Method)
		} else {
			fmt.Fprintf(&b, "%s is refused, %d: %s\n", v.Method, v.Status, v.Reason)
		}
	}
	if s := e.Sudo; s != nil {
		if s.Allowed {
			fmt.Fprintf(&b, "%s may act as %s, and then has the rights that follow and no others\n", s.By, e.CallerName)
		} else {
			fmt.Fprintf(&b, "%s may not act as %s: %s\n", s.By, e.CallerName, s.Reason)
		}
	}
	if m := e.Mask; m != nil {
		fmt.Fprintf(&b, "a %s event: of it, %s sees %s\n", m.Access, e.CallerName, m.Sees)
	}
	for i, entry := range e.Entries {
		a.writeEntry(ctx, &b, i+1, &entry, e.Caller != "")
	}
	if e.Caller == "" {
		return b.String()
	}
	for _, p := range e.Privileges {
		word := "no "
		if p.Granted {
			word = "yes"
		}
		fmt.Fprintf(&b, "%s  %-32s %s\n", word, p.Name, settledBy(p.By))
	}
	return b.String()
}

func settledBy(by []int) string {
	if len(by) == 0 {
		return "no entry is about it; one that grants it would be needed"
	}
	numbers := make([]string, len(by))
	for i, n := range by {
		numbers[i] = fmt.Sprint(n)
	}
	return "by entry " + strings.Join(numbers, ", ")
}

func (a *Admin) writeEntry(ctx context.Context, b *strings.Builder, n int, e *acl.ExplainedEntry, explained bool) {
	who := e.Principal
	if e.GUID != "" {
		who += " " + a.nameOf(ctx, e.GUID)
	}
	fmt.Fprintf(b, "%3d  %-5s %s to %s", n, e.Effect, strings.Join(e.Privileges, ", "), who)
	switch {
	case e.Inherited != "":
		fmt.Fprintf(b, ", from the %s", e.Inherited)
	case e.Protected:
		b.WriteString(", of the configuration")
	}
	switch {
	case !explained:
	case !e.About:
		b.WriteString(": about others")
	case len(e.Settles) == 0:
		b.WriteString(": settles nothing that was open")
	default:
		fmt.Fprintf(b, ": settles %s", strings.Join(e.Settles, ", "))
	}
	b.WriteString("\n")
}

// nameOf is the name of a record, or its GUID if the directory does not tell.
func (a *Admin) nameOf(ctx context.Context, guid string) string {
	p, err := a.Directory.Lookup(ctx, directory.Key{By: directory.GUID, Value: guid})
	if err != nil {
		return guid
	}
	return p.Name
}
