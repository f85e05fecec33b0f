package schedulingtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"convene/internal/ical"
	"convene/scheduling"
)

// A Player plays a script in a world.
type Player struct {
	World *World
	UID   string // of the object that it is about; "": UID

	// Damaged: the script makes homes disagree, so that they are not checked in the
	// end.
	Damaged bool

	done       *Done
	err        error // of the last change
	remembered *ical.Object
	before     map[string]memory // of each home, before the last change
}

// A memory is how the object in a home was.
type memory struct {
	text string
	tag  int
}

// Play plays all steps, up to the first that cannot be, or is not as it must be.
func (p *Player) Play(s *Script) error {
	for i := range s.Steps {
		step := &s.Steps[i]
		play := p.act
		if step.Check {
			play = p.check
		}
		if err := play(step); err != nil {
			return fmt.Errorf("%s: %s: %w", s.Name, step, err)
		}
	}
	return nil
}

// Do carries out one step, with its body. impossible: there is nothing to do it to;
// err is why a change failed that should not have.
func (p *Player) Do(text string) (impossible, err error) {
	scripts, err := ParseScripts("step", "=== step\nwhen\n"+text)
	if err != nil {
		return nil, err
	}
	for i := range scripts[0].Steps {
		if err := p.act(&scripts[0].Steps[i]); err != nil {
			if p.err != nil {
				return nil, err
			}
			return err, nil
		}
	}
	return nil, nil
}

// Last returns what became of the last change; nil if it was refused.
func (p *Player) Last() *Done {
	if p.err != nil {
		return nil
	}
	return p.done
}

// act carries out a step of given or when.
func (p *Player) act(s *Step) error {
	p.err = nil
	if p.UID == "" {
		p.UID = UID
	}
	switch s.Words[0] {
	case "clear":
		for _, home := range p.World.Homes {
			home.Cleared += len(home.Inbox)
			home.Inbox = nil
		}
		return nil
	case "damaged":
		p.Damaged = true
		return nil
	case "mail":
		p.World.name("mailto:x@example.net", &scheduling.Party{Address: "mailto:x@example.net", Kind: scheduling.Unreachable})
		return nil
	case "refuse":
		p.World.Refused[s.Words[1]] = s.Words[2]
		return nil
	case "room":
		p.World.Add(&scheduling.Party{Address: scheduling.CanonicalAddress(s.Words[1]), GUID: s.Words[1], Kind: scheduling.Room, CN: "Room",
			Emails: []string{strings.ToLower(s.Words[1]) + "@example.com"}, Policy: FreePolicy{scheduling.CanonicalAddress(s.Words[1])}})
		return nil
	}
	who := s.Words[0]
	if len(s.Words) < 2 || p.World.Homes[who] == nil {
		return fmt.Errorf("nobody of that name, or nothing to do")
	}
	return p.personal(who, s)
}

// personal carries out what one person does.
func (p *Player) personal(who string, s *Step) error {
	merged := slices.Contains(s.Words, "merged")
	switch s.Words[1] {
	case "puts", "holds":
		return p.puts(who, s, merged)
	case "edits":
		o, err := p.seen(who)
		if err != nil {
			return err
		}
		return p.put(who, o, s.Body, scheduling.Change{Merge: merged, FixTransp: slices.Contains(s.Words, "fixed")})
	case "deletes":
		p.remember()
		p.done, p.err = p.World.Change(who, p.UID, scheduling.Change{Silent: slices.Contains(s.Words, "silently")})
		return p.unexpected()
	case "remembers":
		var err error
		p.remembered, err = p.seen(who)
		return err
	case "loses":
		delete(p.World.Homes[who].Objects, p.UID)
		return nil
	}
	return fmt.Errorf("no such step")
}

// puts is "O puts event with A B", "O puts plain event", "O puts remembered", or
// "A holds event of O with A", which stores it without telling anybody.
func (p *Player) puts(who string, s *Step, merged bool) error {
	if s.Words[2] == "remembered" {
		return p.put(who, p.remembered, s.Body, scheduling.Change{Merge: merged})
	}
	organizer, kind := who, s.Words[2]
	if kind == "plain" {
		organizer, kind = "", s.Words[3]
	}
	if i := slices.Index(s.Words, "of"); i > 0 {
		organizer = s.Words[i+1]
	}
	var attendees []string
	if i := slices.Index(s.Words, "with"); i > 0 {
		attendees = s.Words[i+1:]
	}
	text, err := newText(kind, p.UID, organizer, attendees)
	if err != nil {
		return err
	}
	o, err := Parse(text)
	if err != nil {
		return err
	}
	if s.Words[1] == "holds" {
		if o, err = edit(o, who, s.Body); err == nil {
			p.World.Homes[who].put(p.UID, o, scheduling.TagNew)
		}
		return err
	}
	return p.put(who, o, s.Body, scheduling.Change{Merge: merged})
}

