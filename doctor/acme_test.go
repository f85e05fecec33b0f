package doctor_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"convene/config"
	"convene/doctor"
	"convene/testenv"
)

// TestACMECertificate: what is wrong with a certificate of an ACME server is cured where that
// is set, and not by naming files; one that is about to be renewed anyway is fine.
func TestACMECertificate(t *testing.T) {
	t.Parallel()
	const host = "calendar.example.com"
	certificate, key := testenv.NewCA(t).Issue(host)
	var both string
	for _, name := range []string{certificate, key} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		both += string(text)
	}
	c := config.Default()
	c.Server.Data, c.Server.HostName, c.TLS.ACME.Directory = testenv.Dir(t), host, "https://acme.example.com/dir"
	dir := filepath.Join(c.Server.Data, "tls", "acme")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, file, text string
		in               time.Duration
		symptom, cure    string // "": nothing is wrong
	}{
		{"none yet", "other", both, 0, "acme", "start the server"},
		{"good", host, both, 0, "", ""},
		{"ends", host, both, 20 * time.Hour, "certificate-soon", "renews it by itself"},
		{"over", host, both, 48 * time.Hour, "certificate-expired", "renews it by itself"},
		{"damaged", host, both[:200], 0, "certificate", "move " + filepath.Join(dir, host)},
	} {
		testenv.WriteFile(t, filepath.Join(dir, tt.file), tt.text)
		report, err := doctor.Run(t.Context(), doctor.Options{Config: c, Only: []string{doctor.CheckNames}, Now: func() time.Time { return time.Now().Add(tt.in) }})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range report.Faults() {
			if f.Symptom != "acme" && !strings.HasPrefix(f.Symptom, "certificate") {
				continue // names in DNS are another matter
			}
			got = f.Symptom
			if f.Setting != "tls.acme.directory" || !strings.Contains(f.Cure, tt.cure) {
				t.Errorf("%s: %+v", tt.name, f)
			}
		}
		if got != tt.symptom {
			t.Errorf("%s: symptom %q, want %q", tt.name, got, tt.symptom)
		}
	}
}
