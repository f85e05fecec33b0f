package directory_test

import (
	"errors"
	"testing"

	"convene/directory"
)

func TestParseRef(t *testing.T) {
	const id = "11111111-AAAA-0000-0000-000000000001"
	for _, tt := range []struct {
		in, out string // out: String, "" if in is no reference
		want    directory.Ref
	}{
		{"user:ann", "user:ann", directory.Ref{Type: directory.User, Name: "ann"}},
		{"group:a:b", "group:a:b", directory.Ref{Type: directory.Group, Name: "a:b"}},
		{"user:11111111-aaaa-0000-0000-000000000001", "user:" + id, directory.Ref{Type: directory.User, GUID: id}},
		{"11111111-aaaa-0000-0000-000000000001", "guid:" + id, directory.Ref{GUID: id}},
		{"guid:Of-a-file", "guid:Of-a-file", directory.Ref{GUID: "Of-a-file"}},
		{"", "", directory.Ref{}},
		{"ann", "", directory.Ref{}},
		{"everyone", "", directory.Ref{}},
		{"user:", "", directory.Ref{}},
		{"guid:", "", directory.Ref{}},
		{"User:ann", "", directory.Ref{}},
		{"room:blue", "", directory.Ref{}},
		{"urn:uuid:" + id, "", directory.Ref{}},
		{"{" + id + "}", "", directory.Ref{}},
	} {
		got, err := directory.ParseRef(tt.in)
		if tt.out == "" {
			if !errors.Is(err, directory.ErrBadRef) {
				t.Errorf("%q: %+v, %v; want ErrBadRef", tt.in, got, err)
			}
			continue
		}
		if err != nil || got != tt.want || got.String() != tt.out {
			t.Errorf("%q: %+v, %q, %v; want %+v, %q", tt.in, got, got, err, tt.want, tt.out)
		}
	}
}

func TestFind(t *testing.T) {
	const annID, groupID, roomID = "11111111-0000-0000-0000-000000000001", "11111111-0000-0000-0000-000000000002", "11111111-0000-0000-0000-000000000003"
	d, err := directory.NewStatic([]directory.Record{
		{Principal: directory.Principal{Type: directory.User, Name: "ann", GUID: annID, Emails: []string{"ann@example.com"}}},
		{Principal: directory.Principal{Type: directory.Group, Name: "ann", GUID: groupID}},
		{Principal: directory.Principal{Type: directory.Location, Name: "blue", GUID: roomID}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for who, want := range map[string]string{
		"ann": annID, "ann@example.com": annID, "user:ann": annID, annID: annID, "guid:" + annID: annID, "urn:uuid:" + annID: "",
		"group:ann": groupID, "blue": roomID, "user:blue": "", "nobody": "", "group:nobody": "", "": "",
	} {
		p, err := directory.Find(t.Context(), d, who)
		switch {
		case want == "" && !errors.Is(err, directory.ErrNotFound):
			t.Errorf("%q: %v, %v; want ErrNotFound", who, p, err)
		case want != "" && (err != nil || p.GUID != want):
			t.Errorf("%q: %v, %v; want %s", who, p, err, want)
		}
	}
	p, err := directory.Find(t.Context(), d, "blue")
	if err != nil {
		t.Fatal(err)
	}
	r := directory.RefTo(p)
	if guid, err := r.Resolve(t.Context(), d); r.String() != "blue" || guid != roomID || err != nil {
		t.Errorf("a room: %v, %s, %v", r, guid, err)
	}
}
