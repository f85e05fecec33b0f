package imip

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"convene/scheduling"
)

// words are the texts of one language. Those with a % are formats.
type words struct {
	subject map[string]string // by kind of letter; the title, then the day
	intro   map[string]string // by kind of letter; who it is from, then the title
	via     string            // the name of a sender that the service sends for

	when, repeats, where, organizer, sentBy, attendees, description, link, whatChanged string

	noTitle, allDay, answer, footer string
	accept, maybe, decline          string
	changed                         map[string]string // what is called how
	days, months                    [12]string
	everyOne, everyMany             map[string]string // by FREQ; the second with a number
	on, until, times                string
	testSubject, testText           string

	// What approvers of rooms read.
	room, answerUntil, rules, against, how, howTo, howToPage string

	acting       map[string]string // of who acts for whom
	invites      string            // what delegates read: who invites whom to what
	restReleased string            // what owners of rooms read of a series that nobody came to

	date func(w *words, t time.Time) string
	hour string // of time.Format
	span string // start and end of a day
}

// The kinds of letter.
const (
	kindNew       = "new"
	kindUpdate    = "update"
	kindCancelled = "cancelled"
	kindAccepted  = "ACCEPTED"
	kindTentative = "TENTATIVE"
	kindDeclined  = "DECLINED"
	kindAnswer    = "answer"
	kindAsks      = "asks" // somebody to approve a booking
	kindReminds   = "reminds"
	kindNoShows   = "noShows" // the owner of a room is told that nobody comes
)

// Languages are those that there are texts in.
func Languages() []string { return []string{"de", "en", "es", "fr", "it", "ja", "nl"} }

// languages returns the texts of a language; nil: there are none.
func languages(name string) *words {
	switch name {
	case "de":
		return german()
	case "en":
		return english()
	case "es":
		return spanish()
	case "fr":
		return french()
	case "it":
		return italian()
	case "ja":
		return japanese()
	case "nl":
		return dutch()
	}
	return nil
}

// language is the one for a letter: that of the recipient, as the directory has it; that of
// the longest domain that is set and theirs ends in; that of the sender, who knows whom
// they write to; or else the one for all.
func (o *Options) language(l *Letter) *words {
	best, byDomain := "", ""
	for domain, name := range o.Languages {
		d := strings.ToLower(strings.TrimPrefix(domain, "."))
		if (l.To.Domain() == d || strings.HasSuffix(l.To.Domain(), "."+d)) && len(d) > len(best) {
			best, byDomain = d, name
		}
	}
	for _, name := range []string{l.Language, byDomain, l.SenderLanguage, o.Language} {
		if w := languages(primary(name)); w != nil {
			return w
		}
	}
	return english()
}

// primary is the language of a tag, or of the first of a list of such, as preferredLanguage
// has them (RFC 2798 §2.7): "fr" of "fr-CA, en;q=0.8". It may be one without texts.
func primary(tag string) string {
	if i := strings.IndexAny(tag, ",;-_"); i >= 0 {
		tag = tag[:i]
	}
	return strings.ToLower(strings.TrimSpace(tag))
}

// KnownLanguage reports whether there are texts in a language.
func KnownLanguage(name string) bool { return slices.Contains(Languages(), name) }

