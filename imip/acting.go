package imip

import (
	"fmt"
	"slices"
	"time"
)

// News is what somebody is told of who acts for whom (caldav-proxy): of one act, in one
// letter. It is not an iTIP message.
type News struct {
	ID    string     `json:"id"` // of the act
	By    NewsBy     `json:"by"`
	Name  string     `json:"name,omitempty"` // of who did it, if that is a person or an account
	About []NewsPart `json:"about"`
}

// A NewsBy says what kind of author an act has.
type NewsBy string

// The authors of acts.
const (
	ByPerson    NewsBy = "person"
	ByAccount   NewsBy = "account"   // of the system: an operator
	ByDirectory NewsBy = "directory" // which names delegates of rooms
	ByTime      NewsBy = "time"      // an end was reached
)

// A NewsPart is what has changed for one delegator.
type NewsPart struct {
	Whose   string     `json:"whose,omitempty"` // who is acted for; "": the recipient
	Changes []NewsLine `json:"changes"`
}

// A NewsLine is one delegate, new, changed, removed or at an end.
type NewsLine struct {
	What string `json:"what"`          // NewsAdded …
	Who  string `json:"who,omitempty"` // who acts; "": the recipient
	For  string `json:"for,omitempty"` // of a stand-in: in whose place

	Write      bool  `json:"write,omitempty"`
	NoSchedule bool  `json:"noSchedule,omitempty"`
	Some       bool  `json:"some,omitempty"` // calendars, and not all
	Private    bool  `json:"private,omitempty"`
	Manage     bool  `json:"manage,omitempty"`
	From       int64 `json:"from,omitempty"` // Unix seconds; 0: no limit
	Until      int64 `json:"until,omitempty"`
}

// What may have become of a delegate.
const (
	NewsAdded   = "added"
	NewsChanged = "changed"
	NewsRemoved = "removed"
	NewsEnded   = "ended"
)

// The most of what one letter tells; the rest is counted out by "…".
const (
	maxNewsParts = 50
	maxNewsLines = 50
)

// NewNews makes a letter about delegates. owner is the GUID of the recipient, language
// what they read, "" if nobody knows. Errors: ErrNoMailbox.
func NewNews(owner, name, address, language string, n News) (*Letter, error) {
	to, err := NewMailbox(name, address)
	if err != nil {
		return nil, err
	}
	if len(n.About) > maxNewsParts {
		n.About = append(slices.Clone(n.About[:maxNewsParts]), NewsPart{Whose: "…"})
	}
	n.About = slices.Clone(n.About)
	for i := range n.About {
		if p := &n.About[i]; len(p.Changes) > maxNewsLines {
			p.Changes = append(slices.Clone(p.Changes[:maxNewsLines]), NewsLine{What: "…"})
		}
	}
	return &Letter{Owner: owner, To: to, UID: n.ID, RIDs: []string{}, Language: language, News: &n}, nil
}

// readNews makes the notice of a letter about delegates.
func readNews(l *Letter, w *words) *notice {
	n, a := &notice{words: w}, w.acting
	n.headline = a["others"]
	if slices.ContainsFunc(l.News.About, func(p NewsPart) bool { return p.Whose == "" }) {
		n.headline = a["you"]
	}
	n.Intro = a[string(l.News.By)]
	if l.News.By == ByPerson || l.News.By == ByAccount {
		n.Intro = fmt.Sprintf(n.Intro, oneLine(l.News.Name, 200))
	}
	for _, p := range l.News.About {
		name := a["forYou"]
		if p.Whose != "" {
			name = fmt.Sprintf(a["for"], oneLine(p.Whose, 200))
		}
		lines := []string{}
		for _, c := range p.Changes {
			lines = append(lines, c.text(w))
		}
		if len(lines) == 0 {
			lines = []string{"…"}
		}
		n.add(name, lines...)
	}
	n.Footer = a["footer"]
	return n
}

// text says a line in words.
func (c *NewsLine) text(w *words) string {
	a := w.acting
	what, known := a[c.What]
	if !known {
		return "…"
	}
	who := a["recipient"]
	if c.Who != "" {
		who = oneLine(c.Who, 200)
	}
	s := what + ": " + who
	if c.For != "" {
		s += ", " + fmt.Sprintf(a["instead"], oneLine(c.For, 200))
	}
	if c.What == NewsRemoved || c.What == NewsEnded {
		return s
	}
	if c.For == "" {
		level := "read"
		if c.Write {
			level = "write"
		}
		s += ", " + a[level]
	}
	for _, f := range []struct {
		is   bool
		text string
	}{{c.NoSchedule, "noSchedule"}, {c.Some, "some"}, {c.Private, "private"}, {c.Manage, "manage"}} {
		if f.is {
			s += ", " + a[f.text]
		}
	}
	for _, t := range []struct {
		at   int64
		text string
	}{{c.From, "from"}, {c.Until, "until"}} {
		if t.at != 0 {
			at := time.Unix(t.at, 0).UTC()
			s += ", " + fmt.Sprintf(a[t.text], w.date(w, at)+", "+at.Format(w.hour)+" (UTC)")
		}
	}
	return s
}
