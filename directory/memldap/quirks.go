package memldap

import "time"

// Quirks are ways to behave other than well.
type Quirks struct {
	// ActiveDirectory gives all entries objectGUID, distinguishedName and
	// memberOf.
	ActiveDirectory bool
	// MaxPage is the most entries per response: an unpaged search ends with code
	// 4 after as many, a larger page is cut without notice. Active Directory
	// has 1000.
	MaxPage int
	// SizeLimit ends a search after as many entries with code 4, paged or not.
	SizeLimit int
	// MaxValues is the most values of an attribute per response; the rest is to
	// be read by range. Active Directory has 1500.
	MaxValues int
	// StrongReq refuses simple binds without TLS (code 8).
	StrongReq bool
	// NoAnonymous refuses searches without a bind, with the code that Active
	// Directory uses (1).
	NoAnonymous bool
	// Referral is sent as a search reference with every subtree search.
	Referral string
	// Root are further attributes of the root DSE.
	Root map[string]string
	// Fail ends every search with this code: 51 busy, 52 unavailable.
	Fail uint16
	// FailBind ends every bind with this code, BindMessage with its text.
	FailBind    uint16
	BindMessage string
	// DropAfter closes the connection after so many entries of a search; -1
	// before the first.
	DropAfter int
	// Delay is waited before every response.
	Delay time.Duration
	// Unindexed is an attribute without index: a search below a base, with a filter that
	// names it, reads everything, which takes Scan.
	Unindexed string
	Scan      time.Duration
}
