package delegation

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A verb says what an entry of the journal did.
type verb string

const (
	verbCreated  verb = "created"  // the file
	verbAdd      verb = "add"      // a record
	verbChange   verb = "change"   // of a record
	verbRemove   verb = "remove"   // a record
	verbExpire   verb = "expire"   // a record that had long ended leaves the table
	verbRestore  verb = "restore"  // of a record, to what a copy has
	verbRestored verb = "restored" // the file, from a copy
	verbAccepted verb = "rollback-accepted"
	verbAdopted  verb = "adopted"
	verbReset    verb = "reset"
)

// An entry is one line of the journal: what became of one record, or of the file.
type entry struct {
	Seq        uint64
	Generation uint64 // of the commit that wrote it
	Time       time.Time
	Actor      string
	Sudo       string // who signed in as somebody else, the actor
	Via        string
	Remote     string
	Verb       verb
	Before     []byte // the record as stored; nil: none
	After      []byte
	Replaced   Mark // of an entry about the file: what was expected in its place
	Note       string
	Prev       hash // of the entry before
}

func (n *entry) encode() []byte {
	e := &encoder{b: []byte{format}}
	e.uint(n.Seq)
	e.uint(n.Generation)
	e.b = binary.AppendVarint(e.b, n.Time.UnixNano())
	for _, s := range []string{n.Actor, n.Sudo, n.Via, n.Remote, string(n.Verb)} {
		e.string(s)
	}
	e.bytes(n.Before)
	e.bytes(n.After)
	e.b = append(e.b, n.Replaced.File[:]...)
	e.uint(n.Replaced.Generation)
	e.b = append(e.b, n.Replaced.Head[:]...)
	e.string(n.Note)
	e.b = append(e.b, n.Prev[:]...)
	return e.b
}

// decodeEntry is the reverse of encode. Another format is no newer one: then the
// state of the file would say so. Errors: errEncoding.
func decodeEntry(raw []byte) (*entry, error) {
	d := &decoder{b: raw}
	if d.byte() != format {
		return nil, errEncoding
	}
	n := &entry{Seq: d.uint(), Generation: d.uint()}
	ns, size := binary.Varint(d.b)
	if size <= 0 {
		return nil, errEncoding
	}
	d.b = d.b[size:]
	n.Time = time.Unix(0, ns).UTC()
	n.Actor, n.Sudo, n.Via, n.Remote, n.Verb = d.string(), d.string(), d.string(), d.string(), verb(d.string())
	n.Before, n.After = d.bytes(), d.bytes()
	d.array(n.Replaced.File[:])
	n.Replaced.Generation = d.uint()
	d.array(n.Replaced.Head[:])
	n.Note = d.string()
	d.array(n.Prev[:])
	if d.err != nil || len(d.b) > 0 {
		return nil, errEncoding
	}
	return n, nil
}

func hashOf(raw []byte) hash { return sha256.Sum256(raw) }

// An Event is an entry of the journal as it is shown.
type Event struct {
	Seq        uint64    `json:"seq"`
	Generation uint64    `json:"generation"` // the same of all that one change did
	Time       time.Time `json:"time"`
	Actor      string    `json:"actor"`
	Sudo       string    `json:"sudo,omitempty"`
	Via        string    `json:"via"`
	Remote     string    `json:"remote,omitempty"`
	Verb       string    `json:"verb"`

	// What was changed: two of these are set, or one if there was nothing
	// before or is nothing after.
	Before        *Record  `json:"before,omitempty"`
	After         *Record  `json:"after,omitempty"`
	StandInBefore *StandIn `json:"standInBefore,omitempty"`
	StandInAfter  *StandIn `json:"standInAfter,omitempty"`

	// Replaced is what was expected in the file's place, of an event about the
	// whole file.
	Replaced *Mark  `json:"replaced,omitempty"`
	Note     string `json:"note,omitempty"`
}

