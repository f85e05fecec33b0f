package directory_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"convene/directory"
)

// Rooms of Exchange: known by one of several attributes, with disabled accounts.
func TestExchangeRooms(t *testing.T) {
	var b strings.Builder
	b.WriteString("dn: dc=x\nobjectClass: domain\ndc: x\n\n")
	entry := func(i int, name string, lines ...string) {
		fmt.Fprintf(&b, "dn: cn=%s,dc=x\nobjectClass: user\ncn: %s\nsAMAccountName: %s\nobjectGUID:: AAAAAAAAAAAAAAAAAAAA%cA==\nuserAccountControl: 514\n%s\n\n",
			name, name, name, "AEIMQUYcgkosw048"[i], strings.Join(lines, "\n"))
	}
	entry(1, "room", "msExchRecipientTypeDetails: 16", "msExchResourceDisplay: Projector,Board", "msExchResourceCapacity: 8", "extensionAttribute7: group:staff", "extensionAttribute7: user:ann")
	entry(2, "remote", "msExchRecipientTypeDetails: 8589934592")
	entry(3, "old", "msExchResourceMetaData: ResourceType:Room")
	entry(4, "beamer", "msExchRecipientTypeDetails: 32")
	entry(5, "person", "msExchRecipientTypeDetails: 1")
	path := filepath.Join(t.TempDir(), "ad.ldif")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	d := openFile(t, directory.FileConfig{File: path, Preset: "ad", Base: []string{"dc=x"},
		Locations: directory.RecordConfig{RoomSettings: map[string]string{"book": "extensionAttribute7", "window": "extensionAttribute8"}}})
	for name, want := range map[string]directory.Type{"room": directory.Location, "remote": directory.Location, "old": directory.Location,
		"beamer": directory.Resource, "person": directory.User} {
		if p := find(t, d, key(name)); p.Type != want || p.LoginEnabled || !p.CalendarEnabled {
			t.Errorf("%s: %s, login %t, calendars %t", name, p.Type, p.LoginEnabled, p.CalendarEnabled)
		}
	}
	p := find(t, d, key("room"))
	if p.Capacity != 8 || !slices.Equal(p.Features, []string{"Projector", "Board"}) || len(p.RoomSettings) != 1 || p.RoomSettings["book"] != "group:staff\nuser:ann" {
		t.Errorf("%+v", p)
	}
}