func english() *words {
	return &words{
		subject: map[string]string{
			kindNew: "Invitation: %s, %s", kindUpdate: "Updated invitation: %s, %s", kindCancelled: "Cancelled: %s, %s",
			kindAccepted: "Accepted: %s, %s", kindTentative: "Tentative: %s, %s", kindDeclined: "Declined: %s, %s", kindAnswer: "Answer: %s, %s",
			kindAsks: "Approval needed: %s, %s", kindReminds: "Approval still needed: %s, %s",
			kindNoShows: "Room not used: %s, %s",
		},
		intro: map[string]string{
			kindNew: "%s invites you to “%s”.", kindUpdate: "%s has changed “%s”.", kindCancelled: "%s has cancelled “%s”.",
			kindAccepted: "%s has accepted “%s”.", kindTentative: "%s may come to “%s”.", kindDeclined: "%s has declined “%s”.", kindAnswer: "%s has answered about “%s”.",
			kindAsks: "%s asks for a room for “%s”. You may approve this.", kindReminds: "%s still waits for a room for “%s”. You may approve this.",
			kindNoShows: "%s has booked a room for “%s”. Nobody has checked in three times in a row.",
		},
		via:  "%s (via calendar)",
		when: "When", repeats: "Repeats", where: "Where", organizer: "Organizer", sentBy: "Sent by", attendees: "Attendees", description: "Description", link: "Link", whatChanged: "Changed",
		noTitle: "(no title)", allDay: "all day", answer: "Answer",
		footer: "This message was sent by a calendar server. Answers go to %s.",
		accept: "Accept", maybe: "Maybe", decline: "Decline",
		changed: map[string]string{
			"DTSTART": "start", "DTEND": "end", "DURATION": "duration", "LOCATION": "place", "SUMMARY": "title", "DESCRIPTION": "description",
			"RRULE": "repetition", "EXDATE": "repetition", "RDATE": "repetition", "ATTENDEE": "attendees", "URL": "link", "ATTACH": "attachments", "STATUS": "status", "DUE": "due date",
		},
		days:        [12]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
		months:      [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
		everyOne:    map[string]string{"DAILY": "every day", "WEEKLY": "every week", "MONTHLY": "every month", "YEARLY": "every year"},
		everyMany:   map[string]string{"DAILY": "every %d days", "WEEKLY": "every %d weeks", "MONTHLY": "every %d months", "YEARLY": "every %d years"},
		on:          " on %s",
		until:       ", until %s",
		times:       ", %d times",
		testSubject: "Test of the calendar server", testText: "The calendar server can send mail.",
		room: "Room", answerUntil: "Answer until", rules: "Rules", against: "The booking is against the rules of the room.",
		how: "How", howTo: "In the calendar of the room, or by an administrator: convene room approve {id}", howToPage: "On this page, once you have signed in: {url}",
		acting: map[string]string{
			"you": "Who acts for you has changed", "others": "Who acts for others has changed",
			"person": "%s has changed who acts for whom in the calendar.", "account": "An administrator (%s) has changed who acts for whom in the calendar.",
			"directory": "The directory has changed who acts for whom in the calendar.", "time": "The time is over for which somebody acts for another in the calendar.",
			"forYou": "For you", "for": "For %s", "recipient": "you", "instead": "in the place of %s",
			"added": "New", "changed": "Changed", "removed": "Removed", "ended": "Over",
			"read": "to read", "write": "to read and change", "noSchedule": "without inviting others", "some": "some calendars only",
			"private": "private events too", "manage": "to look after the list", "from": "from %s", "until": "until %s",
			"footer": "This message was sent by a calendar server. The list is in the settings of your calendar program; an administrator sees it too.",
		},
		invites:      "%s invites %s to “%s”.",
		restReleased: "all later dates have been given back",
		date: func(w *words, t time.Time) string {
			return fmt.Sprintf("%s, %s %d, %d", w.days[t.Weekday()], w.months[t.Month()-1], t.Day(), t.Year())
		},
		hour: "3:04 PM", span: "%s – %s",
	}
}

func german() *words {
	return &words{
		subject: map[string]string{
			kindNew: "Einladung: %s, %s", kindUpdate: "Geänderte Einladung: %s, %s", kindCancelled: "Abgesagt: %s, %s",
			kindAccepted: "Zugesagt: %s, %s", kindTentative: "Mit Vorbehalt: %s, %s", kindDeclined: "Abgelehnt: %s, %s", kindAnswer: "Antwort: %s, %s",
			kindAsks: "Genehmigung erbeten: %s, %s", kindReminds: "Genehmigung steht aus: %s, %s",
			kindNoShows: "Raum nicht genutzt: %s, %s",
		},
		intro: map[string]string{
			kindNew: "%s lädt Sie zu „%s“ ein.", kindUpdate: "%s hat „%s“ geändert.", kindCancelled: "%s hat „%s“ abgesagt.",
			kindAccepted: "%s hat für „%s“ zugesagt.", kindTentative: "%s hat für „%s“ mit Vorbehalt zugesagt.", kindDeclined: "%s hat „%s“ abgelehnt.", kindAnswer: "%s hat zu „%s“ geantwortet.",
			kindAsks: "%s möchte einen Raum für „%s“. Sie können das genehmigen.", kindReminds: "%s wartet noch auf einen Raum für „%s“. Sie können das genehmigen.",
			kindNoShows: "%s hat einen Raum für „%s“ gebucht. Dreimal in Folge hat sich niemand angemeldet.",
		},
		via:  "%s (über Kalender)",
		when: "Wann", repeats: "Wiederholung", where: "Wo", organizer: "Organisiert von", sentBy: "Gesendet von", attendees: "Teilnehmende", description: "Beschreibung", link: "Link", whatChanged: "Geändert",
		noTitle: "(ohne Titel)", allDay: "ganztägig", answer: "Antworten",
		footer: "Diese Nachricht kommt von einem Kalenderserver. Antworten gehen an %s.",
		accept: "Zusagen", maybe: "Vielleicht", decline: "Absagen",
		changed: map[string]string{
			"DTSTART": "Beginn", "DTEND": "Ende", "DURATION": "Dauer", "LOCATION": "Ort", "SUMMARY": "Titel", "DESCRIPTION": "Beschreibung",
			"RRULE": "Wiederholung", "EXDATE": "Wiederholung", "RDATE": "Wiederholung", "ATTENDEE": "Teilnehmende", "URL": "Link", "ATTACH": "Anlagen", "STATUS": "Status", "DUE": "Fälligkeit",
		},
		days:        [12]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
		months:      [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
		everyOne:    map[string]string{"DAILY": "jeden Tag", "WEEKLY": "jede Woche", "MONTHLY": "jeden Monat", "YEARLY": "jedes Jahr"},
		everyMany:   map[string]string{"DAILY": "alle %d Tage", "WEEKLY": "alle %d Wochen", "MONTHLY": "alle %d Monate", "YEARLY": "alle %d Jahre"},
		on:          " am %s",
		until:       ", bis %s",
		times:       ", %d-mal",
		testSubject: "Test des Kalenderservers", testText: "Der Kalenderserver kann Mail verschicken.",
		room: "Raum", answerUntil: "Antwort bis", rules: "Regeln", against: "Die Buchung verstößt gegen die Regeln des Raums.",
		how: "Wie", howTo: "Im Kalender des Raums, oder durch die Administration: convene room approve {id}", howToPage: "Auf dieser Seite, nach der Anmeldung: {url}",
		acting: map[string]string{
			"you": "Geändert: wer Sie vertritt", "others": "Geändert: wer andere vertritt",
			"person": "%s hat geändert, wer im Kalender wen vertritt.", "account": "Die Administration (%s) hat geändert, wer im Kalender wen vertritt.",
			"directory": "Das Verzeichnis hat geändert, wer im Kalender wen vertritt.", "time": "Eine Vertretung im Kalender ist abgelaufen.",
			"forYou": "Für Sie", "for": "Für %s", "recipient": "Sie", "instead": "anstelle von %s",
			"added": "Neu", "changed": "Geändert", "removed": "Entfernt", "ended": "Abgelaufen",
			"read": "lesen", "write": "lesen und ändern", "noSchedule": "ohne andere einzuladen", "some": "nur einige Kalender",
			"private": "auch private Termine", "manage": "die Liste pflegen", "from": "ab %s", "until": "bis %s",
			"footer": "Diese Nachricht kommt von einem Kalenderserver. Die Liste steht in den Einstellungen Ihres Kalenderprogramms; auch die Administration sieht sie.",
		},
		invites:      "%s lädt %s zu „%s“ ein.",
		restReleased: "alle späteren Termine wurden freigegeben",
		date: func(w *words, t time.Time) string {
			return fmt.Sprintf("%s, %d. %s %d", w.days[t.Weekday()], t.Day(), w.months[t.Month()-1], t.Year())
		},
		hour: "15:04", span: "%s–%s Uhr",
	}
}

// kindOf is the kind of a letter: an update is of something that the recipient was
// sent before.
func kindOf(l *Letter, partStat string, again bool) string {
	switch {
	case l.Asks != nil && l.Asks.NoShows:
		return kindNoShows
	case l.Asks != nil && l.Asks.Reminder:
		return kindReminds
	case l.Asks != nil:
		return kindAsks
	case l.Method == scheduling.Cancel:
		return kindCancelled
	case l.Method == scheduling.Reply:
		switch partStat {
		case kindAccepted, kindTentative, kindDeclined:
			return partStat
		}
		return kindAnswer
	case again:
		return kindUpdate
	}
	return kindNew
}
