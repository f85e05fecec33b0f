package policy

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"convene/internal/ical"
)

// fields are what a template speaks of, by name.
type fields map[string]string

// words are the texts of one language. {name} is a field; what stands in brackets is
// left out if one of its fields is empty.
type words struct {
	texts     map[Code]string
	declined  string
	plain     string // without a reason
	notYou    string
	notBooked string
	against   string
	next      string
	others    string
	noneFree  string // of a pool
	or        string // between the last two names
	more      string // dates that are not named
	further   string // dates of a series behind the first
	seats     string // how many a room has
	floor     string // that a room is on
	booked    string // the title of a meeting for those who may know whose it is
	private   string // the title of one that is
	days      [7]string
	months    [12]string
	date      string // of fmt.Sprintf: weekday, day, month, year
	short     string // day, month
}

// Languages are those that rooms speak: "en".
func Languages() []string { return []string{"de", "en", "es", "fr", "it", "ja", "nl"} }

func wordsOf(lang string) *words {
	switch tag, _, _ := strings.Cut(strings.ToLower(lang), "-"); tag {
	case "de":
		return &german
	case "es":
		return &spanish
	case "fr":
		return &french
	case "it":
		return &italian
	case "ja":
		return &japanese
	case "nl":
		return &dutch
	}
	return &english
}

