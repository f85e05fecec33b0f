package scheduling

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/internal/ical"
)

// reply applies a REPLY to the organizer's object (RFC 5546 §3.2.3).
func (r *receiver) reply() (*Receipt, error) {
	message, stored, err := r.answered()
	if message == nil || err != nil {
		return ignored(), err
	}
	changes, err := r.fold(message, stored, r.takeReply)
	if changes == nil || err != nil {
		return ignored(), err
	}
	return r.answeredCopy(stored, changes)
}

// counter applies a COUNTER (RFC 5546 §3.2.7): the organizer is told of it; of what
// it proposes nothing is taken but that the attendee is not sure.
func (r *receiver) counter() (*Receipt, error) {
	message, stored, err := r.answered()
	if message == nil || err != nil {
		return ignored(), err
	}
	changes, err := r.fold(message, stored, r.takeCounter)
	if changes == nil || err != nil {
		return ignored(), err
	}
	return r.answeredCopy(stored, changes)
}

// declineCounter applies a DECLINECOUNTER (RFC 5546 §3.2.8): the attendee is told.
func (r *receiver) declineCounter() (*Receipt, error) {
	if receipt := r.notFor(); receipt != nil || r.stored == nil || r.plain() {
		return ignored(), nil
	}
	return &Receipt{Same: true, Inbox: r.people(), Action: Updated, Status: statusDelivered}, nil
}

// refreshRequest answers a REFRESH (RFC 5546 §3.2.6): with all that the attendee who
// asks may see.
func (r *receiver) refreshRequest() (*Receipt, error) {
	message, _, err := r.answered()
	if message == nil || err != nil {
		return ignored(), err
	}
	at, err := time.Parse("20060102T150405Z", value(firstOf(r.m.Data), "DTSTAMP"))
	if err != nil {
		return ignored(), nil
	}
	m, err := organizersMeeting(r.stored, r.to, at, r.o, nil)
	if err != nil {
		return nil, err
	}
	data, err := m.viewOf(r.m.From.Address)
	if data == nil || err != nil {
		return ignored(), err
	}
	receipt := ignored()
	receipt.Answer = &Message{Method: Request, From: r.to, To: []*Party{r.m.From}, Data: data}
	return receipt, nil
}

// answered returns the message of an attendee and the organizer's object as
// drafts; nil if it is about nothing that is there, or not from one attendee.
func (r *receiver) answered() (message, stored *ical.Draft, err error) {
	if r.stored == nil || r.plain() || !sameAddress(organizerOf(r.stored), r.me) || r.m.From == nil {
		return nil, nil, nil
	}
	from := r.m.From.Address
	others := func(c *ical.Component) bool {
		lines := c.AllProps("ATTENDEE")
		if r.m.Method == Counter { // which may propose that others come (RFC 5546 §3.2.7)
			return attendeeLine(c, from) == nil
		}
		return len(lines) != 1 || !sameAddress(lines[0], from)
	}
	if anyComponent(r.m.Data, others) {
		return nil, nil, nil
	}
	if message, stored, err = r.drafts(); err != nil {
		return nil, nil, err
	}
	invited := func(rid ical.DateTime) bool { return attendeeLine(stored.At(rid), from) != nil }
	if !slices.ContainsFunc(stored.RIDs(), invited) {
		return nil, nil, nil
	}
	return message, stored, nil
}

// A take applies a component of an answer to the organizer's. It returns what
// changed, as Changes does for one instance, and whether anything the organizer's
// object has is different.
type take func(to, from *ical.Component) (changes map[string][]string, different bool)

// fold applies an answer to the organizer's object: the master first, then what is
// of single instances. Overrides that the answer has no component for are answered
// by its master.
func (r *receiver) fold(message, stored *ical.Draft, take take) (Changes, error) {
	author := r.m.From.Address
	changes := Changes{}
	for _, rid := range stored.RIDs() {
		from, err := message.Effective(rid)
		if err != nil {
			return nil, err
		}
		if from != nil && attendeeLine(stored.At(rid), author) != nil {
			changes[rid], _ = take(stored.Edit(rid), from)
		}
	}
	for _, rid := range message.RIDs() {
		if rid.IsZero() || stored.At(rid) != nil {
			continue
		}
		to, err := stored.Derive(rid)
		if err != nil {
			return nil, err
		}
		if to == nil || attendeeLine(to, author) == nil {
			continue
		}
		changed, different := take(to, message.At(rid))
		changes[rid] = changed
		if different {
			stored.Put(rid, to)
		}
	}
	if len(changes) == 0 {
		return nil, nil
	}
	return changes, nil
}

