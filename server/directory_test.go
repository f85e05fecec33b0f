package server_test

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"convene/config"
	"convene/directory"
	"convene/directory/memldap"
	"convene/server"
	"convene/testenv"
)

// What the directory said is kept over a restart for the same people on other
// servers, and not for a configuration that makes something else of them.
func TestCacheFileIsOfOneMapping(t *testing.T) {
	c := config.Default()
	c.Server.Data = testenv.Dir(t)
	c.Log.Audit = filepath.Join(c.Server.Data, "audit.log")
	c.Directory.LDAP.Base = []string{"dc=example,dc=com"}
	lookup := func(c config.Config) error {
		t.Helper()
		o, err := server.OpenOffline(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		_, err = o.Directory.Lookup(t.Context(), directory.Key{By: directory.Name, Type: directory.User, Value: "ann"})
		if err := o.Close(); err != nil {
			t.Error(err)
		}
		return err
	}
	s, err := memldap.NewLDIF(strings.NewReader(smallLDIF), memldap.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	c.Directory.LDAP.URLs = []string{"ldap://" + l.Addr().String()}
	if err := lookup(c); err != nil {
		t.Error(err)
	}
	if err := errors.Join(s.Close(), <-served); err != nil {
		t.Fatal(err)
	}
	c.Directory.LDAP.URLs = []string{"ldap://127.0.0.1:1"}
	if err := lookup(c); err != nil {
		t.Errorf("another server of the same directory: %v", err)
	}
	c.Directory.LDAP.Users.CalendarEnabled = []string{"employeeType:staff"}
	if err := lookup(c); !errors.Is(err, directory.ErrUnavailable) {
		t.Errorf("another condition for calendars: %v, want unavailable", err)
	}
}
