package server_test

import (
	"net/http"
	"slices"
)

// The ways to act.
const (
	byPassword = "password" // Basic with the directory's password
	byDigest   = "digest"   // with the secret that the directory keeps
	byTicket   = "ticket"   // Negotiate with a ticket that the KDC issued
	byDevice   = "device"   // Basic with a device password
	bySession  = "session"  // the pages, with the cookie of one who has signed in
)

var ways = []string{byPassword, byDigest, byTicket, byDevice, bySession}

// The states of an account.
const (
	active     = "active"
	disabled   = "disabled"
	ended      = "ended"
	locked     = "locked"
	mustChange = "must change"
	expired    = "expired" // the password, by policy
	offHours   = "off hours"
	gone       = "gone" // from the directory
)

// A standing is what the access list says of somebody, by their name and by groups that
// they are in: lets, bars, or idle, which is not listed. Of the last of them depth says
// how many groups lie between them and the one that the list names.
type standing struct {
	name   string
	person string
	groups []string
}

var standings = []standing{
	{"named", lets, []string{bars}},
	{"member", "", []string{lets}},
	{"denied", bars, []string{lets}},
	{"in a denied group", "", []string{lets, bars}},
	{"not listed", "", []string{idle}},
}

const lets, bars, idle = "allow", "deny", "other"

var depths = []int{0, 1, 3}

// A subject is somebody of whom everything is asked.
type subject struct {
	name     string
	state    string
	standing standing
	depth    int
	enabled  bool // for calendars

	token   func() (string, error)
	browser *browser
	device  string
}

// The states of the directory, in the order in which they come about.
const (
	up      = "up"
	away    = "away"        // no connection is taken
	refused = "bind failed" // the service account's password is another
	back    = "up again"
)

// A kind of directory is what differs between them in this.
type kind struct {
	states []string
	// unseen are the states that only a bind tells, and no attribute (the table of presets).
	unseen []string
	// withheld says that the Digest secret of a disabled account is not read: the preset knows
	// the state as one in which nobody may sign in, not as an end.
	withheld bool
}

// right is the status where all is well.
func right(way string) int {
	if way == bySession {
		return http.StatusOK
	}
	return http.StatusMultiStatus
}

// proves is what a proof of who somebody is comes to, before it is asked what they may: 0 if
// it is one.
//
// Who is not in the directory is nobody: 401. A password is refused like a wrong one if the
// directory refuses it, or the account is disabled or has ended: 401; only of a password that
// has expired, or must be changed, is it said that it was the right one: 403. So is the Digest
// response of a disabled account whose secret is not read: 401. Devices, sessions and tickets prove who it is
// in any state.
func (k kind) proves(way, state string) int {
	switch {
	case state == gone:
		return 401
	case way == byPassword && slices.Contains([]string{disabled, ended, locked, offHours}, state):
		return 401
	case way == byPassword && (state == mustChange || state == expired):
		return 403
	case way == byDigest && state == disabled && k.withheld:
		return 401
	}
	return 0
}

// closed says in which states of an account a way is closed, by the table of
// docs/admin/sign-in.md: who is disabled, has ended or is out of hours has no way; who has
// to change the password has their tickets; who is locked has what no guess is about. A state that no
// attribute tells closes nothing but what the directory itself refuses.
func (k kind) closed(way, state string) bool {
	if slices.Contains(k.unseen, state) {
		return false
	}
	switch state {
	case disabled, ended, offHours:
		return true
	case mustChange, expired:
		return way != byTicket
	case locked:
		return way == byPassword || way == byDigest
	}
	return false
}

// admits is the access list of docs/admin/sacl.md: an entry for the person goes before those
// for groups; of these, however deep, deny goes before allow; who is not listed is out.
func (s standing) admits() bool {
	if s.person != "" {
		return s.person == lets
	}
	return slices.Contains(s.groups, lets) && !slices.Contains(s.groups, bars)
}

// expected is the status that the manual promises. Who has proved who they are must be in a
// state in which the way is open (a session is over otherwise, and the answer is the form to sign in: 401),
// be let in by the access list, and be enabled for calendars: else 403.
//
// A directory that cannot be asked, or does not take the service account, is no fact about anybody: what was known when
// it was asked last decides as it did. Only what it has not said then is 503: a password or a secret that it had
// not confirmed (that it refused a password for the account's sake is believed for a minute), and somebody whom it
// did not know. A session that was over stays so.
func (k kind) expected(s *subject, way, directory string) int {
	proof := k.proves(way, s.state)
	silent := directory == away || directory == refused
	switch {
	case way == bySession && (proof != 0 || k.closed(way, s.state)):
		return 401
	case proof != 0 && silent:
		return 503
	case proof != 0:
		return proof
	case k.closed(way, s.state), !s.standing.admits(), !s.enabled:
		return 403
	}
	return right(way)
}
