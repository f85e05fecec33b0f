package calendar

import (
	"convene/directory"
	"convene/internal/ical"
	"convene/store"
)

// modifiedBy says who wrote an event last where no organizer does: in the calendars of
// rooms and resources, as Apple's Calendar Server had it.
const modifiedBy = "X-CALENDARSERVER-MODIFIED-BY"

// withModifier names who writes an object in each of its components, if it is one of a
// room or resource and no meeting. It returns a changed copy, or d itself.
func (tx *Tx) withModifier(home *store.Home, d *Data) (*Data, error) {
	owner := directory.Type(home.OwnerType)
	if owner != directory.Location && owner != directory.Resource || d.Object == nil || tx.by.As == "" || isMeeting(d.Object) {
		return d, nil
	}
	line := ical.NewProperty(modifiedBy, "urn:x-uid:"+tx.by.As)
	if tx.by.Name != "" {
		line.SetParam("CN", tx.by.Name)
	}
	if tx.by.Email != "" {
		line.SetParam("EMAIL", tx.by.Email)
	}
	cal := d.Object.Calendar.Clone()
	for _, c := range cal.Children {
		if c.Name == d.Object.Kind {
			c.Remove(modifiedBy)
			c.Set(line)
		}
	}
	return d.edited(cal, d.Index.Flags)
}

// isMeeting reports whether somebody organizes an object.
func isMeeting(o *ical.Object) bool {
	for _, c := range o.Calendar.Children {
		if c.Prop("ORGANIZER") != nil {
			return true
		}
	}
	return false
}
