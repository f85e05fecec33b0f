package server_test

import (
	"encoding/base64"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"convene/server"
)

// Whatever name an operator gives, the audit log has the account that the kernel names, and
// the name beside it.
func TestOperatorIsWhoAsks(t *testing.T) {
	c := smallConfig(t)
	c.Auth.Schemes = []string{"digest", "basic"}
	serve(t, c)
	eventually(t, "the socket", func() bool { _, err := os.Stat(filepath.Join(c.Server.Data, "control.sock")); return err == nil })
	deviceSecret(t, c, "ann") // by "test"
	self, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	text := string(readFile(t, filepath.Join(c.Server.Data, "audit.log")))
	if want := `"actor":{"name":"` + self.Username + `"}`; !strings.Contains(text, want) || !strings.Contains(text, `"says":"test"`) || strings.Contains(text, `"name":"test"`) {
		t.Errorf("no %s in\n%s", want, text)
	}
}

// The access log names the record and not what its client wrote, so that a person has one
// name in it.
func TestAccessLogNamesRecords(t *testing.T) {
	s := serve(t, smallConfig(t))
	for _, login := range []string{"ann", "ANN", "Ann@Example.com"} {
		if got := do(t, client(), "PROPFIND", s.HTTP+annHome, login, "", "Depth: 0"); got.StatusCode != 207 {
			t.Fatalf("%s: %s", login, got.Status)
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if text := string(readFile(t, filepath.Join(s.Config.Server.Data, "access.log"))); strings.Count(text, " - ann [") != 3 {
		t.Errorf("access log:\n%s", text)
	}
}

// The line of a refused sign-in has the id by which the access log names the request.
func TestRefusedSignInHasID(t *testing.T) {
	s := serve(t, smallConfig(t))
	wrong := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("ann:wrong"))
	for _, path := range []string{annHome, "/other"} { // the second is only counted
		if got := do(t, client(), "PROPFIND", s.HTTP+path, "", "", wrong); got.StatusCode != 401 {
			t.Fatal(got.Status)
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	refused := regexp.MustCompile(`(?m) sign-in refused status=401 scheme=basic .* id=(\S+)$`).FindStringSubmatch(s.Log.String())
	if refused == nil {
		t.Fatalf("no such line with an id:\n%s", s.Log)
	}
	text := string(readFile(t, filepath.Join(s.Config.Server.Data, "access.log")))
	if line := regexp.MustCompile(`(?m)^.*"PROPFIND ` + annHome + ` .* 401 .* id=` + refused[1] + `$`); !line.MatchString(text) {
		t.Errorf("no request %s in the access log:\n%s", refused[1], text)
	}
}

// Root does not take the files of a server that runs under another account.
func TestOfflineOwner(t *testing.T) {
	c := smallConfig(t)
	if err := os.MkdirAll(c.Server.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	o, err := server.OpenOffline(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		return // nobody else can give a folder away
	}
	if err := os.Chown(c.Server.Data, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := server.OpenOffline(t.Context(), c); err == nil || !strings.Contains(err.Error(), "sudo -u '#65534' convene") {
		t.Errorf("root opened it: %v", err)
	}
}
