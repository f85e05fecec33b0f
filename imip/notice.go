package imip

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/internal/ical"
	"convene/scheduling"
)

// A notice is what a letter says to people.
type notice struct {
	words *words
	kind  string
	title string // oneLine, never ""
	start time.Time
	from  Mailbox

	headline string // the subject; "": that of the kind

	Intro, Footer, Answer string
	Rows                  []row
	Links                 []link
}

// A row is one of the facts: a name and its lines.
type row struct {
	Name  string
	Lines []string
}

// A link is one of the answers that a guest can give by mail.
type link struct {
	Name string
	URL  template.URL
}

// The most of what a mail says to people: characters of a description, attendees.
const (
	maxDescription = 4000
	maxAttendees   = 50
)

// readNotice takes from a letter what people are told, in their language. again: the
// thread has had a mail before.
func readNotice(l *Letter, again bool, w *words) (*notice, error) {
	if l.News != nil {
		return readNews(l, w), nil
	}
	cal, err := ical.Decode([]byte(l.Calendar), ical.DefaultLimits)
	if err != nil {
		return nil, err
	}
	o, err := ical.NewMessage(cal)
	if err != nil {
		return nil, err
	}
	c := part(o)
	if c == nil {
		return nil, errors.New("letter: it is about nothing")
	}
	n := &notice{words: w, from: l.From, title: oneLine(text(c, "SUMMARY"), 200)}
	if n.title == "" {
		n.title = w.noTitle
	}
	n.kind = kindOf(l, strings.ToUpper(partStatOf(c)), again)
	name := l.From.Name
	if name == "" {
		name = l.From.Address
	}
	n.Footer = fmt.Sprintf(w.footer, name)
	n.Intro = fmt.Sprintf(w.intro[n.kind], name, n.title)
	n.facts(c, o.Zones, l)
	if l.Asks != nil {
		n.asks(l.Asks)
		return n, nil
	}
	if l.Copied != nil {
		n.copied(l.Copied, name)
		return n, nil
	}
	if l.Method == scheduling.Request {
		n.Answer, n.Links = w.answer, n.answers()
	}
	return n, nil
}

// facts are the rows of a notice.
func (n *notice) facts(c *ical.Component, zones *ical.Zones, l *Letter) {
	w := n.words
	n.add(w.when, n.times(c, zones))
	if rule := c.Prop("RRULE"); rule != nil && l.Whole() {
		n.add(w.repeats, w.rule(rule.Value))
	}
	n.add(w.where, oneLine(text(c, "LOCATION"), 500))
	if n.kind == kindUpdate {
		n.add(w.whatChanged, strings.Join(w.changes(l.Changed), ", "))
	}
	n.add(w.organizer, people(c, "ORGANIZER")...)
	n.add(w.sentBy, l.SentBy.String())
	if l.Method != scheduling.Reply {
		n.add(w.attendees, people(c, "ATTENDEE")...)
	}
	if p := c.Prop("URL"); p != nil {
		n.add(w.link, oneLine(p.Value, 1000))
	}
	n.add(w.description, paragraph(text(c, "DESCRIPTION"))...)
}

// add adds a row, unless it says nothing.
func (n *notice) add(name string, lines ...string) {
	if len(lines) > 0 && lines[0] != "" {
		n.Rows = append(n.Rows, row{name, lines})
	}
}

func text(c *ical.Component, name string) string {
	if p := c.Prop(name); p != nil {
		return p.Text()
	}
	return ""
}

// partStatOf is the answer of the one attendee of a REPLY.
func partStatOf(c *ical.Component) string {
	if p := c.Prop("ATTENDEE"); p != nil {
		return p.Param("PARTSTAT")
	}
	return ""
}

// people are the names of organizer or attendees who are persons.
func people(c *ical.Component, name string) (list []string) {
	for _, p := range c.AllProps(name) {
		switch strings.ToUpper(p.Param("CUTYPE")) {
		case "ROOM", "RESOURCE", "GROUP":
			continue
		}
		if len(list) == maxAttendees {
			return append(list, "…")
		}
		address := strings.TrimPrefix(strings.TrimPrefix(p.Value, "mailto:"), "MAILTO:")
		who := oneLine(p.Param("CN"), 100)
		if who == "" || strings.EqualFold(who, address) {
			who = oneLine(address, 254)
		} else {
			who += " <" + oneLine(address, 254) + ">"
		}
		list = append(list, who)
	}
	return list
}

// paragraph is the lines of a text, cut where it becomes long.
func paragraph(s string) (lines []string) {
	if runes := []rune(s); len(runes) > maxDescription {
		s = string(runes[:maxDescription]) + "…"
	}
	for l := range strings.SplitSeq(strings.TrimSpace(s), "\n") {
		lines = append(lines, oneLine(l, maxDescription+1))
	}
	return lines
}

// times says from when to when a component is, as clocks show it in its own zone.
func (n *notice) times(c *ical.Component, zones *ical.Zones) string {
	start, ok := moment(c, "DTSTART", zones)
	if !ok {
		if start, ok = moment(c, "DUE", zones); !ok {
			return ""
		}
	}
	end := endOf(c, start, zones)
	w := n.words
	n.start = clock(start)
	from, to := clock(start), clock(end)
	if start.Kind == ical.Date {
		to = to.AddDate(0, 0, -1)
		if !to.After(from) {
			return w.date(w, from) + ", " + w.allDay
		}
		return w.date(w, from) + " – " + w.date(w, to)
	}
	zone := ""
	switch start.Kind {
	case ical.UTC:
		zone = " (UTC)"
	case ical.Zoned:
		zone = " (" + oneLine(start.Zone.Name(), 60) + ")"
	}
	switch {
	case !to.After(from):
		return w.date(w, from) + ", " + from.Format(w.hour) + zone
	case from.Format(time.DateOnly) == to.Format(time.DateOnly):
		return w.date(w, from) + ", " + fmt.Sprintf(w.span, from.Format(w.hour), to.Format(w.hour)) + zone
	}
	return w.date(w, from) + ", " + from.Format(w.hour) + " – " + w.date(w, to) + ", " + to.Format(w.hour) + zone
}

