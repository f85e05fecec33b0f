package audit

import (
	"encoding/json"
	"strings"
	"time"
)

// Who names a principal, or an account of the system, which has no GUID.
type Who struct {
	GUID string `json:"guid,omitempty"`
	Name string `json:"name,omitempty"`
}

// The ways on which acts come.
const (
	Socket  = "socket"  // an operator's command, through the control socket
	Command = "command" // an operator's command, on the files of a stopped server
	Signal  = "signal"  // a signal to the process
	DAV     = "dav"     // a CalDAV request
	Web     = "web"     // a page
	Server  = "server"  // the server by itself
)

// Via is how an act came.
type Via struct {
	How string `json:"how"`

	// UID and PID are those of the process at the other end of the socket, as the
	// kernel knows them; nil where there is none or the system does not say.
	UID *uint32 `json:"uid,omitempty"`
	PID int32   `json:"pid,omitempty"`
	// Says is whom that process says it acts for, such as who called sudo. It is
	// their word.
	Says string `json:"says,omitempty"`

	Request string `json:"request,omitempty"` // id of the request, as in the access log
	Remote  string `json:"remote,omitempty"`  // address of the client, HOST:PORT
}

// By is who does something, how they came, and why.
type By struct {
	Actor  Who    `json:"actor"`
	As     *Who   `json:"as,omitempty"` // in whose name, if not their own
	Via    Via    `json:"via"`
	Reason string `json:"reason,omitempty"`
}

// An Object is what an act is done to.
type Object struct {
	Type string `json:"type"` // such as "principal", "rule", "calendar", "server"
	GUID string `json:"guid,omitempty"`
	Name string `json:"name,omitempty"`
	Path string `json:"path,omitempty"`
}

// An Act is something that is done. Before and After are the state of the object,
// as values with a JSON form; nil: there is none, or it is not known.
type Act struct {
	By
	Verb   string // NOUN.VERB, see the table in docs/admin/logs.md
	Object Object
	Before any
	After  any
}

// A Kind says what a line tells of an act.
type Kind string

// The kinds of lines.
const (
	Intent  Kind = "intent"  // it is about to be done
	Outcome Kind = "outcome" // it was done, or failed; Of is the number of the intent
	Event   Kind = "event"   // it was done, or failed; there is no intent
)

// What came of an act.
const (
	Done   = "done"
	Failed = "failed" // Error says why
)

// A Line is one line of the log, in the order of its members.
type Line struct {
	Seq  uint64    `json:"seq"` // 1 for the first
	Time time.Time `json:"time"`
	Kind Kind      `json:"kind"`
	Of   uint64    `json:"of,omitempty"`
	By
	Verb    string          `json:"verb"`
	Object  Object          `json:"object"`
	Before  json.RawMessage `json:"before,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
	Outcome string          `json:"outcome,omitempty"` // Done or Failed; of an intent none
	Error   string          `json:"error,omitempty"`
	Prev    string          `json:"prev"` // hash of the line before; "" if there is none
	Hash    string          `json:"hash"` // of this line, in hexadecimal
}

// A Query chooses lines. Its zero value chooses all.
type Query struct {
	Since, Until time.Time // from Since on, and before Until; zero: without limit
	Actor        string    // GUID or name of who did it, or in whose name
	Object       string    // GUID or name of what it was done to, or its path or one above
	Verb         string    // the verb, or its noun
}

// Match reports whether the query chooses a line.
func (q *Query) Match(l *Line) bool {
	return (q.Since.IsZero() || !l.Time.Before(q.Since)) && (q.Until.IsZero() || l.Time.Before(q.Until)) &&
		(q.Actor == "" || l.Actor.is(q.Actor) || l.As != nil && l.As.is(q.Actor) || l.Via.Says != "" && l.Via.Says == q.Actor) &&
		(q.Object == "" || l.Object.is(q.Object)) &&
		(q.Verb == "" || l.Verb == q.Verb || strings.HasPrefix(l.Verb, q.Verb+"."))
}

func (w *Who) is(name string) bool {
	return strings.EqualFold(w.GUID, name) || strings.EqualFold(w.Name, name)
}

func (o *Object) is(name string) bool {
	return (&Who{o.GUID, o.Name}).is(name) || o.Path == name || strings.HasPrefix(o.Path, strings.TrimSuffix(name, "/")+"/")
}
