package calendar

import (
	"convene/internal/ical"
	"convene/scheduling"
	"convene/snapshot"
	"convene/store"
)

// ReaderForm is how readers get what is stored: with the addresses that clients know, and
// without the instances that its owner has removed and the server keeps. It is
// snapshot.Options.Form.
func ReaderForm(o *scheduling.Options) snapshot.Form {
	return snapshot.Form{
		Flags: store.FlagHosted | store.FlagHidden,
		Of: func(stored *ical.Object) (*ical.Object, error) {
			shown, err := scheduling.Shown(stored)
			if err != nil {
				return nil, err
			}
			cal := scheduling.Wire(shown.Calendar, o.Addresses)
			if cal == shown.Calendar {
				return shown, nil
			}
			return ical.NewMessage(cal) // an inbox has messages
		},
	}
}

// shown is the body of an object as readers get it.
func (c *Calendars) shown(d *Data) ([]byte, error) {
	form := ReaderForm(c.Scheduling)
	if d.Index.Flags&form.Flags == 0 {
		return d.Body, nil
	}
	o, err := form.Of(d.Object)
	if err != nil {
		return nil, err
	}
	return o.Calendar.Append(nil), nil
}
