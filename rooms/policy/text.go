package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"convene/internal/ical"
)

// A Speech is to whom and about what a text is. Nil functions know nothing.
type Speech struct {
	Lang      string     // one of Languages; others are English
	Zone      *ical.Zone // the reader's, else the room's
	Room      string
	Approvers []string // how they are called
	Mail      []Reader // those of them who have a mail address
	Expires   int64    // of a request that waits, in Unix seconds

	// Name returns how a principal that the policy names is called.
	Name func(reference string) string
	// Describe returns who has made a booking and what it is, each "" if the
	// reader may not know.
	Describe func(Booking) (holder, summary string)
	// Other returns how a room that is named in place of this one is called, by
	// its GUID: see Called.
	Other func(guid string) string
}

// A Reader is somebody who gets mail.
type Reader struct {
	Address string
	Lang    string // a tag of RFC 5646; "": not known
}

// Comment returns what the organizer is told about the whole meeting, in lines; ""
// if there is nothing to tell. There may be something without a reply: that a booking
// is kept although more people come than the room has seats.
func (a *Answer) Comment(p *Policy, s *Speech) string {
	var dates []*Occurrence
	for i := range a.Occurrences {
		if !a.Occurrences[i].past {
			dates = append(dates, &a.Occurrences[i])
		}
	}
	return a.comment(p, s, dates)
}

// CommentOn returns what the organizer is told about one date, the i-th of
// Occurrences.
func (a *Answer) CommentOn(i int, p *Policy, s *Speech) string {
	return a.comment(p, s, []*Occurrence{&a.Occurrences[i]})
}

func (a *Answer) comment(p *Policy, s *Speech, dates []*Occurrence) string {
	if !a.Reply && !slices.ContainsFunc(dates, func(o *Occurrence) bool { return len(o.Reasons) > 0 }) {
		return ""
	}
	w := speaker{Speech: s, p: p, a: a, words: wordsOf(s.Lang)}
	lines := w.first(dates)
	if p.Reasons {
		lines = append(lines, w.tail(dates)...)
	}
	if p.ResponseText != "" && len(lines) > 0 {
		lines = append(lines, p.ResponseText)
	}
	return strings.Join(lines, "\n")
}

// A speaker fills templates.
type speaker struct {
	*Speech
	p     *Policy
	a     *Answer
	words *words
}

// first returns the lines that say what the answer is.
func (w *speaker) first(dates []*Occurrence) []string {
	var by [4][]*Occurrence // as in order
	for _, o := range dates {
		if i := slices.Index(order[:], o.PartStat); i >= 0 {
			by[i] = append(by[i], o)
		}
	}
	accepted, declined, held := by[0], by[1], by[3]
	switch {
	case len(held) > 0:
		return w.waiting(held[0])
	case len(accepted) > 0 && len(declined) > 0:
		return []string{w.partly(accepted, declined)}
	case len(accepted) > 0:
		lines := []string{w.fill(w.words.texts[CodeAccepted], fields{"when": w.when(accepted)})}
		if r := accepted[0].Reasons; len(r) > 0 {
			lines = append(lines, w.upper(w.reason(accepted[0], r[0]))+".")
		}
		return lines
	case len(declined) > 0:
		return []string{w.declined(declined)}
	}
	return nil
}

func (w *speaker) waiting(o *Occurrence) []string {
	code := CodePending
	if w.p.Pending == Free {
		code = CodePendingFree
	}
	lines := []string{w.fill(w.words.texts[code], fields{"names": w.names(w.Approvers), "time": w.moment(w.Expires)})}
	if len(o.Reasons) > 1 {
		lines = append(lines, w.fill(w.words.against, fields{"why": w.reasons(o, o.Reasons[1:])}))
	}
	return lines
}

func (w *speaker) partly(accepted, declined []*Occurrence) string {
	text := w.words.texts[CodePartly]
	if slices.ContainsFunc(declined, func(o *Occurrence) bool { return !o.because(CodeConflict) }) {
		text = w.words.notBooked
	}
	return w.fill(text, fields{"n": strconv.Itoa(len(accepted)), "m": strconv.Itoa(len(accepted) + len(declined)), "dates": w.dates(declined)})
}

func (o *Occurrence) because(c Code) bool { return len(o.Reasons) > 0 && o.Reasons[0].Code == c }

func (w *speaker) declined(dates []*Occurrence) string {
	o := dates[0]
	if !w.p.Reasons || len(o.Reasons) == 0 {
		return w.words.plain
	}
	if o.because(CodeTooMany) {
		taken := slices.DeleteFunc(slices.Clone(dates), func(o *Occurrence) bool { return o.free })
		return w.decline(w.fill(w.words.texts[CodeTooMany], w.fieldsOf(o, o.Reasons[0], fields{
			"m": strconv.Itoa(len(dates)), "dates": w.dates(taken)})))
	}
	return w.decline(w.reasons(o, o.Reasons))
}

func (w *speaker) decline(why string) string { return w.fill(w.words.declined, fields{"why": why}) }

func (w *speaker) reasons(o *Occurrence, all []Reason) string {
	var parts []string
	for _, r := range all {
		parts = append(parts, w.reason(o, r))
	}
	return strings.Join(parts, "; ")
}

func (w *speaker) reason(o *Occurrence, r Reason) string {
	text := w.words.texts[r.Code]
	if r.Code == CodeNotAllowed && (w.p.Book.Has(Everybody) || len(w.p.Book) == 0) {
		text = w.words.notYou
	}
	return w.fill(text, w.fieldsOf(o, r, nil))
}

