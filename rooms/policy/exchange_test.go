package policy_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"convene/rooms/policy"
)

const exchangeCSV = "\xef\xbb\xbf#TYPE Microsoft.Exchange.Management.StoreTasks.CalendarConfiguration\r\n" +
	`"AutomateProcessing","AllowConflicts","BookingWindowInDays","MaximumDurationInMinutes","MaximumConflictInstances","ConflictPercentageAllowed","AllBookInPolicy","BookInPolicy","AllRequestInPolicy","RequestInPolicy","ResourceDelegates","EnforceSchedulingHorizon","DeleteSubject","AddOrganizerToSubject","TentativePendingApproval","RemovePrivateProperty","AddAdditionalResponse","AdditionalResponse","ScheduleOnlyDuringWorkHours","Identity"` + "\r\n" +
	`"AutoAccept","False","180","1440","0","0","False","ann@example.com;/o=Ex/cn=Recipients/cn=bob","True","","Microsoft.Exchange.Data.MultiValuedProperty` + "`1[System.String]" + `","True","True","True","True","True","True","Ask the desk, please","False","corp/Rooms/Neptune"` + "\r\n" +
	`"AutoUpdate","True","","","","","True","","False","","0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0","False","False","False","False","False","False","","True","corp/Rooms/Saturn"` + "\r\n" +
	`"Sometimes","False","","x","","","True","","False","","","","","","","","","","","corp/Rooms/Io"` + "\r\n"

func TestExchange(t *testing.T) {
	all, err := policy.ParseExchange(strings.NewReader(exchangeCSV))
	if err != nil {
		t.Fatal(err)
	}
	want := []policy.Imported{
		{"corp/Rooms/Neptune", map[string]string{
			"mode": "automatic", "exclusive": "true", "window": "180", "max-duration": "1440", "max-conflicts": "0", "max-conflict-percent": "0",
			"book": "mail:ann@example.com", "request": "*", "beyond-window": "decline-series", "others-see": "organizer", "pending": "tentative",
			"private-bookings": "show", "response-text": "Ask the desk, please", "hours-only": "false",
		}, []string{
			`BookInPolicy: "/o=Ex/cn=Recipients/cn=bob" is neither a mail address nor a GUID`,
			"ResourceDelegates: the file has the type of the list and not its members; export it with @{n='ResourceDelegates';e={$_.ResourceDelegates -join ';'}}",
		}},
		{"corp/Rooms/Saturn", map[string]string{
			"mode": "none", "exclusive": "false", "book": "*", "request": "", "approvers": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
			"beyond-window": "decline-occurrences", "others-see": "details", "pending": "free", "private-bookings": "hide", "hours-only": "true",
		}, nil},
		{"corp/Rooms/Io", map[string]string{"exclusive": "true", "book": "*", "request": ""}, []string{
			`AutomateProcessing: wrong value: "Sometimes"`,
			`MaximumDurationInMinutes: max-duration: wrong value: "x" is not a whole number from 0 to 525600`,
		}},
	}
	if len(all) != len(want) {
		t.Fatalf("%d rooms", len(all))
	}
	for i, got := range all {
		if got.Identity != want[i].Identity || !maps.Equal(got.Values, want[i].Values) || !slices.Equal(got.Notes, want[i].Notes) {
			t.Errorf("%+v\nwant\n%+v", got, want[i])
		}
		if bad := (policy.Layer{Source: "local", Values: got.Values}).Check(); len(bad) > 0 {
			t.Errorf("%v", bad)
		}
	}
}

func TestNotExchange(t *testing.T) {
	for _, s := range []string{"", "a,b\n1,2\n", "Identity,AutomateProcessing\n1,2,3\n"} {
		if all, err := policy.ParseExchange(strings.NewReader(s)); err == nil {
			t.Errorf("%q: %v", s, all)
		}
	}
}
