package doctor_test

import (
	"strings"
	"testing"

	"convene/config"
	"convene/discover"
	"convene/doctor"
	"convene/testenv"
)

// Names of the server that lead clients to ask a ticket for another one, and one that is
// right, to doctor and to join.
func TestWrongHostNames(t *testing.T) {
	t.Parallel()
	const host, reverse = "calendar.example.com", "7.2.0.192.in-addr.arpa"
	address := testenv.Record{Name: host, Type: testenv.TypeA, Data: "192.0.2.7"}
	for _, c := range []struct {
		name    string
		records []testenv.Record
		symptom string
		text    string
	}{
		{"reverse DNS to another name", []testenv.Record{address, {Name: reverse, Type: testenv.TypePTR, Data: "web.example.com"}}, "ptr", "web.example.com"},
		{"an alias", []testenv.Record{{Name: host, Type: testenv.TypeCNAME, Data: "web.example.com"}, {Name: "web.example.com", Type: testenv.TypeA, Data: "192.0.2.7"}}, "cname", "HTTP/web.example.com"},
		{"not in DNS", nil, "host-dns", "A or AAAA record"},
		{"reverse DNS missing", []testenv.Record{address}, "", ""},
		{"right", []testenv.Record{address, {Name: reverse, Type: testenv.TypePTR, Data: host}}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conf := config.Default()
			conf.Server.HostName = host
			r := testenv.Resolver(t, c.records...)
			report, err := doctor.Run(t.Context(), doctor.Options{Config: conf, Only: []string{doctor.CheckNames}, Resolver: r})
			if err != nil {
				t.Fatal(err)
			}
			found := ""
			for _, f := range report.Faults() {
				if f.Setting == "server.host-name" {
					found = f.Symptom
					if !strings.Contains(f.Figure+" "+f.Cure, c.text) {
						t.Errorf("%s", f)
					}
				}
			}
			if found != c.symptom {
				t.Errorf("doctor: %q, not %q: %v", found, c.symptom, report)
			}
			f := discover.CheckName(t.Context(), r, host)
			if (f.Level == discover.OK) != (c.symptom == "") || f.Level != discover.OK && (f.Setting != "server.host-name" || f.Cure == "") || !strings.Contains(f.Detail+" "+f.Cure, c.text) {
				t.Errorf("join: %+v", f)
			}
		})
	}
}
