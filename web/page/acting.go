package page

import (
	"strings"
	"time"

	"convene/admin"
	"convene/delegation"
	"convene/directory"
)

// An Acting is for whom a page is, where who asks acts for somebody else. It says who
// that is and what they let the caller do; what is done is asked for as the caller, whose
// rights as a delegate are looked at there again.
type Acting struct {
	Principal *directory.Principal
	Grant     delegation.Grant // all that the caller may do, in some calendar at least
	Until     time.Time        // when the last of it ends by itself; zero: never
	Base      string           // what their pages are below, instead of /my/: "/my/for/GUID/"
}

// Owner is whose page it is: the caller's own, or that of whom they act for.
func (r *Request) Owner() *directory.Principal {
	if r.For != nil {
		return r.For.Principal
	}
	return r.Caller.Principal
}

// Link is the path of a page below /my/ for the one whose page this is.
func (r *Request) Link(path string) string {
	if below, ok := strings.CutPrefix(path, "/my/"); ok && r.For != nil {
		return r.For.Base + below
	}
	return path
}

// Mine is the operator's verbs for what the caller does by their own right, as for their
// delegates.
func (r *Request) Mine() admin.Conn {
	return r.Site.Admin.Person(&admin.Person{By: r.By(), Caller: r.Caller})
}

// Administrator is the operator's verbs for what the caller does as an administrator. It is
// for pages with the gate admin alone.
func (r *Request) Administrator() admin.Conn {
	return r.Site.Admin.Person(&admin.Person{By: r.By(), Caller: r.Caller, Administrator: true})
}
