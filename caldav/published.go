package caldav

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"convene/acl"
	"convene/auth"
	"convene/calendar"
	"convene/directory"
	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/store"
)

// A Publication is calendars of one owner, as they show them to the world.
type Publication struct {
	Calendars []uint32 // by the numbers of their collections; those that are gone are left out
	BusyOnly  bool     // when the owner is busy, and nothing else
	Title     string   // of the whole
	Busy      string   // what an event is called of which no more is shown than when it is
}

// An OwnCalendar is a calendar in somebody's own home.
type OwnCalendar struct {
	ID   uint32 // of the collection: it stays when the calendar is renamed
	Name string // for display
}

// A PublishedEvent is an instance of an event of a Publication.
type PublishedEvent struct {
	Title, Place string
	Start, End   int64 // Unix seconds
	AllDay       bool
	FirstDay     int // of an all-day event, in days since 1 January 1970
	LastDay      int // the last that it covers
}

// OwnCalendars lists the calendars of events in somebody's own home, by name. Errors:
// those of the directory and the store.
func (h *Handler) OwnCalendars(ctx context.Context, owner *auth.Caller) (out []OwnCalendar, err error) {
	err = h.asOwner(ctx, owner, func(s *scope, cols []*resource) error {
		out = nil
		for _, in := range cols {
			name, err := s.storedText(in, webdav.DAV("displayname"))
			if err != nil {
				return err
			}
			out = append(out, OwnCalendar{uint32(in.col.ID), cmp.Or(strings.TrimSpace(name), in.col.Name)})
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b OwnCalendar) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// Publish writes a publication of owner as one iCalendar object. Of an event that is private
// by its CLASS (RFC 5545 §3.8.1.3) it tells the times at most, whatever Limits.Class is, and
// of one with X-CALENDARSERVER-ACCESS what anybody with whom the calendar is shared sees. Of
// none it tells who is invited, or what the owner is reminded of. Errors: those of the store.
func (h *Handler) Publish(ctx context.Context, owner *auth.Caller, p *Publication) (body []byte, err error) {
	err = h.publish(ctx, owner, p, func(s *scope, cols []*resource) (err error) {
		body, err = s.published(cols, p)
		return err
	})
	return body, err
}

// PublishedEvents returns the events of a publication between two moments, in Unix
// seconds, by their start. zone is that in which floating times are read. Errors: those of
// the store; ical.ErrBudget.
func (h *Handler) PublishedEvents(ctx context.Context, owner *auth.Caller, p *Publication, from, to int64, zone *time.Location) (out []PublishedEvent, err error) {
	floating, err := ical.LoadZone(zone.String())
	if err != nil {
		floating = ical.UTCZone()
	}
	err = h.publish(ctx, owner, p, func(s *scope, cols []*resource) error {
		out = nil
		for _, in := range cols {
			snap, err := s.tx.Snapshot(in.col)
			if err != nil {
				return err
			}
			matches, err := snap.Overlapping(s.tx.Tx, store.VEVENT, from, to, floating, s.budget())
			if err != nil {
				return err
			}
			for i := range matches {
				if out, err = s.publishedInstances(out, in, matches[i].Entry, p, from, to, floating); err != nil {
					return err
				}
			}
		}
		return nil
	})
	slices.SortFunc(out, func(a, b PublishedEvent) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End), strings.Compare(a.Title, b.Title))
	})
	return out, err
}

// ErrNotNow says that something is not possible at the moment, as for lack of memory.
var ErrNotNow = errors.New("not possible at the moment")

// asOwner runs fn with the calendars of events in somebody's own home. Errors: ErrNotNow.
func (h *Handler) asOwner(ctx context.Context, owner *auth.Caller, fn func(*scope, []*resource) error) error {
	err := h.inOwnHome(ctx, owner, fn)
	if err != nil && davError(err).Code() == http.StatusServiceUnavailable && !errors.Is(err, directory.ErrUnavailable) {
		return fmt.Errorf("%w: %w", ErrNotNow, err)
	}
	return err
}

func (h *Handler) inOwnHome(ctx context.Context, owner *auth.Caller, fn func(*scope, []*resource) error) error {
	return h.asCaller(ctx, owner, http.MethodGet, "/", func(*request) (action, error) {
		return func(s *scope) (*webdav.Response, error) {
			home, err := s.tx.Home(owner.Principal.GUID)
			if errors.Is(err, calendar.ErrNoHome) {
				return nil, &lack{home: owner.Principal}
			}
			if err != nil {
				return nil, err
			}
			at := &resource{kind: kindHome, dir: homePath(owner.Principal.GUID), owner: owner.Principal, home: home}
			var cols []*resource
			for in, err := range s.readableIn(at, acl.Read) {
				if err != nil {
					return nil, err
				}
				if in.kind == kindCalendar && calendar.Components(in.col)&store.VEVENT != 0 {
					cols = append(cols, in)
				}
			}
			return nil, fn(s, cols)
		}, nil
	})
}

// publish runs fn with the calendars of a publication, as the world sees what is in them.
func (h *Handler) publish(ctx context.Context, owner *auth.Caller, p *Publication, fn func(*scope, []*resource) error) error {
	return h.asOwner(ctx, owner, func(s *scope, all []*resource) error {
		s.tx.ShowTo(&world{h, p.BusyOnly})
		var cols []*resource
		for _, id := range p.Calendars {
			for _, in := range all {
				if uint32(in.col.ID) == id && !slices.Contains(cols, in) {
					cols = append(cols, in)
				}
			}
		}
		return fn(s, cols)
	})
}

// world shows objects as whoever has a published link sees them.
type world struct {
	h        *Handler
	busyOnly bool
}

