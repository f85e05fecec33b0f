package admin

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"

	"convene/audit"
)

// An Operator is the account of the system that calls a verb. The zero Operator is
// nobody knows who.
type Operator struct {
	how string
	uid uint32
	pid int32
	by  *audit.By // somebody at a page, who is no account of the system; nil: nobody is
}

// Self is the account that this process runs as.
func Self() Operator {
	return Operator{how: audit.Command, uid: uint32(os.Geteuid()), pid: int32(os.Getpid())}
}

// ActingFor is a connection whose verbs are done for somebody at a page: it is they whom
// the audit log names. A connection to another process stays as it is.
func ActingFor(c Conn, by audit.By) Conn {
	a, ok := c.(*Admin)
	if !ok {
		return c
	}
	b := *a
	b.Operator = Operator{by: &by}
	return &b
}

// By is who does something, for the audit log: the operator by the word of the
// kernel, and who they say they are beside it.
func (o Operator) By(says, reason string) audit.By {
	if o.by != nil {
		by := *o.by
		by.Reason = reason
		return by
	}
	by := audit.By{Via: audit.Via{How: o.how, Says: says}, Reason: reason}
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
