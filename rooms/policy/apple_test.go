package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"convene/rooms/policy"
)

const augmentsXML = `<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE augments SYSTEM "augments.dtd">
<augments>
<record><uid>Default</uid><enable-calendar>true</enable-calendar></record>
<record><uid>Location-Default</uid><auto-schedule-mode>accept-if-free</auto-schedule-mode></record>
<record><uid>22222222-0000-0000-0000-000000000001</uid><auto-schedule-mode>decline-if-busy</auto-schedule-mode>
  <auto-accept-group>11111111-0000-0000-0000-000000000009</auto-accept-group></record>
<record><uid>22222222-0000-0000-0000-000000000002</uid><auto-schedule>false</auto-schedule><auto-schedule-mode>automatic</auto-schedule-mode></record>
<record><uid>22222222-0000-0000-0000-000000000003</uid><auto-schedule>true</auto-schedule><auto-schedule-mode>default</auto-schedule-mode></record>
<record><uid>22222222-0000-0000-0000-000000000004</uid><auto-schedule-mode>sometimes</auto-schedule-mode><auto-accept-group>leads</auto-accept-group></record>
<record><uid>11111111-0000-0000-0000-000000000001</uid><enable-calendar>false</enable-calendar><enable-login>false</enable-login></record>
<record><uid>11111111-0000-0000-0000-000000000002</uid><enable-calendar>true</enable-calendar></record>
</augments>`

const resourcesXML = `<directory realm="Example">
<record type="location"><uid>room1</uid><short-name>neptune</short-name><full-name>Neptune</full-name><capacity>8</capacity><floor>2</floor><associated-address>hq</associated-address></record>
<record type="resource"><uid>car1</uid><guid>33333333-0000-0000-0000-000000000001</guid><street-address>2 Side Street</street-address><capacity>many</capacity></record>
<record type="location"><uid>room2</uid><associated-address>gone</associated-address></record>
<record type="address"><uid>HQ</uid><full-name>Head Office</full-name><street-address>1 Main Street</street-address><geographic-location>geo:52.52,13.40</geographic-location></record>
<record type="user"><uid>ann</uid><capacity>3</capacity></record>
</directory>`

const olderXML = `<accounts realm="Example">
<location><uid>saturn</uid><guid>22222222-0000-0000-0000-000000000002</guid><auto-schedule/></location>
<resource repeat="5"><uid>projector%02d</uid><auto-schedule/></resource>
<resource><uid>van</uid><disable-calendar/></resource>
</accounts>`

func TestApple(t *testing.T) {
	got := ""
	for _, text := range []string{augmentsXML, resourcesXML, olderXML} {
		all, err := policy.ParseApple(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			got += fmt.Sprintln(m.Identity, m.Values, strings.Join(m.Notes, "; "))
		}
	}
	const want = `Location-Default map[] Location-Default: it is for all that have no record of their own: set rooms.locations.mode = "accept-if-free" in the configuration
22222222-0000-0000-0000-000000000001 map[auto-accept-group:11111111-0000-0000-0000-000000000009 mode:decline-if-busy] 
22222222-0000-0000-0000-000000000002 map[mode:none] 
22222222-0000-0000-0000-000000000004 map[auto-accept-group:guid:leads] auto-schedule-mode: mode: wrong value: "sometimes" is none of automatic, none, accept-always, decline-always, accept-if-free, decline-if-busy
11111111-0000-0000-0000-000000000001 map[] enable-calendar: the directory says it: calendar-enabled; enable-login: the directory says it: login-enabled
room1 map[address:1 Main Street building:Head Office capacity:8 floor:2 geo:52.52;13.40] 
33333333-0000-0000-0000-000000000001 map[address:2 Side Street] capacity: capacity: wrong value: "many" is not a whole number from 0 to 1000000
room2 map[] associated-address: "gone" is not in this file
22222222-0000-0000-0000-000000000002 map[mode:automatic] 
projector%02d map[] repeat: a record that stands for several is not taken
van map[] disable-calendar: the directory says it: calendar-enabled
`
	if got != want {
		t.Errorf("got:\n%s", got)
	}
}

func TestAppleMalformed(t *testing.T) {
	for text, want := range map[string]string{
		"<plist/>":                           `line 1: element "plist" is none of augments, directory and accounts`,
		"<augments>\n<record>":               "line 2: unexpected EOF",
		"<augments>\n<record><uid>&x;</uid>": "line 2: invalid character entity &x;",
		"<augments/>\n<augments/>":           `line 2: element "augments" is none of augments, directory and accounts`,
		"":                                   "line 1: it ends too early",
	} {
		if _, err := policy.ParseApple(strings.NewReader(text)); err == nil || err.Error() != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzApple(f *testing.F) {
	for _, text := range []string{augmentsXML, resourcesXML, olderXML} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := policy.ParseApple(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, m := range all {
			for name, value := range m.Values {
				var p policy.Policy
				if k, err := policy.Find(name); err != nil || k.Set(&p, value) != nil {
					t.Errorf("%s = %q: no setting of a room", name, value)
				}
			}
		}
	})
}
