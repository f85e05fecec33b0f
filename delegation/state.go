package delegation

import (
	"fmt"
	"strings"
)

// A Condition is what was found of the database, at opening or later.
type Condition string

// The conditions.
const (
	Good        Condition = "good"
	Created     Condition = "created" // good, and made by this start
	Ahead       Condition = "newer than the witness"
	Lost        Condition = "lost"
	Damaged     Condition = "damaged"
	Tampered    Condition = "tampered with"
	RolledBack  Condition = "rolled back"
	OtherServer Condition = "of another server"
	Newer       Condition = "of a newer version"
	Full        Condition = "no space left"
	Unwritable  Condition = "cannot be written"
	Replaced    Condition = "vanished or replaced while running"
)

// The conditions, and what follows from each.
var conditions = map[Condition]struct {
	served, changeable bool
	cure               string
}{
	Good:        {true, true, ""},
	Created:     {true, true, ""},
	Ahead:       {true, true, "nothing: it is so after calendars.db was restored alone, and the witness was corrected"},
	Lost:        {false, false, "put the file back, or restore the newest copy of delegates.d; if there is none, reset and begin with an empty one"},
	Damaged:     {false, false, "restore the newest copy of delegates.d"},
	Tampered:    {false, false, "find out who wrote to the file; then restore a copy from before"},
	RolledBack:  {false, false, "put the newer file back or restore a newer copy; accept the rollback if what came after it may be lost"},
	OtherServer: {false, false, "put this server's own file back; adopt the file if it is meant to be this server's from now on"},
	Newer:       {false, false, "run the version that wrote the file, or a later one"},
	Full:        {true, true, "free space on the disk"},
	Unwritable:  {true, true, "make the file and its folder writable, then start the server again"},
	Replaced:    {true, false, "put the file back and start the server again, or restore a copy"},
}

// A State is a condition with its particulars. Read and changed are two things:
// see Served and Changeable.
type State struct {
	Condition Condition `json:"condition"`
	Detail    string    `json:"detail,omitempty"` // which records, entries or generations
	Records   int       `json:"records"`
	Mark      Mark      `json:"mark"` // of the file; zero if it cannot be read
}

// Served reports whether stored delegations count. If not, nobody knows whether
// somebody is a delegate: the response is 503, not 403.
func (s State) Served() bool { return conditions[s.Condition].served }

// Changeable reports whether a change is tried.
func (s State) Changeable() bool { return conditions[s.Condition].changeable }

// Cure says what an administrator should do; "": nothing.
func (s State) Cure() string { return conditions[s.Condition].cure }

func (s State) String() string {
	return strings.TrimSuffix(fmt.Sprintf("%s: %s", s.Condition, s.Detail), ": ")
}

// A finding is what is wrong with a file.
type finding struct {
	condition Condition
	detail    string
}

func (f *finding) Error() string { return fmt.Sprintf("%s: %s", f.condition, f.detail) }

func found(c Condition, format string, args ...any) *finding {
	return &finding{c, fmt.Sprintf(format, args...)}
}

// judge compares a file that is good in itself with what is expected of it: the
// witness, zero if there is none, and the calendar store that it belongs to.
func judge(c *content, want Mark, store string) *finding {
	st := &c.state
	switch {
	case st.Bound != store:
		return found(OtherServer, "the file belongs to calendar store %q, not to %q", st.Bound, store)
	case want == (Mark{}) || c.continues:
	case st.File != want.File:
		return found(OtherServer, "the file is %v, not %v", st.File, want.File)
	case st.Generation < want.Generation:
		return found(RolledBack, "from generation %d to %d", want.Generation, st.Generation)
	case c.headThen != want.Head:
		return found(Tampered, "generation %d is not the one that was written", want.Generation)
	}
	if st.Generation > want.Generation+1 {
		return found(Ahead, "generation %d, the witness knows %d", st.Generation, want.Generation)
	}
	return found(Good, "")
}
