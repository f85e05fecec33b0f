package server_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"convene/admin"
	"convene/sacl"
	"convene/server"
	"convene/testenv"
)

// Without the access list that was in force last the server neither starts nor
// takes a new configuration, and nobody gets in whom it turned away.
func TestLostAccessList(t *testing.T) {
	c := smallConfig(t)
	path := filepath.Join(c.Server.Data, "sacl.json")
	s := serve(t, c)
	bob := func() int { return do(t, client(), "PROPFIND", s.HTTP+"/", "bob", "", "Depth: 0").StatusCode }
	testenv.WriteFile(t, path, `{"version":1,"rules":[{"service":"calendar","effect":"deny","kind":"user","guid":"11111111-0000-0000-0000-000000000002","changed":"","by":""}]}`)
	eventually(t, "the rule", func() bool { return bob() == 403 })
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s.Config.Auth.HelpURL = "https://help.example.com/" // what needs a new site
	if err := s.Reload(t.Context()); !errors.Is(err, sacl.ErrLost) {
		t.Errorf("reload: %v", err)
	}
	if got := bob(); got != 403 {
		t.Errorf("bob after a reload: %d, want 403", got)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if again, err := server.Open(server.Options{Config: c}); !errors.Is(err, sacl.ErrLost) {
		t.Errorf("restart: %v", err)
		if err == nil {
			_ = again.Close()
		}
	}
	if n, err := server.ResetSACL(t.Context(), c, admin.SACLReset{With: sacl.Empty}); n != 0 || err != nil {
		t.Errorf("reset: %d, %v", n, err)
	}
	again, err := server.Open(server.Options{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