// answeredCopy returns the receipt for the organizer's object with an answer in it.
func (r *receiver) answeredCopy(stored *ical.Draft, changes Changes) (*Receipt, error) {
	store, err := stored.Object()
	if err != nil {
		return nil, err
	}
	receipt := &Receipt{Store: store, Tag: TagKeep, Inbox: true, Action: Replied, Changes: changes, Status: statusDelivered}
	if store.Calendar.Equal(r.stored.Calendar) {
		receipt.Store, receipt.Same = nil, true
	}
	return receipt, nil
}

// takeReply is the take of a REPLY.
func (r *receiver) takeReply(to, from *ical.Component) (map[string][]string, bool) {
	line, answer := attendeeLine(to, r.m.From.Address), from.Prop("ATTENDEE")
	changes := map[string][]string{}
	var params []string
	if was, is := partStat(line), partStat(answer); was != is && sequenceOf(from) >= resetSequence(line) {
		setPartStat(line, is)
		params = append(params, "PARTSTAT")
	} else if was == is && !line.Has("PARTSTAT") {
		line.SetParam("PARTSTAT", is) // they have said that they do not know yet
	}
	for _, name := range r.o.ToOrganizerParams {
		if line.Param(name) != answer.Param(name) {
			copyParam(line, answer, name)
			params = append(params, name)
		}
	}
	if len(params) > 0 {
		slices.Sort(params)
		changes["ATTENDEE"] = params
	}
	if codes := requestStatus(from); line.Param("SCHEDULE-STATUS") != codes {
		line.SetParam("SCHEDULE-STATUS", codes)
	}
	if r.takeComment(to, from) { // from here on, line is of another slice than to
		changes[privateComment] = nil
	}
	for _, name := range r.o.ToOrganizer {
		if !slices.EqualFunc(to.AllProps(name), from.AllProps(name), (*ical.Property).Equal) {
			copyProps(to, from, name)
			changes[name] = nil
		}
	}
	return changes, len(changes) > 0
}

// takeCounter is the take of a COUNTER.
func (r *receiver) takeCounter(to, from *ical.Component) (map[string][]string, bool) {
	line, answer := attendeeLine(to, r.m.From.Address), attendeeLine(from, r.m.From.Address)
	if partStat(answer) != "TENTATIVE" || partStat(line) == "TENTATIVE" || sequenceOf(from) < resetSequence(line) {
		return map[string][]string{}, false
	}
	setPartStat(line, "TENTATIVE")
	return map[string][]string{"ATTENDEE": {"PARTSTAT"}}, true
}

// resetSequence returns from which SEQUENCE on an answer counts: before it, the
// instance had another time.
func resetSequence(line *ical.Property) int64 {
	n, err := strconv.ParseInt(line.Param(resetParam), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// requestStatus returns the codes of the REQUEST-STATUSes of an answer, as
// SCHEDULE-STATUS has them (RFC 6638 §3.2.9).
func requestStatus(c *ical.Component) string {
	var codes []string
	for _, p := range c.AllProps("REQUEST-STATUS") {
		code, _, _ := strings.Cut(strings.TrimSpace(p.Value), ";")
		codes = append(codes, code)
	}
	if len(codes) == 0 {
		return statusAnswered
	}
	return strings.Join(codes, ",")
}

// takeComment keeps an attendee's private comment with the organizer, beside those
// of others. It reports whether it is another than before.
func (r *receiver) takeComment(to, from *ical.Component) bool {
	author := r.m.From.Address
	comment := from.Prop(privateComment)
	for i := range to.Props {
		p := &to.Props[i]
		if p.Name != commentProperty || p.Param(attendeeRef) != author {
			continue
		}
		switch {
		case comment == nil:
			to.Props = slices.Delete(to.Props, i, i+1)
			return true
		case p.Value == comment.Value:
			return false
		}
		p.Value = comment.Value
		p.SetParam(stampParam, value(from, "DTSTAMP"))
		return true
	}
	if comment == nil {
		return false
	}
	to.Add(ical.NewProperty(commentProperty, comment.Value,
		ical.NewParam(attendeeRef, author), ical.NewParam(stampParam, value(from, "DTSTAMP"))))
	return true
}

// firstOf returns the first component of an object.
func firstOf(o *ical.Object) *ical.Component {
	for c := range components(o) {
		return c
	}
	return nil
}