// seen returns the object of somebody as their client has it.
func (p *Player) seen(who string) (*ical.Object, error) {
	o := p.World.Homes[who].Objects[p.UID]
	if o == nil {
		return nil, fmt.Errorf("%s has no object", who)
	}
	return scheduling.Shown(o.Data)
}

// put stores an object with changes, as a client does.
func (p *Player) put(who string, o *ical.Object, lines []string, c scheduling.Change) error {
	changed, err := edit(o, who, lines)
	if err != nil {
		return err
	}
	if c.New, err = Parse(string(changed.Calendar.Append(nil))); err != nil {
		return err
	}
	p.remember()
	p.done, p.err = p.World.Change(who, p.UID, c)
	return p.unexpected()
}

// unexpected returns the error of a change unless it is a refusal, which a check may
// be about.
func (p *Player) unexpected() error {
	if refusal := (*scheduling.Refusal)(nil); errors.As(p.err, &refusal) {
		return nil
	}
	return p.err
}

// remember notes how all homes are.
func (p *Player) remember() {
	p.before = map[string]memory{}
	for _, who := range p.World.Guids() {
		m := memory{text: p.World.Text(who, p.UID)}
		if o := p.World.Homes[who].Objects[p.UID]; o != nil {
			m.tag = o.Tag
		}
		p.before[who] = m
	}
}

// check looks whether a step of then is so.
func (p *Player) check(s *Step) error {
	switch s.Words[0] {
	case "refused":
		refusal := (*scheduling.Refusal)(nil)
		if !errors.As(p.err, &refusal) || refusal.Condition.Local != s.Words[1] {
			return fmt.Errorf("it is not: %v", p.err)
		}
		p.err = nil
		return nil
	}
	if p.err != nil {
		return fmt.Errorf("the change was refused: %w", p.err)
	}
	switch s.Words[0] {
	case "stored":
		return p.outcome(scheduling.Stored)
	case "deleted":
		return p.outcome(scheduling.Deleted)
	case "discarded":
		return p.outcome(scheduling.Discarded)
	case "mail":
		return p.mailed(s.Words[1:])
	case "no":
		if p.done.Sent > 0 || len(p.done.Mail) > 0 {
			return fmt.Errorf("%d messages were sent", p.done.Sent)
		}
		return nil
	}
	who := s.Words[0]
	if p.World.Homes[who] == nil || len(s.Words) < 2 {
		return fmt.Errorf("nobody of that name, or nothing to check")
	}
	return p.checkHome(who, s)
}

func (p *Player) outcome(want scheduling.Outcome) error {
	if p.done.Outcome != want {
		return fmt.Errorf("the outcome is %d", p.done.Outcome)
	}
	return nil
}

// mailed checks the mail of the last change: "nothing", or "REQUEST X".
func (p *Player) mailed(want []string) error {
	var got []string
	for _, m := range p.done.Mail {
		for _, to := range m.To {
			got = append(got, string(m.Method), strings.ToUpper(to.Emails[0][:1]))
		}
	}
	if len(got) == 0 {
		got = []string{"nothing"}
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("it is %s", strings.Join(got, " "))
	}
	return nil
}

// checkHome checks what is in one home.
func (p *Player) checkHome(who string, s *Step) error {
	words := s.Words[1:]
	var rid ical.DateTime
	if name, ok := strings.CutPrefix(words[0], "@"); ok {
		if rid, ok = instance(name); !ok {
			return fmt.Errorf("no instance %q", name)
		}
		words = words[1:]
	}
	rest := strings.Join(words[1:], " ")
	switch words[0] {
	case "nothing":
		if text := p.World.Text(who, p.UID); text != "" {
			return fmt.Errorf("there is\n%s", text)
		}
		return nil
	case "unchanged":
		if text := p.World.Text(who, p.UID); text != p.before[who].text {
			return fmt.Errorf("it was\n%s, and is\n%s", p.before[who].text, text)
		}
		return nil
	case "changed":
		if p.World.Text(who, p.UID) == p.before[who].text {
			return fmt.Errorf("it is not")
		}
		return nil
	case "tag":
		return p.checkTag(who, rest)
	case "inbox":
		return p.checkInbox(who, rest)
	case "has", "lacks", "sees":
		return p.checkData(who, rid, words[0], rest)
	}
	return fmt.Errorf("no such check")
}