// fieldsOf returns what a reason may speak of.
func (w *speaker) fieldsOf(o *Occurrence, r Reason, more fields) fields {
	f := fields{"limit": strconv.Itoa(r.Limit), "have": strconv.Itoa(r.Have), "hours": w.hours(), "groups": w.groups()}
	if w.p.Request != nil || w.p.RequestOut != nil {
		f["approver"] = w.names(w.Approvers)
	}
	if r.Code == CodeWindow {
		f["date"] = w.date(r.From)
	} else if r.To > r.From {
		f["span"] = w.span(Span{r.From, r.To})
	}
	if o.Taker != nil && w.Describe != nil {
		f["holder"], f["summary"] = w.Describe(*o.Taker)
		if !w.p.NamesHolder() {
			f["holder"] = ""
		}
	}
	for k, v := range more {
		f[k] = v
	}
	return f
}

// groups names whom the room can be booked by.
func (w *speaker) groups() string {
	var names []string
	for _, ref := range w.p.Book {
		if w.Name != nil {
			ref = w.Name(ref)
		}
		names = append(names, ref)
	}
	return w.names(names)
}

// tail returns what else would be possible.
func (w *speaker) tail(dates []*Occurrence) []string {
	i := slices.IndexFunc(dates, func(o *Occurrence) bool { return o.PartStat == Declined })
	if i < 0 {
		return nil
	}
	var lines []string
	if s := dates[i].span(); w.a.Next != 0 {
		next := Span{w.a.Next, w.a.Next + s.End - s.Start}
		lines = append(lines, w.fill(w.words.next, fields{"when": w.span(next)}))
	}
	if len(w.a.Alternatives) > 0 && w.Other != nil {
		var names []string
		for _, guid := range w.a.Alternatives {
			names = append(names, w.Other(guid))
		}
		lines = append(lines, w.fill(w.words.others, fields{"rooms": strings.Join(names, ", ")}))
	}
	return lines
}

// Called names a room with what helps to choose it: "Saturn (8 seats, floor 1)".
func Called(lang, name string, p *Policy) string {
	w := wordsOf(lang)
	var about []string
	add := func(template, value string) {
		if value != "" && value != "0" {
			about = append(about, strings.Replace(template, "{n}", value, 1))
		}
	}
	add(w.seats, strconv.Itoa(p.Capacity))
	add(w.floor, p.Place.Floor)
	if len(about) == 0 {
		return name
	}
	return name + " (" + strings.Join(about, ", ") + ")"
}

// Title is the title of a meeting in a room's calendar for those who may see no more than
// who has booked it: holder. "" if that is nobody, or may not be seen. Of a private meeting
// they see that it is.
func (p *Policy) Title(lang, holder string, private bool) string {
	switch w := wordsOf(lang); {
	case p.OthersSee == SeeBusy:
		return ""
	case private && p.PrivateBookings != Show:
		return w.private
	case holder == "":
		return ""
	default:
		return strings.Replace(w.booked, "{holder}", holder, 1)
	}
}

// Event is something that happens to a booking after it was made.
type Event struct {
	Code    Code   // approval-denied and those behind it
	Who     string // who did it, if anybody
	Comment string
	At      int64 // the time that is spoken of
}

// Text returns what the organizer is told about it.
func (e Event) Text(s *Speech) string {
	w := speaker{Speech: s, words: wordsOf(s.Lang)}
	return w.fill(w.words.texts[e.Code], fields{"who": e.Who, "comment": e.Comment, "time": w.moment(e.At)})
}

// Header returns the value of the header that tells programs about the answer:
// room="rooms/neptune"; answer=declined; reason=conflict; next="2026-12-01T15:00Z".
// name returns the short name of another room.
func (a *Answer) Header(room string, name func(guid string) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "room=%q; answer=%s", room, a.Word())
	for i := range a.Occurrences {
		if o := &a.Occurrences[i]; o.Judged && o.PartStat == a.Master && len(o.Reasons) > 0 {
			fmt.Fprintf(&b, "; reason=%s", o.Reasons[0].Code)
			break
		}
	}
	if a.Next != 0 {
		t := ical.DateTime{Wall: a.Next, Kind: ical.UTC}
		y, m, d, sec := t.Civil()
		fmt.Fprintf(&b, "; next=\"%04d-%02d-%02dT%02d:%02dZ\"", y, m, d, sec/3600, sec/60%60)
	}
	if len(a.Alternatives) > 0 && name != nil {
		var names []string
		for _, guid := range a.Alternatives {
			names = append(names, name(guid))
		}
		fmt.Fprintf(&b, "; free=%q", strings.Join(names, ","))
	}
	return b.String()
}

// WordUnasked is the Word of a room that was not asked.
const WordUnasked = "unasked"

// Word says the answer in one word: "accepted", "partly".
func (a *Answer) Word() string {
	switch {
	case a.Verdict == NotAsked:
		return WordUnasked
	case a.Verdict == Kept:
		return "kept"
	case a.Verdict == StoreOnly:
		return "stored"
	case a.Pending:
		return "pending"
	}
	for i := range a.Occurrences {
		if o := &a.Occurrences[i]; !o.past && o.PartStat != a.Master {
			return "partly"
		}
	}
	return strings.ToLower(string(a.Master))
}
