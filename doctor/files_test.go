package doctor_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"convene/config"
	"convene/directory"
	"convene/doctor"
	"convene/testenv"
)

// Files and ports of a server that does not run, and what one that does says of itself.
func TestFilesAndPorts(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	c := config.Default()
	c.Server.Data = testenv.Dir(t)
	c.Server.HTTP, c.Server.HTTPS = nil, []string{taken.Addr().String()}
	diagnose(t, c, want{"port", "server.https", "ss -ltnp"}, doctor.CheckData)
	c.Server.HTTPS = []string{"192.0.2.1:8443"}
	diagnose(t, c, want{"address", "server.https", "does not have the address"}, doctor.CheckData)
	c.Server.HTTPS = []string{"127.0.0.1:0"}
	report, err := doctor.Run(t.Context(), doctor.Options{Config: c, Only: []string{doctor.CheckData}})
	if err != nil || hasSymptom(report, "port") || hasSymptom(report, "damaged") || hasSymptom(report, "lost") {
		t.Errorf("%v %v", report, err)
	}
	for _, name := range []string{"calendars.db", "auth.db", "delegates.db"} {
		file := testenv.WriteFile(t, filepath.Join(c.Server.Data, name), strings.Repeat("no database ", 1000))
		r := diagnose(t, c, want{"damaged", "", ""}, doctor.CheckData)
		if f := r.Faults(); len(f) == 0 || !strings.HasPrefix(name, strings.TrimSuffix(f[0].What, ".db")) {
			t.Errorf("%s: %v", name, f)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	testenv.WriteFile(t, filepath.Join(c.Server.Data, "delegates.state"), "{}")
	diagnose(t, c, want{"lost", "", "convene delegate restore"}, doctor.CheckData)
	running := &doctor.Running{Parts: []doctor.Part{{Name: "calendars.db"}, {Name: "delegates", Err: "file of another server", Cure: "convene delegate adopt"}}}
	report, err = doctor.Run(t.Context(), doctor.Options{Config: c, Running: running, Only: []string{doctor.CheckData}})
	if err != nil || !hasSymptom(report, "degraded") || hasSymptom(report, "lost") {
		t.Errorf("%v %v", report, err)
	}
}

// A ticket's whole way: from the keytab to the KDC, and from there to our own acceptor.
func TestTicket(t *testing.T) {
	realm := testenv.KDC(t, testenv.RealmOptions{Services: []string{"HTTP/localhost"}})
	t.Setenv("KRB5_CONFIG", realm.ConfPath)
	c := config.Default()
	c.Server.Data, c.Server.HostName = testenv.Dir(t), "localhost"
	c.Directory.Kind = directory.KindFile
	c.Directory.File.File = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "people.ldif"), "dn: uid=ann,dc=x\nobjectClass: inetOrgPerson\nuid: ann\ncn: Ann\nsn: A\nentryUUID: 11111111-0000-0000-0000-000000000001\n")
	c.Directory.File.KerberosRealms = []string{realm.Name}
	c.Auth.Negotiate.Keytab = realm.Keytab("HTTP/localhost")
	report, err := doctor.Run(t.Context(), doctor.Options{Config: c, Only: []string{doctor.CheckTicket}})
	if err != nil || len(report) != 1 || report[0].Level != doctor.OK || !strings.Contains(report[0].Figure, "opens with the keytab") {
		t.Errorf("%v %v", report, err)
	}
	realm.Rotate(filepath.Join(testenv.Dir(t), "newer"), "HTTP/localhost")
	diagnose(t, c, want{"krb-44", "auth.negotiate.keytab", "export it again"}, doctor.CheckTicket)
}