// event decodes the records of an entry.
func (n *entry) event() (Event, error) {
	ev := Event{Seq: n.Seq, Generation: n.Generation, Time: n.Time, Actor: n.Actor, Sudo: n.Sudo,
		Via: n.Via, Remote: n.Remote, Verb: string(n.Verb), Note: n.Note}
	if n.Replaced != (Mark{}) {
		ev.Replaced = &n.Replaced
	}
	if len(n.Before) > 0 {
		it, err := decodeItem(n.Before)
		if err != nil {
			return ev, fmt.Errorf("entry %d: %w", n.Seq, err)
		}
		ev.Before, ev.StandInBefore = it.record, it.standIn
	}
	if len(n.After) > 0 {
		it, err := decodeItem(n.After)
		if err != nil {
			return ev, fmt.Errorf("entry %d: %w", n.Seq, err)
		}
		ev.After, ev.StandInAfter = it.record, it.standIn
	}
	return ev, nil
}

// Concerns reports whether a principal is among those that the event is about.
func (ev *Event) Concerns(guid string) bool {
	for _, r := range []*Record{ev.Before, ev.After} {
		if r != nil && (r.Delegator == guid || r.Delegate == guid) {
			return true
		}
	}
	for _, s := range []*StandIn{ev.StandInBefore, ev.StandInAfter} {
		if s != nil && (s.Delegate == guid || s.StandIn == guid) {
			return true
		}
	}
	return ev.Actor == guid || ev.Sudo == guid
}

// Line returns the event as one line of delegates.log.
func (ev *Event) Line() string {
	var b strings.Builder
	b.WriteString(ev.Time.UTC().Format(time.RFC3339))
	field := func(name, value string) {
		if value != "" {
			if strings.ContainsAny(value, " \"=\\") || strconv.Quote(value) != `"`+value+`"` {
				value = strconv.Quote(value)
			}
			fmt.Fprintf(&b, " %s=%s", name, value)
		}
	}
	field("seq", strconv.FormatUint(ev.Seq, 10))
	field("generation", strconv.FormatUint(ev.Generation, 10))
	field("verb", ev.Verb)
	field("actor", ev.Actor)
	field("sudo", ev.Sudo)
	field("via", ev.Via)
	field("remote", ev.Remote)
	if r := ev.record(); r != nil {
		field("delegator", r.Delegator)
		field("delegate", r.Delegate)
	}
	if s := ev.standIn(); s != nil {
		field("delegate", s.Delegate)
		field("stand-in", s.StandIn)
	}
	field("was", describe(ev.Before, ev.StandInBefore))
	field("now", describe(ev.After, ev.StandInAfter))
	field("note", ev.Note)
	return b.String()
}

func (ev *Event) record() *Record {
	if ev.After != nil {
		return ev.After
	}
	return ev.Before
}

func (ev *Event) standIn() *StandIn {
	if ev.StandInAfter != nil {
		return ev.StandInAfter
	}
	return ev.StandInBefore
}

// describe returns everything by which a record can be made again by hand.
func describe(r *Record, s *StandIn) string {
	switch {
	case r != nil:
		return r.describe()
	case s != nil:
		text := fmt.Sprintf("id %d", s.ID) + times(s.From, s.Until)
		if len(s.For) > 0 {
			text += " for " + strings.Join(s.For, ",")
		}
		if s.Administrator {
			text += " by administrator"
		}
		return text + noted(s.Note)
	}
	return ""
}

func times(from, until time.Time) (text string) {
	if !from.IsZero() {
		text += " from " + from.Format(time.RFC3339)
	}
	if !until.IsZero() {
		text += " until " + until.Format(time.RFC3339)
	}
	return text
}

func noted(note string) string {
	if note == "" {
		return ""
	}
	return fmt.Sprintf(" note %q", note)
}

func (r *Record) describe() string {
	text := fmt.Sprintf("id %d %v", r.ID, r.Level)
	if r.Kind == Group {
		text += " group"
	}
	if !r.Scope.All {
		text += fmt.Sprintf(" scope %v", r.Scope.Collections)
	}
	for _, f := range []struct {
		set  bool
		name string
	}{{r.NoSchedule, "no-schedule"}, {r.SeePrivate, "private"}, {r.Manage, "manage"}, {r.Substitute, "substitute"},
		{r.Approve, "approve"}, {r.Notify == NotifyNone, "notify-none"}, {r.Notify == NotifyMail, "notify-mail"}} {
		if f.set {
			text += " " + f.name
		}
	}
	return text + times(r.From, r.Until) + noted(r.Note)
}