// english and german are never changed.
var english = words{
	declined: "Declined: {why}.", plain: "Declined.",
	notYou:    "{room} cannot be booked by you[; you may ask {approver}]",
	notBooked: "Booked {n} of {m} dates. Not booked: {dates}.",
	against:   "It is against the rules: {why}.",
	next:      "Next free here: {when}.",
	others:    "Free then: {rooms}.",
	noneFree:  "no room of {room} is free then",
	or:        " or ",
	more:      "and {n} more", further: "{when} and {n} more dates",
	seats: "{n} seats", floor: "floor {n}", booked: "Booked: {holder}", private: "Private",
	days:   [7]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"},
	months: [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
	date:   "%[1]s %[2]d %[3]s %[4]d", short: "%[1]d %[2]s",
	texts: map[Code]string{
		CodeAccepted:      "Booked: {room}, {when}.",
		CodePartly:        "Booked {n} of {m} dates. Taken: {dates}.",
		CodePending:       "Waiting for approval by {names}; held until {time}.",
		CodePendingFree:   "Waiting for approval by {names}; not held.",
		CodeConflict:      "{room} is taken[ {span}][ by {holder}]",
		CodeTooMany:       "{have} of {m} dates are taken ({dates}); {room} allows {limit}",
		CodeBlocked:       "{room} is closed[ {span}][: {summary}]",
		CodeNotAllowed:    "{room} can be booked by {groups}[; you may ask {approver}]",
		CodeNoApprover:    "{room} needs approval, and there is nobody to give it",
		CodeExternal:      "{room} does not take bookings from outside",
		CodeRecurring:     "{room} takes no series",
		CodeMinDuration:   "{room} is booked for at least {limit} minutes",
		CodeMaxDuration:   "{room} is booked for at most {limit} minutes",
		CodeMinNotice:     "{room} must be booked {limit} minutes ahead",
		CodeWindow:        "{room} can be booked until {date}",
		CodeHorizon:       "{room} cannot be booked more than {limit} days ahead",
		CodeHours:         "{room} is not open then[; it is open {hours}]",
		CodeCapacity:      "{room} has {limit} seats, {have} people are invited",
		CodeOverCapacity:  "{room} has {limit} seats, {have} people are invited now",
		CodeMinAttendees:  "{room} is for {limit} people or more",
		CodeTooLong:       "the series has more than {limit} dates that differ or have to be looked at",
		CodeNotBookable:   "{room} cannot be booked",
		CodeMode:          "{room} is not booked by invitation",
		CodeApproved:      "Approved[ by {who}][: {comment}].",
		CodeDenied:        "Declined by {who}[: {comment}].",
		CodeExpired:       "Declined: nobody approved until {time}.",
		CodeNoShow:        "Released: nobody checked in by {time}.",
		CodeNoShows:       "Released: nobody checked in by {time}, for the third time in a row.",
		CodeNoShowsRest:   "Released with all later dates: nobody checked in by {time}, for the third time in a row.",
		CodeReleased:      "Released: everybody else declined.",
		CodeGivenBack:     "Released by {who}[: {comment}].",
		CodeEarlier:       "Declined: {room} is taken on {time} by a meeting that was booked earlier.",
		CodeDisplaced:     "Declined: {who} needs {room}[ ({comment})].",
		CodeClosedDown:    "Declined: {room} no longer exists.",
		CodeOrganizerLeft: "Released: the organizer left.",
	},
}

var german = words{
	declined: "Abgelehnt: {why}.", plain: "Abgelehnt.",
	notYou:    "{room} kann von Ihnen nicht gebucht werden[; Sie können {approver} fragen]",
	notBooked: "{n} von {m} Terminen gebucht. Nicht gebucht: {dates}.",
	against:   "Das verstößt gegen die Regeln: {why}.",
	next:      "Hier wieder frei: {when}.",
	others:    "Zu dieser Zeit frei: {rooms}.",
	noneFree:  "von {room} ist dann nichts frei",
	or:        " oder ",
	more:      "und {n} weitere", further: "{when} und {n} weitere Termine",
	seats: "{n} Plätze", floor: "Etage {n}", booked: "Gebucht: {holder}", private: "Privat",
	days:   [7]string{"Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa.", "So."},
	months: [12]string{"1.", "2.", "3.", "4.", "5.", "6.", "7.", "8.", "9.", "10.", "11.", "12."},
	date:   "%[1]s %[2]d.%[3]s%[4]d", short: "%[1]d.%[2]s",
	texts: map[Code]string{
		CodeAccepted:      "Gebucht: {room}, {when}.",
		CodePartly:        "{n} von {m} Terminen gebucht. Belegt: {dates}.",
		CodePending:       "Wartet auf Zustimmung durch {names}; reserviert bis {time}.",
		CodePendingFree:   "Wartet auf Zustimmung durch {names}; nicht reserviert.",
		CodeConflict:      "{room} ist belegt[ {span}][ durch {holder}]",
		CodeTooMany:       "{have} von {m} Terminen sind belegt ({dates}); {room} erlaubt {limit}",
		CodeBlocked:       "{room} ist gesperrt[ {span}][: {summary}]",
		CodeNotAllowed:    "{room} kann gebucht werden von: {groups}[; Sie können {approver} fragen]",
		CodeNoApprover:    "{room} braucht eine Zustimmung, und niemand kann sie geben",
		CodeExternal:      "{room} nimmt keine Buchungen von außen an",
		CodeRecurring:     "{room} nimmt keine Serien an",
		CodeMinDuration:   "{room} wird für mindestens {limit} Minuten gebucht",
		CodeMaxDuration:   "{room} wird für höchstens {limit} Minuten gebucht",
		CodeMinNotice:     "{room} muss {limit} Minuten vorher gebucht werden",
		CodeWindow:        "{room} kann bis {date} gebucht werden",
		CodeHorizon:       "{room} kann nicht mehr als {limit} Tage im Voraus gebucht werden",
		CodeHours:         "{room} ist dann nicht geöffnet[; geöffnet: {hours}]",
		CodeCapacity:      "{room} hat {limit} Plätze, eingeladen sind {have} Personen",
		CodeOverCapacity:  "{room} hat {limit} Plätze, eingeladen sind nun {have} Personen",
		CodeMinAttendees:  "{room} ist für {limit} Personen oder mehr",
		CodeTooLong:       "die Serie hat mehr als {limit} Termine, die abweichen oder zu prüfen sind",
		CodeNotBookable:   "{room} kann nicht gebucht werden",
		CodeMode:          "{room} wird nicht durch Einladung gebucht",
		CodeApproved:      "Genehmigt[ durch {who}][: {comment}].",
		CodeDenied:        "Abgelehnt durch {who}[: {comment}].",
		CodeExpired:       "Abgelehnt: niemand hat bis {time} zugestimmt.",
		CodeNoShow:        "Freigegeben: bis {time} hat sich niemand angemeldet.",
		CodeNoShows:       "Freigegeben: bis {time} hat sich niemand angemeldet, zum dritten Mal in Folge.",
		CodeNoShowsRest:   "Mit allen späteren Terminen freigegeben: bis {time} hat sich niemand angemeldet, zum dritten Mal in Folge.",
		CodeReleased:      "Freigegeben: alle anderen haben abgesagt.",
		CodeGivenBack:     "Freigegeben durch {who}[: {comment}].",
		CodeEarlier:       "Abgelehnt: {room} ist am {time} durch einen früher gebuchten Termin belegt.",
		CodeDisplaced:     "Abgelehnt: {who} braucht {room}[ ({comment})].",
		CodeClosedDown:    "Abgelehnt: {room} gibt es nicht mehr.",
		CodeOrganizerLeft: "Freigegeben: die einladende Person ist nicht mehr da.",
	},
}

// fill puts fields into a template. Values are never read as templates.
func (w *speaker) fill(template string, f fields) string {
	var b strings.Builder
	for template != "" {
		open := strings.IndexByte(template, '[')
		if open < 0 {
			open = len(template)
		}
		s, _ := w.put(template[:open], f)
		b.WriteString(s)
		if template = template[open:]; template == "" {
			break
		}
		part, rest, _ := strings.Cut(template[1:], "]")
		if s, full := w.put(part, f); full {
			b.WriteString(s)
		}
		template = rest
	}
	return b.String()
}

// put fills a part without brackets; full is false if a field is empty.
func (w *speaker) put(part string, f fields) (s string, full bool) {
	var b strings.Builder
	full = true
	for {
		before, rest, found := strings.Cut(part, "{")
		b.WriteString(before)
		if !found {
			return b.String(), full
		}
		name, after, _ := strings.Cut(rest, "}")
		value := f[name]
		if name == "room" {
			value = w.Room
		}
		full = full && value != ""
		b.WriteString(value)
		if strings.HasSuffix(value, ".") {
			after = strings.TrimPrefix(after, ".") // a date that ends a sentence
		}
		part = after
	}
}

// names joins the names of people of whom any will do.
func (w *speaker) names(all []string) string {
	n := len(all) - 1
	if n < 1 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:n], ", ") + w.words.or + all[n]
}

