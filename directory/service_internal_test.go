package directory

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// A refused password is tried again after times that double, up to an hour.
func TestServiceBacksOff(t *testing.T) {
	now := time.Unix(0, 0)
	cfg := LDAPConfig{BindDN: "cn=svc", BindPassword: "secret"}
	s := newService(&cfg, slog.New(slog.DiscardHandler), func() time.Time { return now })
	wrong := ldap.NewError(ldap.LDAPResultInvalidCredentials, errors.New("data 52e"))
	for _, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
		if err := s.check([]byte("secret")); err != nil {
			t.Fatalf("not tried before %v: %v", want, err)
		}
		if err := s.outcome([]byte("secret"), wrong); !errors.Is(err, errPasswordRefused) || !errors.Is(err, errRefused) {
			t.Fatal(err)
		}
		if got := s.wait(); got != want {
			t.Errorf("wait %v, want %v", got, want)
		}
		now = now.Add(want - time.Second)
		if s.check([]byte("secret")) == nil {
			t.Errorf("tried after %v", want-time.Second)
		}
		now = now.Add(time.Second)
	}
	if err := s.outcome([]byte("secret"), wrong); err == nil || s.check([]byte("other")) != nil {
		t.Error("another password is not tried")
	}
	if err := s.outcome([]byte("secret"), nil); err != nil || s.check([]byte("secret")) != nil || s.delay != 0 {
		t.Error("not forgotten after a success")
	}
	if err := s.outcome([]byte("secret"), ldap.NewError(ldap.LDAPResultBusy, errors.New("busy"))); errors.Is(err, errRefused) || s.check([]byte("secret")) != nil {
		t.Errorf("a server that is busy: %v", err)
	}
}
