package scheduling_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"convene/internal/ical"
	"convene/scheduling"
	"convene/scheduling/schedulingtest"

	"pgregory.net/rapid"
)

// TestInvariants lets four people, and a room, do to meetings what comes to mind,
// and looks after each step whether all homes agree.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHouse(t, rapid.Bool().Draw(t, "room"))
		for range rapid.IntRange(1, 14).Draw(t, "steps") {
			h.step(t)
		}
	})
}

// A house is a world in which things happen.
type house struct {
	world    *schedulingtest.World
	players  []*schedulingtest.Player
	invited  []string          // who may be an attendee
	log      []string          // all that happened, as a script
	silenced map[string]bool   // UID and name of who removed a meeting without a word
	text     map[string]string // what each home had, by UID and name
	tags     map[string]int
}

func newHouse(t *rapid.T, room bool) *house {
	h := &house{world: schedulingtest.New("O", "A", "B", "C"), invited: []string{"A", "B", "C"}, silenced: map[string]bool{}}
	for _, uid := range []string{"u", "v"} {
		h.players = append(h.players, &schedulingtest.Player{World: h.world, UID: uid})
	}
	if room {
		h.do(t, h.players[0], "room R")
		h.invited = append(h.invited, "R")
	}
	return h
}

// step lets something happen.
func (h *house) step(t *rapid.T) {
	p := rapid.SampledFrom(h.players).Draw(t, "meeting")
	who := "O"
	if h.world.Text("O", p.UID) != "" {
		who = rapid.SampledFrom([]string{"O", "O", "A", "B", "C"}).Draw(t, "who")
	}
	h.remember()
	var text string
	if who == "O" {
		text = organizes(t, h.world.Text("O", p.UID) != "", h.invited)
	} else {
		text = attends(t, who)
	}
	if !h.do(t, p, text) {
		return
	}
	h.check(t, p, who)
}

// do carries a step out. It reports whether something may have changed.
func (h *house) do(t *rapid.T, p *schedulingtest.Player, step string) bool {
	if strings.Contains(step, "@") && !strings.Contains(h.world.Text(step[:1], p.UID), "RRULE") && !strings.Contains(h.world.Text(step[:1], p.UID), "RECURRENCE-ID") {
		return false // there are no instances
	}
	impossible, err := p.Do("    " + strings.ReplaceAll(step, "\n", "\n        ") + "\n")
	if err != nil {
		t.Fatalf("%v, after\n%s\n%s", err, h.history(), step)
	}
	if impossible != nil {
		return false
	}
	h.log = append(h.log, "# "+p.UID+"\n"+step)
	return p.Last() != nil
}

func (h *house) history() string { return strings.Join(h.log, "\n") }

// organizes returns what an organizer does.
func organizes(t *rapid.T, known bool, people []string) string {
	someone := rapid.SampledFrom(people)
	instance := rapid.SampledFrom([]string{"@i1", "@i2", "@i3", "@i5"}).Draw(t, "instance")
	if !known {
		kind := rapid.SampledFrom([]string{"event", "series", "series"}).Draw(t, "kind")
		with := rapid.SliceOfNDistinct(someone, 1, 3, rapid.ID[string]).Draw(t, "with")
		return "O puts " + kind + " with " + strings.Join(with, " ")
	}
	changes := map[string][]string{
		"summary":    {"SUMMARY:" + rapid.StringMatching(`[a-c]`).Draw(t, "summary")},
		"move":       {"DTSTART;TZID=Europe/Vienna:20260105T0" + rapid.StringMatching(`[6-9]`).Draw(t, "hour") + "0000"},
		"alarm":      {"alarm"},
		"busy":       {"TRANSP:TRANSPARENT"},
		"add":        {"ATTENDEE:" + someone.Draw(t, "added")},
		"remove":     {"-ATTENDEE:" + someone.Draw(t, "removed")},
		"again":      {"ATTENDEE;PARTSTAT=NEEDS-ACTION:" + someone.Draw(t, "again")},
		"force":      {"ATTENDEE;SCHEDULE-FORCE-SEND=REQUEST:" + someone.Draw(t, "forced")},
		"exclude":    {"-" + instance, "EXDATE:" + instance[1:]},
		"include":    {"-EXDATE:" + instance[1:]},
		"override":   {instance, "LOCATION:" + rapid.StringMatching(`[a-c]`).Draw(t, "location")},
		"moveOne":    {instance, "DTSTART;TZID=Europe/Vienna:2026020" + rapid.StringMatching(`[1-7]`).Draw(t, "day") + "T090000", "DTEND;TZID=Europe/Vienna:20260208T100000"},
		"addTo":      {instance, "ATTENDEE:" + someone.Draw(t, "added")},
		"removeFrom": {instance, "-ATTENDEE:" + someone.Draw(t, "removed")},
		"reset":      {"-" + instance},
		"shorter":    {"RRULE:FREQ=WEEKLY;COUNT=3"},
		"longer":     {"RRULE:FREQ=WEEKLY;COUNT=8"},
		"daily":      {"RRULE:FREQ=DAILY;COUNT=6"},
		"single":     {"-RRULE"},
		"off":        {"STATUS:CANCELLED"},
		"on":         {"-STATUS"},
		"offOne":     {instance, "STATUS:CANCELLED"},
	}
	what := rapid.SampledFrom([]string{"edit", "edit", "edit", "edit", "edit", "edit", "delete", "remember", "old", "old merged"}).Draw(t, "what")
	switch what {
	case "delete":
		return "O deletes"
	case "remember":
		return "O remembers"
	case "old":
		return "O puts remembered"
	}
	lines := rapid.SampledFrom(slices.Sorted(keys(changes))).Draw(t, "change")
	body := "\n" + strings.Join(changes[lines], "\n")
	if what == "old merged" {
		return "O puts remembered merged" + body
	}
	return "O edits" + body
}

