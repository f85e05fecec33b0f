package directory_test

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"convene/directory"
	"convene/directory/directorytest"
	"convene/directory/memldap"
	"convene/testenv"
)

// lines is a log that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

// A wrong password of ours says nothing about people, and is tried once on all
// servers together, so that it locks nothing; another one is tried at once.
func TestServiceAccountRefused(t *testing.T) {
	t.Parallel()
	first, url := serveMem(t, directorytest.LDIF()+rootEntry, memldap.Options{})
	second, other := serveMem(t, directorytest.LDIF()+rootEntry, memldap.Options{})
	file := testenv.WriteFile(t, filepath.Join(t.TempDir(), "pw"), "wrong\n")
	var log lines
	d, err := directory.OpenLDAP(directory.LDAPConfig{
		URLs: []string{url, other}, Base: []string{base}, BindDN: "uid=alice,ou=people," + base, BindPasswordFile: file,
	}, directory.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	binds := func() int {
		_, a := first.Requests()
		_, b := second.Requests()
		return int(a + b)
	}
	storm := func() {
		t.Helper()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := d.Lookup(t.Context(), alice); !errors.Is(err, directory.ErrUnavailable) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	storm()
	if err := d.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	storm()
	time.Sleep(2500 * time.Millisecond) // longer than servers that are down are left alone
	storm()
	if n := binds(); n != 1 {
		t.Errorf("%d binds with a wrong password, want 1", n)
	}
	if n := log.count("level=ERROR"); n != 1 || log.count("cure=") != 1 || log.count(file) == 0 {
		t.Errorf("%d errors in the log:\n%s", n, log.b.String())
	}
	_, err = d.Lookup(t.Context(), alice)
	if after := directory.RetryAfter(err); after < 10*time.Second {
		t.Errorf("clients are told to come back in %v", after)
	}

	testenv.WriteFile(t, file, "wrong again\n")
	eventually(t, 20*time.Second, "the new password is tried", func() bool { return binds() == 2 })
	testenv.WriteFile(t, file, "Pw!alice1\n")
	eventually(t, 20*time.Second, "the right password counts", func() bool {
		_, err := d.Lookup(t.Context(), alice)
		return err == nil
	})
	if n := log.count("level=ERROR"); n != 2 {
		t.Errorf("%d errors in the log, want one for each password:\n%s", n, log.b.String())
	}
}

// A directory that locks accounts does not lock ours.
func TestServiceAccountNotLocked(t *testing.T) {
	t.Parallel()
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: directorytest.LDIF(), Lockout: true})
	c := openLDAP(s)
	c.BindDN, c.BindPassword = "uid=alice,ou=people,"+base, "wrong"
	d := open(t, c)
	for range 20 {
		if _, err := d.Lookup(t.Context(), alice); !errors.Is(err, directory.ErrUnavailable) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if _, err := open(t, openLDAP(s)).Authenticate(t.Context(), "alice", "Pw!alice1"); err != nil {
		t.Errorf("the account that was tried with a wrong password: %v", err)
	}
}