func moment(c *ical.Component, name string, zones *ical.Zones) (ical.DateTime, bool) {
	p := c.Prop(name)
	if p == nil {
		return ical.DateTime{}, false
	}
	t, err := p.DateTime(zones)
	return t, err == nil
}

// endOf is the end of a component that begins at start.
func endOf(c *ical.Component, start ical.DateTime, zones *ical.Zones) ical.DateTime {
	for _, name := range []string{"DTEND", "DUE"} {
		if end, ok := moment(c, name, zones); ok {
			return inZoneOf(end, start)
		}
	}
	end := start
	if p := c.Prop("DURATION"); p != nil {
		if d, err := ical.ParseDuration(p.Value); err == nil {
			end.Wall += d.Exact()
		}
	} else if start.Kind == ical.Date {
		end.Wall += 86400
	}
	return end
}

// inZoneOf is an end on the clock that its start is read on.
func inZoneOf(end, start ical.DateTime) ical.DateTime {
	if start.Kind != ical.UTC && start.Kind != ical.Zoned || end.Kind != ical.UTC && end.Kind != ical.Zoned {
		return end
	}
	end.Wall = start.Wall + end.Unix(nil) - start.Unix(nil)
	return end
}

// clock is what clocks show at a time.
func clock(t ical.DateTime) time.Time { return time.Unix(t.Wall, 0).UTC() }

// changes names what has changed, each once.
func (w *words) changes(properties []string) (list []string) {
	for _, p := range properties {
		if name := w.changed[p]; name != "" && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// weekdays are the days of BYDAY in the order of time.Weekday.
var weekdays = []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

// rule says how often something is; only as far as that is short.
func (w *words) rule(value string) string {
	parts := map[string]string{}
	for p := range strings.SplitSeq(strings.ToUpper(value), ";") {
		name, v, _ := strings.Cut(p, "=")
		parts[name] = v
	}
	out := w.everyOne[parts["FREQ"]]
	if n, err := strconv.Atoi(parts["INTERVAL"]); err == nil && n > 1 && out != "" {
		out = fmt.Sprintf(w.everyMany[parts["FREQ"]], n)
	}
	if out == "" {
		return oneLine(value, 200)
	}
	var days []string
	for d := range strings.SplitSeq(parts["BYDAY"], ",") {
		if i := slices.Index(weekdays, d); i >= 0 {
			days = append(days, w.days[i])
		}
	}
	if len(days) > 0 {
		out += fmt.Sprintf(w.on, strings.Join(days, ", "))
	}
	if n, err := strconv.Atoi(parts["COUNT"]); err == nil {
		out += fmt.Sprintf(w.times, n)
	}
	if len(parts["UNTIL"]) >= 8 {
		if t, err := time.Parse("20060102", parts["UNTIL"][:8]); err == nil {
			out += fmt.Sprintf(w.until, w.date(w, t))
		}
	}
	return out
}

// subject is that of the mail.
func (n *notice) subject() string {
	if n.headline != "" {
		return n.headline
	}
	day := ""
	if !n.start.IsZero() {
		day = n.words.date(n.words, n.start)
	}
	return strings.TrimSuffix(fmt.Sprintf(n.words.subject[n.kind], n.title, day), ", ")
}

// answers are links that write a mail to the organizer.
func (n *notice) answers() []link {
	var list []link
	for _, a := range []struct{ name, kind string }{{n.words.accept, kindAccepted}, {n.words.maybe, kindTentative}, {n.words.decline, kindDeclined}} {
		answer := *n
		answer.kind = a.kind
		to := url.URL{Scheme: "mailto", Opaque: url.PathEscape(n.from.Address), RawQuery: "subject=" + url.PathEscape(answer.subject())}
		list = append(list, link{a.name, template.URL(to.String())}) // made of escaped parts alone
	}
	return list
}

// write writes the text and the HTML.
func (n *notice) write(text, html io.Writer) error {
	return errors.Join(n.writeText(text), page.Execute(html, n))
}

func (n *notice) writeText(w io.Writer) error {
	var b strings.Builder
	b.WriteString(n.Intro + "\r\n\r\n")
	for _, r := range n.Rows {
		fmt.Fprintf(&b, "%s: %s\r\n", r.Name, r.Lines[0])
		for _, l := range r.Lines[1:] {
			b.WriteString("  " + l + "\r\n")
		}
	}
	// A line of its own with these is where a signature begins (RFC 3676 §4.3).
	b.WriteString("\r\n-- \r\n" + n.Footer + "\r\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// page is the HTML: one table, no scripts, nothing that is fetched from elsewhere.
var page = template.Must(template.New("mail").Parse(`<!DOCTYPE html>
<html><head><meta charset="utf-8"></head>
<body style="font-family: sans-serif">
<p>{{.Intro}}</p>
<table>
{{- range .Rows}}
<tr><th align="left" valign="top">{{.Name}}</th><td>{{range $i, $l := .Lines}}{{if $i}}<br>{{end}}{{$l}}{{end}}</td></tr>
{{- end}}
{{- if .Links}}
<tr><th align="left" valign="top">{{.Answer}}</th><td>{{range $i, $l := .Links}}{{if $i}} / {{end}}<a href="{{$l.URL}}">{{$l.Name}}</a>{{end}}</td></tr>
{{- end}}
</table>
<p><small>{{.Footer}}</small></p>
</body></html>
`))
