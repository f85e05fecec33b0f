package server_test

import (
	"os"
	"strings"
	"testing"

	"convene/server"
)

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
