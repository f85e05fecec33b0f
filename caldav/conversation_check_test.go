package caldav_test

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"convene/directory"
	"convene/store"
)

// places is all that lies in calendars and inboxes, as it is stored, by its path.
func (k *talk) places() map[string]string {
	all := map[string]string{}
	err := k.store.View(context.Background(), func(tx *store.Tx) error {
		clear(all)
		for n := range theGroup {
			home, err := tx.Home(k.staff.records[n].GUID)
			if err != nil {
				continue // not made yet
			}
			cols, err := tx.Collections(home.ID)
			if err != nil {
				return err
			}
			for _, col := range cols {
				for entry := range tx.Entries(col.ID) {
					body, _, err := tx.Body(col.ID, entry.Name)
					if err != nil {
						return err
					}
					all[k.home(n)+col.Name+"/"+entry.Name] = string(body)
				}
			}
		}
		return nil
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return all
}

// check looks whether all homes agree.
func (k *talk) check() {
	found, err := k.h.Calendars.CheckMeetings(context.Background(), false)
	if err != nil {
		k.t.Errorf("%v", err)
	}
	for _, p := range found {
		n := slices.IndexFunc(k.staff.records, func(r directory.Record) bool { return r.GUID == p.Owner })
		k.t.Errorf("%s of %s %s: %s\n%s", p.UID, k.name(n), p.Instance, p.Detail, k.all(p.UID))
	}
	k.checkRooms()
	k.checkInvited()
	k.checkStored()
}

// all is what all have of a meeting.
func (k *talk) all(uid string) string {
	var b strings.Builder
	places := k.places()
	for _, path := range sortedKeys(places) {
		if body := unfolded(places[path]); !strings.Contains(path, "/inbox/") && strings.Contains(body, "UID:"+uid+"\r\n") {
			for n := range theGroup {
				body = strings.ReplaceAll(body, k.staff.records[n].GUID, k.name(n))
				path = strings.ReplaceAll(path, k.staff.records[n].GUID, k.name(n))
			}
			b.WriteString(path + "\n" + body)
		}
	}
	return b.String()
}

// checkInvited looks for meetings with whom nobody ever invited.
func (k *talk) checkInvited() {
	for _, m := range k.meetings {
		for n := range theGroup {
			if path := k.place(n, m.uid); path != "" && !m.invited[k.staff.records[n].GUID] {
				k.t.Errorf("%s has %s, and nobody invited them\n%s", k.name(n), m.uid, k.all(m.uid))
			}
		}
	}
}

// checkStored looks at what may not be in what is stored.
func (k *talk) checkStored() {
	for path, body := range k.places() {
		if strings.Contains(path, "/inbox/") {
			continue
		}
		body = unfolded(body)
		if strings.Contains(body, "METHOD:") || strings.Contains(body, "SCHEDULE-FORCE-SEND") {
			k.t.Errorf("%s has an order of a client: %s", path, body)
		}
		for n := range firstRoom {
			own := "X-CALENDARSERVER-PRIVATE-COMMENT:of " + k.name(n)
			if strings.Contains(body, own) && !strings.HasPrefix(path, k.home(n)) {
				k.t.Errorf("%s has what is %s's own: %s", path, k.name(n), body)
			}
		}
	}
}

// answers is what attendees have said, by GUID and instance, as their copies have it.
func (k *talk) answers(m *agreed) map[string]string {
	said := map[string]string{}
	for n := range firstRoom {
		path := k.place(n, m.uid)
		if path == "" || n == m.organizer {
			continue
		}
		d := k.parse(k.ask(n, "GET", path, "").Body)
		for _, rid := range d.RIDs() {
			for _, p := range d.At(rid).AllProps("ATTENDEE") {
				if k.staff.whose(p.Value) == n {
					said[k.name(n)+" "+rid.String()] = cmp.Or(p.Param("PARTSTAT"), "NEEDS-ACTION")
				}
			}
		}
	}
	return said
}

// keptAnswers looks whether all answers are still there after a change that asks
// nobody anew.
func (k *talk) keptAnswers(m *agreed, said map[string]string) {
	is := k.answers(m)
	for _, who := range sortedKeys(said) {
		if now, ok := is[who]; ok && now != said[who] {
			k.t.Errorf("%s said %s to %s, and now says %s, since its summary has changed\n%s", who, said[who], m.uid, now, k.all(m.uid))
		}
	}
}

// checkStore looks whether all that is counted and indexed is as the objects say.
func (k *talk) checkStore() {
	problems, err := k.store.Verify(context.Background())
	if err != nil {
		k.t.Errorf("verify: %v", err)
	}
	for _, p := range problems {
		k.t.Errorf("store: %v", p)
	}
}
