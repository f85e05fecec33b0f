package scheduling

import (
	"errors"
	"strings"
	"testing"

	"convene/internal/ical"
)

func TestNormalize(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{" MAILTO:A@Example.COM ", "mailto:a@example.com"},
		{"mailto:a%40example.com", "mailto:a@example.com"},
		{"URN:UUID:8B0C2A9E-0000-4000-8000-000000000001", "urn:uuid:8b0c2a9e-0000-4000-8000-000000000001"},
		{"urn:X-UID:Employee7", "urn:x-uid:Employee7"},
		{"/principals/users/a/", "/principals/users/a"},
		{"/principals/users/j%C3%B6rg", "/principals/users/jörg"},
		{"HTTPS://cal.example.com/principals/users/a/", "https://cal.example.com/principals/users/a"},
		{"invalid", "invalid"},
		{"/principals/users/a:b/", "/principals/users/a:b"},
	} {
		if got := Normalize(tt.in); got != tt.want {
			t.Errorf("Normalize(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// canonical writes the lines of ATTENDEEs and ORGANIZERs as they are stored.
func canonicalLines(t *testing.T, stored, put string, owner *Party, o *Options, parties Parties) string {
	t.Helper()
	var old *ical.Object
	if stored != "" {
		old = parse(t, event(at9, stored))
	}
	got, err := Canonical(parse(t, event(at9, put)), old, owner, o, mapWorld{parties})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.TrimSuffix(strings.SplitAfter(text(got), "SUMMARY:S\n")[1], "\nEND:VEVENT\n")
	if again, err := Canonical(got, old, owner, o, mapWorld{parties}); err != nil || again != got {
		t.Errorf("what is canonical is changed again: %v\n%s", err, text(again))
	}
	return lines
}

// Addresses of this server's users are stored in one form, with what the directory
// says of them.
func TestCanonical(t *testing.T) {
	for _, tt := range []struct{ name, put, want string }{
		{"a mail address", "ATTENDEE:MAILTO:A@example.com", "ATTENDEE;CN=A;EMAIL=A@example.com:urn:x-uid:a"},
		{"another of theirs", "ATTENDEE:mailto:alias@example.com", "ATTENDEE;CN=A;EMAIL=alias@example.com:urn:x-uid:a"},
		{"a name of the client's", `ATTENDEE;CN="The A";ROLE=CHAIR:mailto:a@example.com`, "ATTENDEE;CN=A;ROLE=CHAIR;EMAIL=a@example.com:urn:x-uid:a"},
		{"a path", "ATTENDEE:/principals/__uids__/a", "ATTENDEE;CN=A;EMAIL=a@example.com:urn:x-uid:a"},
		{"an address that is said beside", "ATTENDEE;EMAIL=alias@example.com:urn:uuid:a", "ATTENDEE;EMAIL=alias@example.com;CN=A;X-CONVENE-EMAIL-WRITTEN=TRUE:urn:x-uid:a"},
		{"the same one twice", "ATTENDEE;EMAIL=a@example.com:mailto:a@example.com", "ATTENDEE;EMAIL=a@example.com;CN=A;X-CONVENE-EMAIL-WRITTEN=TRUE:urn:x-uid:a"},
		{"as it is stored, from another object", "ATTENDEE;EMAIL=a@example.com;CN=A:urn:x-uid:a", "ATTENDEE;EMAIL=a@example.com;CN=A:urn:x-uid:a"},
		{"one that is not theirs", "ATTENDEE;EMAIL=b@example.com:urn:uuid:a", "ATTENDEE;EMAIL=a@example.com;CN=A:urn:x-uid:a"},
		{"a person is no room", "ATTENDEE;CUTYPE=ROOM:mailto:a@example.com", "ATTENDEE;CN=A;EMAIL=a@example.com:urn:x-uid:a"},
		{"a room is one", "ATTENDEE;CUTYPE=INDIVIDUAL:mailto:r@example.com", "ATTENDEE;CUTYPE=ROOM;CN=R;EMAIL=r@example.com:urn:x-uid:r"},
		{"a group", "ATTENDEE:mailto:g@example.com", "ATTENDEE;CN=G;EMAIL=g@example.com;CUTYPE=X-SERVER-GROUP:urn:x-uid:g"},
		{"the organizer", "ORGANIZER:mailto:o@example.com", "ORGANIZER;CN=O;EMAIL=o@example.com:urn:x-uid:o"},
		{"others stay as they are", `ATTENDEE;cn="X";Foo=1:MailTo:X@elsewhere.org`, `ATTENDEE;cn="X";Foo=1:MailTo:X@elsewhere.org`},
		{"who ought to be known", "ATTENDEE:mailto:nobody@example.com", "ATTENDEE:mailto:nobody@example.com"},
		{"two of one", "ATTENDEE;ROLE=CHAIR:mailto:a@example.com\nX-A:1\nATTENDEE:urn:x-uid:a\nATTENDEE:mailto:b@example.com",
			"ATTENDEE;ROLE=CHAIR;CN=A;EMAIL=a@example.com:urn:x-uid:a\nX-A:1\nATTENDEE;CN=B;EMAIL=b@example.com:urn:x-uid:b"},
		{"two of one, of which the second has answered", "ATTENDEE:mailto:b@example.com\nATTENDEE:mailto:a@example.com\nATTENDEE;PARTSTAT=ACCEPTED:mailto:alias@example.com",
			"ATTENDEE;CN=B;EMAIL=b@example.com:urn:x-uid:b\nATTENDEE;CN=A;EMAIL=a@example.com;PARTSTAT=ACCEPTED:urn:x-uid:a"},
		{"two of one that answered both", "ATTENDEE;PARTSTAT=DECLINED:mailto:a@example.com\nATTENDEE;PARTSTAT=ACCEPTED:mailto:alias@example.com",
			"ATTENDEE;PARTSTAT=DECLINED;CN=A;EMAIL=a@example.com:urn:x-uid:a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parties := company()
			if got := canonicalLines(t, "", tt.put, parties["urn:x-uid:o"], nil, parties); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// An address that the client got from the stored object means who it was there.
func TestCanonicalOfStored(t *testing.T) {
	a, b := "ATTENDEE;CN=A;PARTSTAT=ACCEPTED;EMAIL=old@example.com:urn:x-uid:a", "ATTENDEE;CN=B;EMAIL=b@example.com:urn:x-uid:b"
	own := "ORGANIZER;CN=O;EMAIL=o@example.com:urn:x-uid:o"
	invited := "ATTENDEE;CN=O;EMAIL=o@example.com:urn:x-uid:o"
	written := "ATTENDEE;CN=A;EMAIL=old@example.com;X-CONVENE-EMAIL-WRITTEN=TRUE:urn:x-uid:a"
	unwritten := strings.Replace(written, ";X-CONVENE-EMAIL-WRITTEN=TRUE", "", 1)
	parties := company()
	owner := *parties["urn:x-uid:o"]
	owner.Former = []string{"before@example.com"}
	parties["mailto:old@example.com"] = parties["urn:x-uid:b"]    // A's address was given to B
	parties["mailto:before@example.com"] = parties["urn:x-uid:c"] // and one of O's to C
	for _, tt := range []struct {
		name, stored, put, want string
		form                    AddressForm
	}{
		{"as it was read", a, "ATTENDEE;CN=A;PARTSTAT=ACCEPTED:mailto:old@example.com", a, MailAddresses},
		{"answered", a, "ATTENDEE;CN=A;PARTSTAT=DECLINED:mailto:old@example.com", strings.Replace(a, "ACCEPTED", "DECLINED", 1), MailAddresses},
		{"renamed", a, "ATTENDEE;CN=Z;PARTSTAT=ACCEPTED:MAILTO:Old@example.com", a, MailAddresses},
		{"in the form that is stored", a, a, a, MailAddresses},
		{"one more, who has the address now", a, "ATTENDEE;CN=A;PARTSTAT=ACCEPTED:mailto:old@example.com\nATTENDEE:mailto:old@example.com",
			a + "\nATTENDEE;CN=B;EMAIL=b@example.com:urn:x-uid:b", MailAddresses},
		{"two with one address", a + "\nATTENDEE;CN=B;EMAIL=old@example.com:urn:x-uid:b", "ATTENDEE;CN=B:mailto:old@example.com\nATTENDEE;CN=A:mailto:old@example.com",
			"ATTENDEE;CN=B;EMAIL=old@example.com:urn:x-uid:b\nATTENDEE;CN=A;EMAIL=old@example.com:urn:x-uid:a", MailAddresses},
		{"the owner's present address", own, "ORGANIZER;CN=O:mailto:o@example.com", own, MailAddresses},
		{"the owner's former one, which is somebody else's", own, "ORGANIZER;CN=O:mailto:before@example.com", own, MailAddresses},
		{"the same, by one who is invited", invited, "ATTENDEE;CN=O;PARTSTAT=ACCEPTED:mailto:before@example.com",
			strings.Replace(invited, ";EMAIL", ";PARTSTAT=ACCEPTED;EMAIL", 1), MailAddresses},
		{"the same, beside the present one", invited, "ATTENDEE:mailto:before@example.com\nATTENDEE;CN=O:mailto:o@example.com",
			"ATTENDEE;CN=C;EMAIL=c@example.com:urn:x-uid:c\n" + invited, MailAddresses},
		{"an EMAIL that the client wrote", written, "ATTENDEE;CN=A;EMAIL=old@example.com:mailto:old@example.com", written, MailAddresses},
		{"and has answered", written, "ATTENDEE;CN=A;EMAIL=old@example.com;PARTSTAT=ACCEPTED:mailto:old@example.com",
			strings.Replace(written, ";X-", ";PARTSTAT=ACCEPTED;X-", 1), MailAddresses},
		{"and has taken out", written, "ATTENDEE;CN=A:mailto:old@example.com", unwritten, MailAddresses},
		{"and now writes", unwritten, "ATTENDEE;CN=A;EMAIL=old@example.com:mailto:old@example.com", written, MailAddresses},
		{"that cannot be told in the form that is stored", written, unwritten, written, CanonicalAddresses},
		{"mail addresses are not what clients read", a + "\n" + b, "ATTENDEE:mailto:old@example.com", b, CanonicalAddresses},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := DefaultOptions()
			o.Addresses = tt.form
			if got := canonicalLines(t, tt.stored, tt.put, &owner, o, parties); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// The directory is asked once, about all that is not known.
func TestCanonicalNeeds(t *testing.T) {
	o := parse(t, event(at9, "ORGANIZER:mailto:p@example.com", "ATTENDEE:mailto:q@example.com", "ATTENDEE:mailto:a@example.com"))
	_, err := Canonical(o, nil, nil, nil, mapWorld{company()})
	need, ok := errors.AsType[*NeedError](err)
	if !ok || strings.Join(need.Addresses, " ") != "mailto:p@example.com mailto:q@example.com" {
		t.Errorf("error %v", err)
	}
}

// Clients see mail addresses, and an EMAIL if they have written one.
func TestWire(t *testing.T) {
	for _, tt := range []struct{ stored, want string }{
		{"ATTENDEE;CN=A;EMAIL=alias@example.com;PARTSTAT=ACCEPTED:urn:x-uid:a", "ATTENDEE;CN=A;PARTSTAT=ACCEPTED:mailto:alias@example.com"},
		{"ORGANIZER;CN=O;EMAIL=o@example.com;X-CONVENE-EMAIL-WRITTEN=TRUE:urn:x-uid:o", "ORGANIZER;CN=O;EMAIL=o@example.com:mailto:o@example.com"},
		{"ATTENDEE;CN=A:urn:x-uid:a", "ATTENDEE;CN=A:urn:x-uid:a"},
		{`ATTENDEE;cn="X";EMAIL=y@z:mailto:X@elsewhere.org`, `ATTENDEE;cn="X";EMAIL=y@z:mailto:X@elsewhere.org`},
	} {
		o := parse(t, event(at9, tt.stored))
		was := string(o.Calendar.Append(nil))
		got := Wire(o.Calendar, MailAddresses)
		if want := strings.Replace(was, tt.stored, tt.want, 1); string(got.Append(nil)) != want {
			t.Errorf("got  %s\nwant %s", got.Append(nil), want)
		}
		if (got == o.Calendar) != (tt.stored == tt.want) {
			t.Errorf("%s: a copy where none is needed, or none where it is", tt.stored)
		}
		stored := string(Wire(o.Calendar, CanonicalAddresses).Append(nil))
		if want := strings.Replace(was, ";X-CONVENE-EMAIL-WRITTEN=TRUE", "", 1); stored != want || string(o.Calendar.Append(nil)) != was {
			t.Errorf("in the stored form:\ngot  %s\nwant %s", stored, want)
		}
	}
}

// The owner of a home stands there with their present address. What they wrote as the
// organizer keeps one that they chose, as long as it is theirs.
func TestPresent(t *testing.T) {
	const organizer = "ORGANIZER;EMAIL=o@example.com:urn:x-uid:o\n"
	p := *company()["urn:x-uid:o"]
	p.Emails = []string{"new@example.com", "alias@example.com", "before@example.com"}
	for _, tt := range []struct{ name, was, stored, want string }{
		{"invited", "", organizer + "ATTENDEE;EMAIL=x@example.com;PARTSTAT=ACCEPTED:urn:x-uid:a", organizer + "ATTENDEE;EMAIL=new@example.com;PARTSTAT=ACCEPTED:urn:x-uid:a"},
		{"invited by another address", "", organizer + "ATTENDEE;EMAIL=alias@example.com:urn:x-uid:a", organizer + "ATTENDEE;EMAIL=new@example.com:urn:x-uid:a"},
		{"the address that is theirs no more", "gone@example.com", strings.ReplaceAll(organizer, "urn:x-uid:o", "urn:x-uid:a") + "ATTENDEE;EMAIL=gone@example.com:urn:x-uid:a",
			"ORGANIZER;EMAIL=new@example.com:urn:x-uid:a\nATTENDEE;EMAIL=new@example.com:urn:x-uid:a"},
		{"the one that was preferred", "before@example.com", "ORGANIZER;EMAIL=Before@example.com:urn:x-uid:a", "ORGANIZER;EMAIL=new@example.com:urn:x-uid:a"},
		{"one that they chose", "before@example.com", "ORGANIZER;EMAIL=alias@example.com:urn:x-uid:a", "ORGANIZER;EMAIL=alias@example.com:urn:x-uid:a"},
		{"none", "", organizer + "ATTENDEE;CN=A:urn:x-uid:a", organizer + "ATTENDEE;CN=A;EMAIL=new@example.com:urn:x-uid:a"},
		{"others", "o@example.com", organizer + "ATTENDEE;EMAIL=b@example.com:urn:x-uid:b", organizer + "ATTENDEE;EMAIL=b@example.com:urn:x-uid:b"},
	} {
		p := p
		p.Address, p.GUID = "urn:x-uid:a", "a"
		o := parse(t, event(at9, tt.stored))
		was := text(o)
		got := Present(o, &p, tt.was)
		if want := strings.Replace(was, tt.stored, tt.want, 1); text(got) != want || text(o) != was {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, text(got), want)
		}
		if (got == o) != (tt.stored == tt.want) || Present(got, &p, tt.was) != got {
			t.Errorf("%s: a copy where none is needed, or none where it is", tt.name)
		}
		if p.Emails = nil; Present(o, &p, tt.was) != o {
			t.Errorf("%s: somebody without an address has changed something", tt.name)
		}
	}
}