// checkTag is "A tag new", "same" or "none".
func (p *Player) checkTag(who, want string) error {
	o := p.World.Homes[who].Objects[p.UID]
	if o == nil {
		return fmt.Errorf("there is no object")
	}
	got := "new"
	switch {
	case o.Tag == 0:
		got = "none"
	case o.Tag == p.before[who].tag:
		got = "same"
	}
	if got != want {
		return fmt.Errorf("it is %s", got)
	}
	return nil
}

// checkInbox is "A inbox nothing", "O inbox reply A master ATTENDEE/PARTSTAT", and
// several with "and" between them.
func (p *Player) checkInbox(who, want string) error {
	var all []string
	for _, item := range p.World.Homes[who].Inbox {
		text := item.Action.String()
		if item.Action == scheduling.Replied {
			text += " " + item.Message.From.GUID
		}
		for _, rid := range item.Changes.RIDs() {
			text += " " + ridName(rid)
			var names []string
			for name := range item.Changes[rid] {
				names = append(names, name)
			}
			slices.Sort(names)
			for _, name := range names {
				text += " " + strings.Join(append([]string{name}, item.Changes[rid][name]...), "/")
			}
		}
		all = append(all, text)
	}
	got := strings.Join(all, " and ")
	if got == "" {
		got = "nothing"
	}
	if got != want {
		return fmt.Errorf("it is %s", got)
	}
	return nil
}

// ridName is the inverse of instance.
func ridName(rid ical.DateTime) string {
	if rid.IsZero() {
		return "master"
	}
	for i := '1'; i <= '9'; i++ {
		if at, _ := instance("i" + string(i)); at == rid {
			return "i" + string(i)
		}
	}
	return rid.String()
}

// checkData is about the stored data, "sees" about what is shown of it: a line, with
// the parameters that it must have at least, "alarm", or "component".
func (p *Player) checkData(who string, rid ical.DateTime, verb, want string) error {
	o := p.World.Homes[who].Objects[p.UID]
	if o == nil {
		return fmt.Errorf("there is no object")
	}
	data := o.Data
	var err error
	if verb == "sees" {
		if data, err = scheduling.Shown(data); err != nil {
			return err
		}
	}
	d, err := data.Draft(nil)
	if err != nil {
		return err
	}
	has, err := hasLine(d, rid, want)
	if err != nil {
		return err
	}
	if has == (verb == "lacks") {
		return fmt.Errorf("it is\n%s", plain(data))
	}
	return nil
}

// hasLine reports whether a component has what a check says.
func hasLine(d *ical.Draft, rid ical.DateTime, want string) (bool, error) {
	c := d.At(rid)
	if want == "component" {
		return c != nil, nil
	}
	if c == nil {
		return false, fmt.Errorf("no component for %s in\n%s", ridName(rid), plain(d.Original()))
	}
	if want == "alarm" {
		return c.Child("VALARM") != nil, nil
	}
	if !strings.Contains(want, ":") {
		return c.Prop(want) != nil, nil
	}
	p, err := line(want)
	if err != nil {
		return false, err
	}
	if p.Name == "EXDATE" {
		s, err := d.Series()
		if err != nil {
			return false, err
		}
		at, err := p.DateTime(d.Zones())
		return slices.Contains(s.Excluded(), at), err
	}
	for _, q := range c.AllProps(p.Name) {
		if q.Value == p.Value && hasParams(q, &p) {
			return true, nil
		}
	}
	return false, nil
}

// hasParams reports whether q has the parameters of p: "RSVP=" is one it must not
// have.
func hasParams(q, p *ical.Property) bool {
	for _, param := range p.Params {
		want := p.Param(param.Name)
		has := q.Param(param.Name)
		if has == "" && param.Name == "PARTSTAT" {
			has = "NEEDS-ACTION"
		}
		if has != want {
			return false
		}
	}
	return true
}

// plain writes the components of an object, without zones.
func plain(o *ical.Object) string {
	var b []byte
	for _, c := range o.Calendar.Children {
		if c.Name == o.Kind {
			b = c.Append(b)
		}
	}
	return string(b)
}
