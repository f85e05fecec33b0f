package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"convene/testenv"
)

// While requests come in on old and new connections, with and without TLS,
// everything is reloaded again and again, with another directory and another
// way to sign in each time: every request is answered as if nothing happened.
func TestReloadLosesNoRequest(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	copied := testenv.WriteFile(t, c.Directory.File.File+".copy.ldif", smallLDIF)
	var answered atomic.Int64
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for i := range 6 {
		clients.Go(func() {
			kept := client()
			defer kept.CloseIdleConnections()
			url := []string{s.HTTP, s.HTTPS}[i%2] + "/"
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				use := kept
				if n%10 == 0 {
					use = client() // a connection of its own
				}
				a, err := try(use, "PROPFIND", url, "ann", "", "Depth: 0")
				if use != kept {
					use.CloseIdleConnections()
				}
				if err != nil || a.StatusCode != http.StatusMultiStatus {
					t.Errorf("request %d to %s: %v %v", n, url, a.Response, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	for i := range 15 {
		if i%3 == 1 {
			s.Config.Directory.File.File = []string{c.Directory.File.File, copied}[i/3%2]
		}
		if i%3 == 2 {
			s.Config.Auth.Basic.CacheFor = time.Duration(i) * time.Minute
		}
		s.Config.Server.HostName = []string{"localhost", "127.0.0.1"}[i%2]
		if err := s.Reload(t.Context()); err != nil {
			t.Errorf("reload %d: %v", i, err)
		}
		before := answered.Load()
		eventually(t, "answers after a reload", func() bool { return t.Failed() || answered.Load() >= before+10 })
	}
	close(stop)
	clients.Wait()
	t.Logf("%d requests during 15 reloads", answered.Load())
}

// What cannot be used changes nothing.
func TestReloadWrong(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	works := func() {
		t.Helper()
		if got := do(t, client(), "PROPFIND", s.HTTP+"/", "ann", "", "Depth: 0"); got.StatusCode != 207 {
			t.Errorf("%s\n%s", got.Status, got.Body)
		}
	}
	s.Config.Directory.File.File = "/nowhere.ldif"
	if err := s.Reload(t.Context()); err == nil {
		t.Error("a directory that is not there was taken")
	}
	works()
	*s.Config = c
	s.Config.Server.HTTP = append(s.Config.Server.HTTP, "192.0.2.1:8008") // not an address of this machine
	if err := s.Reload(t.Context()); err == nil {
		t.Error("an address that is not there was taken")
	}
	works()
	*s.Config = c
	s.Config.Auth.Negotiate.Keytab = "/nowhere.keytab"
	s.Config.Auth.Schemes = []string{"negotiate", "basic"}
	if err := s.Reload(t.Context()); err == nil {
		t.Error("a keytab that is not there was taken")
	}
	works()
	*s.Config = c
	if err := s.Reload(t.Context()); err != nil {
		t.Error(err)
	}
	works()
}

// Addresses come and go; those that stay are not touched.
func TestReloadAddresses(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	s.Config.Server.HTTP = []string{"127.0.0.1:0", "localhost:0"}
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	urls := s.URLs()
	if len(urls) != 3 || urls[0] != s.HTTP {
		t.Fatalf("URLs = %v", urls)
	}
	added := urls[2]
	if got := do(t, client(), "PROPFIND", added+"/", "ann", "", "Depth: 0"); got.StatusCode != 207 {
		t.Errorf("added address: %s", got.Status)
	}
	s.Config.Server.HTTP = c.Server.HTTP
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := try(client(), "PROPFIND", added+"/", "ann", "", "Depth: 0"); err == nil {
		t.Error("the removed address answers")
	}
	if got := do(t, client(), "PROPFIND", s.HTTP+"/", "ann", "", "Depth: 0"); got.StatusCode != 207 {
		t.Errorf("address that stayed: %s", got.Status)
	}
}

// Reload opens the logs anew, and applies the rules of the access list.
func TestReloadLogsAndRules(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	log := filepath.Join(c.Server.Data, "access.log")
	request := func(want int) {
		t.Helper()
		if got := do(t, client(), "PROPFIND", s.HTTP+"/", "bob", "", "Depth: 0"); got.StatusCode != want {
			t.Errorf("bob: %s, want %d", got.Status, want)
		}
	}
	request(207)
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	s.Config.SACL.Calendar.Deny = []string{"user:bob", "group:contractors"}
	s.Config.Storage.SyncFor = time.Hour // counts after a restart only
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	request(403)
	eventually(t, "the new log", func() bool {
		text, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(text), "HTTP/1.1\" 403 ")
	})
	if !strings.Contains(s.Log.String(), "a changed setting counts after a restart only setting=storage.sync-for") {
		t.Errorf("error log:\n%s", s.Log)
	}
	if !strings.Contains(s.Log.String(), "an entry of the access list is about nobody setting=sacl.calendar.deny entry=group:contractors") {
		t.Errorf("error log:\n%s", s.Log)
	}
	// Rules made by somebody else are noticed without a reload.
	s.Config.SACL.Calendar.Deny = nil
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	request(207)
	rule := `{"version":1,"rules":[{"service":"calendar","effect":"deny","kind":"user","guid":"11111111-0000-0000-0000-000000000002","changed":"","by":""}]}`
	testenv.WriteFile(t, filepath.Join(c.Server.Data, "sacl.json"), rule)
	eventually(t, "the rule", func() bool {
		return do(t, client(), "PROPFIND", s.HTTP+"/", "bob", "", "Depth: 0").StatusCode == 403
	})
}

// A file that has become wrong leaves everything as it was, what else was changed
// too.
func TestReloadWrongFile(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	testenv.WriteFile(t, c.Directory.File.File, "no LDIF\n")
	s.Config.SACL.Calendar.Deny = []string{"user:ann"}
	if err := s.Reload(t.Context()); err == nil {
		t.Error("a directory file with a mistake was taken")
	}
	if got := do(t, client(), "PROPFIND", s.HTTP+"/", "ann", "", "Depth: 0"); got.StatusCode != 207 {
		t.Errorf("%s: the rules were taken from a reload that failed", got.Status)
	}
}

// Where device passwords are the only way in, a reload with another setting of
// sign-in works.
func TestReloadDevicePasswordsOnly(t *testing.T) {
	c := smallConfig(t)
	testenv.WriteFile(t, c.Directory.File.File, strings.ReplaceAll(smallLDIF, "userPassword: secret", "userPassword: "+testenv.SSHA("secret")))
	c.Auth.Schemes = []string{"digest"}
	s := serve(t, c)
	s.Config.Auth.HelpURL = "https://help.example.com/"
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := do(t, client(), "PROPFIND", s.HTTP+"/", "ann", "", "Depth: 0"); got.StatusCode != 401 || !strings.Contains(got.Body, "help.example.com") {
		t.Errorf("%s\n%s", got.Status, got.Body)
	}
}