// View implements calendar.Viewer.
func (v *world) View(_ *store.Collection, e *store.Entry) calendar.View {
	access, _ := v.h.restriction(e)
	view := restrictions[access].view
	if v.busyOnly || e.Flags&store.FlagPrivate != 0 {
		view = max(view, calendar.Times)
	}
	return view
}

// Title implements calendar.Viewer: no view of theirs is Titled.
func (v *world) Title(*store.Collection, *ical.Object) string { return "" }

// ShowsAll implements calendar.Viewer.
func (v *world) ShowsAll(*store.Collection) bool { return false }

// published puts the components of all objects of some calendars into one VCALENDAR.
func (s *scope) published(cols []*resource, p *Publication) ([]byte, error) {
	head := ical.NewComponent("VCALENDAR")
	head.SetValue("VERSION", "2.0")
	head.SetValue("PRODID", productID)
	head.Set(ical.TextProperty("X-WR-CALNAME", p.Title))
	head.Set(ical.TextProperty("NAME", p.Title)) // RFC 7986 §5.1
	zones := asText.write(head, nil)
	zones = zones[:len(zones)-len(asText.end)]
	var rest []byte
	known := map[string]bool{}
	for _, in := range cols {
		snap, err := s.tx.Snapshot(in.col)
		if err != nil {
			return nil, err
		}
		member := *in
		for e := range snap.All() {
			view := s.tx.View(in.col, e)
			if view == calendar.Nothing || !s.member(&member, e) {
				continue
			}
			if err := s.fits(len(zones) + len(rest)); err != nil {
				return nil, err
			}
			o, err := s.tx.Parsed(in.col, e)
			if err != nil {
				return nil, err
			}
			for _, c := range o.Calendar.Children {
				switch {
				case c.Name != "VTIMEZONE":
					if c = p.shown(c, view); c != nil {
						rest = asText.write(c, rest)
					}
				case c.Prop("TZID") != nil && !known[c.Prop("TZID").Value]:
					known[c.Prop("TZID").Value] = true
					zones = asText.write(c, zones)
				}
			}
		}
	}
	return append(append(zones, rest...), asText.end...), nil
}

// publishedProperties are what the world is told of an event whose owner publishes all of
// it, and publishedParams with which parameters: nothing of other people, and nothing by
// which somebody could join.
var (
	publishedProperties = []string{
		"UID", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "DUE", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "SEQUENCE", "STATUS", "TRANSP",
		"SUMMARY", "LOCATION", "DESCRIPTION", "CATEGORIES", "GEO", "URL", "PRIORITY", "COLOR", "CREATED", "LAST-MODIFIED", "COMPLETED", "PERCENT-COMPLETE",
	}
	publishedParams = []string{"TZID", "VALUE", "RANGE", "LANGUAGE"}
)

// shown is what the world sees of a component of which it gets a view; nil: nothing.
func (p *Publication) shown(c *ical.Component, view calendar.View) *ical.Component {
	event := c.Name == "VEVENT"
	if !event && (view != calendar.Whole || c.Name != "VTODO" && c.Name != "VJOURNAL") || p.BusyOnly && isFree(c) {
		return nil
	}
	out := ical.NewComponent(c.Name)
	for i := range c.Props {
		if !slices.Contains(publishedProperties, c.Props[i].Name) {
			continue
		}
		prop := ical.NewProperty(c.Props[i].Name, c.Props[i].Value)
		for _, param := range c.Props[i].Params {
			if slices.Contains(publishedParams, param.Name) {
				prop.Params = append(prop.Params, param)
			}
		}
		out.Props = append(out.Props, prop)
	}
	if view > calendar.Summary {
		out.Set(ical.TextProperty("SUMMARY", p.Busy))
	}
	return out
}

// isFree reports whether an event takes nobody's time. An override that is free of a
// series that is not has to be told all the same: it replaces an instance.
func isFree(c *ical.Component) bool {
	is := func(name, value string) bool {
		prop := c.Prop(name)
		return prop != nil && strings.EqualFold(strings.TrimSpace(prop.Value), value)
	}
	return c.Prop("RECURRENCE-ID") == nil && (is("TRANSP", "TRANSPARENT") || is("STATUS", "CANCELLED"))
}

// publishedInstances adds the instances of an event.
func (s *scope) publishedInstances(dst []PublishedEvent, in *resource, e *store.Entry, p *Publication, from, to int64, zone *ical.Zone) ([]PublishedEvent, error) {
	view, member := s.tx.View(in.col, e), *in
	if view == calendar.Nothing || !s.member(&member, e) {
		return dst, nil
	}
	o, err := s.tx.Parsed(in.col, e)
	if err != nil {
		return dst, err
	}
	series, err := o.Series()
	if err != nil {
		return dst, err
	}
	for inst, err := range series.Instances(from, to, zone, s.budget()) {
		if err != nil {
			return dst, err
		}
		if p.BusyOnly && inst.Busy == ical.Free {
			continue
		}
		ev := PublishedEvent{Title: p.Busy, Start: inst.StartUnix, End: inst.EndUnix}
		if view <= calendar.Summary && inst.Component != nil {
			ev.Title, ev.Place = textOf(inst.Component, "SUMMARY"), textOf(inst.Component, "LOCATION")
		}
		if ev.AllDay = inst.Start.Kind == ical.Date; ev.AllDay {
			ev.FirstDay = int(inst.Start.Wall / 86400)
			ev.LastDay = max(ev.FirstDay, int(inst.End.Wall/86400)-1)
		}
		dst = append(dst, ev)
	}
	return dst, s.fits(len(dst) * eventSize / 4)
}

func textOf(c *ical.Component, name string) string {
	if p := c.Prop(name); p != nil {
		return strings.TrimSpace(p.Text())
	}
	return ""
}
