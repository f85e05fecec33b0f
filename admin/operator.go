package admin

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"

	"convene/audit"
	"convene/auth"
)

// An Operator is the account of the system that calls a verb. The zero Operator is
// nobody knows who.
type Operator struct {
	how string
	uid uint32
	pid int32

	person *Person
	itself bool // it is the server
}

// A Person is who calls verbs through a page.
type Person struct {
	By     audit.By
	Caller *auth.Caller
	// Administrator says that they do it as an administrator, and not by the rights that
	// they have themselves. Verbs about delegates look at it; who else than an administrator
	// may use a verb, its caller knows.
	Administrator bool
}

// Person is a with somebody on a page as the operator.
func (a *Admin) Person(p *Person) *Admin {
	b := *a
	b.Operator = Operator{how: p.By.Via.How, person: p}
	return &b
}

// Itself is a with the server itself as the operator, who does what time asks for.
func (a *Admin) Itself() *Admin {
	b := *a
	b.Operator = Operator{how: audit.Server, itself: true}
	return &b
}

// Self is the account that this process runs as.
func Self() Operator {
	return Operator{how: audit.Command, uid: uint32(os.Geteuid()), pid: int32(os.Getpid())}
}

// By is who does something, for the audit log: the operator by the word of the
// kernel, and who they say they are beside it.
func (o Operator) By(says, reason string) audit.By {
	if p := o.person; p != nil {
		by := p.By
		by.Reason = reason
		return by
	}
	by := audit.By{Via: audit.Via{How: o.how, Says: says}, Reason: reason}
	if o.itself {
		return by
	}
	if o.how == "" {
		by.Via.How = audit.Socket
		return by
	}
	uid := o.uid
	by.Via.UID, by.Via.PID, by.Actor.Name = &uid, o.pid, accountName(uid)
	if says == by.Actor.Name {
		by.Via.Says = ""
	}
	return by
}

// accountName is the name of an account, or its number if it has none.
func accountName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}

type peerKey struct{}

// WithPeer makes the process at the other end of a connection known to Handler: it
// is for http.Server.ConnContext.
func WithPeer(ctx context.Context, c net.Conn) context.Context {
	if peer, ok := peerOf(c); ok {
		return context.WithValue(ctx, peerKey{}, peer)
	}
	return ctx
}

// calledBy is a with the operator who sent r.
func (a *Admin) calledBy(r *http.Request) *Admin {
	b := *a
	b.Operator, _ = r.Context().Value(peerKey{}).(Operator)
	return &b
}