// hours says when the room is open, with the names of days that the reader knows.
func (w *speaker) hours() string {
	var pairs []string
	for i, name := range dayNames {
		pairs = append(pairs, name, w.words.days[i])
	}
	return strings.NewReplacer(pairs...).Replace(w.p.Hours.String())
}

func (w *speaker) upper(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// civil returns what the reader's clock shows at a moment.
func (w *speaker) civil(at int64) (y, m, d, minute int, weekdayName string) {
	local := wall(at, w.Zone)
	y, m, d, sec := ical.DateTime{Wall: local, Kind: ical.Floating}.Civil()
	return y, m, d, sec / 60, w.words.days[weekday(dayOf(local))]
}

func (w *speaker) date(at int64) string {
	y, m, d, _, wd := w.civil(at)
	return fmt.Sprintf(w.words.date, wd, d, w.words.months[m-1], y)
}

func (w *speaker) clock(at int64) string {
	_, _, _, minute, _ := w.civil(at)
	return fmt.Sprintf("%02d:%02d", minute/60, minute%60)
}

// moment says a date and a time.
func (w *speaker) moment(at int64) string { return w.date(at) + " " + w.clock(at) }

// span says from when until when: "Tue 1 Dec 2026 10:00–11:00".
func (w *speaker) span(s Span) string {
	if w.date(s.Start) == w.date(s.End) {
		return w.moment(s.Start) + "–" + w.clock(s.End)
	}
	return w.moment(s.Start) + " – " + w.moment(s.End)
}

// when says the first of some dates and how many more there are.
func (w *speaker) when(dates []*Occurrence) string {
	s := w.span(dates[0].span())
	if len(dates) == 1 {
		return s
	}
	return w.fill(w.words.further, fields{"when": s, "n": fmt.Sprint(len(dates) - 1)})
}

// dates names days, and says how many more there are.
func (w *speaker) dates(all []*Occurrence) string {
	var names []string
	for _, o := range all[:min(len(all), maxNamed)] {
		_, m, d, _, _ := w.civil(o.Instance.StartUnix)
		names = append(names, fmt.Sprintf(w.words.short, d, w.words.months[m-1]))
	}
	s := strings.Join(names, ", ")
	if more := len(all) - maxNamed; more > 0 {
		s += " " + w.fill(w.words.more, fields{"n": fmt.Sprint(more)})
	}
	return s
}
