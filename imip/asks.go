package imip

import (
	"slices"
	"strings"

	"convene/internal/ical"
	"convene/scheduling"
)

// NewAsking makes the letter that asks somebody to approve a booking. o is the room's
// copy of the meeting, booker is its organizer, whom replies go to; language is that of
// the reader, "" if nobody knows. Errors: ErrNoMailbox.
func NewAsking(o *ical.Object, booker *scheduling.Party, to, language string, a Asks) (*Letter, error) {
	bare, err := ical.NewObject(asked(o))
	if err != nil {
		return nil, err
	}
	m := &scheduling.Message{Method: scheduling.Request, From: booker, Data: bare}
	l, err := NewLetter(m, &scheduling.Party{Address: "mailto:" + to, Language: language})
	if err != nil {
		return nil, err
	}
	l.Asks = &a
	return l, nil
}

// askedProps are what approvers are told of a meeting; its title only if it is not
// private.
var askedProps = []string{"UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID", "ORGANIZER", "SUMMARY"}

// asked is a meeting as approvers are told of it.
func asked(o *ical.Object) *ical.Component {
	cal := o.Calendar.Clone()
	for _, c := range cal.Children {
		if c.Name != o.Kind {
			continue
		}
		class := c.Prop("CLASS")
		private := class != nil && !strings.EqualFold(class.Value, "PUBLIC") || cal.Prop("X-CALENDARSERVER-ACCESS") != nil
		c.Children = nil
		c.RemoveFunc(func(p *ical.Property) bool {
			return !slices.Contains(askedProps, p.Name) || private && p.Name == "SUMMARY"
		})
	}
	return cal
}

// asks adds what an approver is asked to a notice.
func (n *notice) asks(a *Asks) {
	w := n.words
	n.Rows = slices.Insert(n.Rows, 0, row{w.room, []string{oneLine(a.Room, 200)}})
	if a.NoShows {
		if a.Released {
			n.add(w.whatChanged, w.restReleased)
		}
		return
	}
	zone, err := ical.LoadZone(a.Zone)
	if err != nil {
		zone = nil // UTC
	}
	at := clock(ical.DateTime{Wall: zone.Wall(a.Until)})
	n.add(w.answerUntil, w.date(w, at)+", "+at.Format(w.hour)+" ("+oneLine(zone.Name(), 60)+")")
	if a.Against {
		n.add(w.rules, w.against)
	}
	how := strings.ReplaceAll(w.howTo, "{id}", a.ID)
	if a.URL != "" {
		how = strings.ReplaceAll(w.howToPage, "{url}", a.URL)
	}
	n.add(w.how, how)
}