func keys(m map[string][]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// attends returns what an attendee does.
func attends(t *rapid.T, who string) string {
	instance := rapid.SampledFrom([]string{"@i1", "@i2", "@i3", "@i5"}).Draw(t, "instance")
	answer := "own PARTSTAT=" + rapid.SampledFrom([]string{"ACCEPTED", "DECLINED", "TENTATIVE", "NEEDS-ACTION"}).Draw(t, "answer")
	changes := map[string]string{
		"answer":      answer,
		"answerOne":   instance + "\n" + answer,
		"exclude":     "-" + instance + "\nEXDATE:" + instance[1:],
		"drop":        "-" + instance,
		"alarm":       "alarm",
		"alarmOne":    instance + "\nalarm",
		"comment":     "X-CALENDARSERVER-PRIVATE-COMMENT:of " + who,
		"commentOne":  instance + "\nX-CALENDARSERVER-PRIVATE-COMMENT:of " + who,
		"noComment":   "-X-CALENDARSERVER-PRIVATE-COMMENT",
		"summary":     "SUMMARY:of " + who,
		"busy":        "TRANSP:OPAQUE",
		"needsNoMore": "-ATTENDEE:B",
	}
	list := make(map[string][]string, len(changes))
	for name := range changes {
		list[name] = nil
	}
	switch rapid.SampledFrom([]string{"edit", "edit", "edit", "edit", "delete", "silent", "remember", "old"}).Draw(t, "what") {
	case "delete":
		return who + " deletes"
	case "silent":
		return who + " deletes silently"
	case "remember":
		return who + " remembers"
	case "old":
		return who + " puts remembered merged\n" + answer
	}
	return who + " edits\n" + changes[rapid.SampledFrom(slices.Sorted(keys(list))).Draw(t, "change")]
}

// remember notes what all have.
func (h *house) remember() {
	h.text, h.tags = map[string]string{}, map[string]int{}
	for _, p := range h.players {
		for _, name := range h.world.Guids() {
			key := p.UID + name
			h.text[key] = h.world.Text(name, p.UID)
			if o := h.world.Homes[name].Objects[p.UID]; o != nil {
				h.tags[key] = o.Tag
			}
		}
	}
}

// check looks whether all is as it must be after somebody did something.
func (h *house) check(t *rapid.T, p *schedulingtest.Player, who string) {
	problems, err := h.world.Check()
	if err != nil {
		t.Fatalf("%v, after\n%s", err, h.history())
	}
	for _, problem := range problems {
		t.Errorf("%s", problem)
	}
	for _, name := range h.world.Guids() {
		h.checkTag(t, p, who, name)
		h.checkSequence(t, p, name)
		h.checkPrivacy(t, p, name)
		h.checkAgain(t, p, name)
	}
	h.checkRoom(t)
	if t.Failed() {
		t.Fatalf("after\n%s", h.history())
	}
}

// checkTag looks whether the Schedule-Tag of a copy changed when it had to
// (RFC 6638 §3.2.10).
func (h *house) checkTag(t *rapid.T, p *schedulingtest.Player, who, name string) {
	o := h.world.Homes[name].Objects[p.UID]
	key := p.UID + name
	if o == nil || h.text[key] == "" {
		return
	}
	changed, fresh := h.world.Text(name, p.UID) != h.text[key], o.Tag != h.tags[key]
	switch {
	case !changed && fresh:
		t.Errorf("%s: a new tag for the same", name)
	case name == who && changed && !fresh:
		t.Errorf("%s: the same tag after a change of their own", name)
	case who != "O" && name != who && fresh:
		t.Errorf("%s: a new tag for an answer of %s", name, who)
	case who == "O" && name != "O" && name != "R" && changed && !fresh && !slices.Contains(h.invited, "R"):
		t.Errorf("%s: the same tag after a change of the organizer", name)
	}
}

// checkSequence looks whether SEQUENCE has fallen.
func (h *house) checkSequence(t *rapid.T, p *schedulingtest.Player, name string) {
	was, is := sequences(t, h.text[p.UID+name]), sequences(t, h.world.Text(name, p.UID))
	for rid, n := range is {
		if before, ok := was[rid]; ok && n < before && sameMeeting(h.text[p.UID+name], h.world.Text(name, p.UID)) {
			t.Errorf("%s %s: SEQUENCE falls from %d to %d", name, rid, before, n)
		}
	}
}

// sameMeeting reports whether a copy was not made anew, as one of a meeting that was
// off may be.
func sameMeeting(was, is string) bool {
	return was != "" && is != "" && strings.Count(was, "STATUS:CANCELLED") < strings.Count(was, "BEGIN:VEVENT")
}

// sequences returns the SEQUENCE of each component.
func sequences(t *rapid.T, text string) map[string]int {
	all := map[string]int{}
	if text == "" {
		return all
	}
	cal, err := ical.Decode([]byte(text), ical.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cal.Children {
		if c.Name == "VTIMEZONE" {
			continue
		}
		rid, n := "master", 0
		if p := c.Prop("RECURRENCE-ID"); p != nil {
			rid = p.Value
		}
		if p := c.Prop("SEQUENCE"); p != nil {
			fmt.Sscan(p.Value, &n)
		}
		all[rid] = n
	}
	return all
}

// checkPrivacy looks for what is one's own with others.
func (h *house) checkPrivacy(t *rapid.T, p *schedulingtest.Player, name string) {
	text := h.world.Text(name, p.UID)
	for _, other := range []string{"A", "B", "C"} {
		if other == name {
			continue
		}
		for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n ", ""), "\r\n") {
			if strings.HasSuffix(line, ":of "+other) && (name != "O" || !strings.HasPrefix(line, "X-CALENDARSERVER-ATTENDEE-COMMENT")) {
				t.Errorf("%s has %q", name, line)
			}
		}
	}
}

// checkAgain looks whether nothing is sent, and nothing but the spelling changes,
// when a client writes what it has read.
func (h *house) checkAgain(t *rapid.T, p *schedulingtest.Player, name string) {
	o := h.world.Homes[name].Objects[p.UID]
	if o == nil || name == "R" {
		return
	}
	shown, err := scheduling.Shown(o.Data)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := h.world.Party(scheduling.CanonicalAddress(name))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := scheduling.Decide(scheduling.Change{Owner: owner, Old: o.Data, New: shown, Now: h.world.Now, Options: h.world.Options}, h.world)
	switch {
	case err != nil:
		t.Errorf("%s writes what they have: %v", name, err)
	case len(plan.Messages) > 0:
		t.Errorf("%s writes what they have: %d messages", name, len(plan.Messages))
	case plan.Store == nil || !plan.Store.Calendar.Equal(o.Data.Calendar) && !plan.Store.Calendar.Equal(shown.Calendar):
		t.Errorf("%s writes what they have: it is stored as something else", name)
	}
}

// checkRoom looks whether the room is promised twice.
func (h *house) checkRoom(t *rapid.T) {
	home := h.world.Homes["R"]
	if home == nil {
		return
	}
	type booking struct {
		uid      string
		from, to int64
	}
	var all []booking
	for uid, o := range home.Objects {
		s, err := o.Data.Series()
		if err != nil {
			t.Fatal(err)
		}
		for inst, err := range s.Instances(0, 1<<40, nil, nil) {
			if err != nil {
				t.Fatal(err)
			}
			if inst.Busy == ical.Busy {
				all = append(all, booking{uid, inst.StartUnix, inst.EndUnix})
			}
		}
	}
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.uid != b.uid && a.from < b.to && b.from < a.to {
				t.Errorf("the room is booked twice at %d, for %s and %s", max(a.from, b.from), a.uid, b.uid)
			}
		}
	}
}
