package server

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"convene/admin"
	"convene/audit"
	"convene/config"
	"convene/delegation"
)

// systemd is told of what is wrong with the delegate database, and that it is mended,
// and of nothing else.
func TestHealthOfDelegates(t *testing.T) {
	var told []string
	h := health{notify: func(s string) { told = append(told, s) }, now: time.Now}
	for _, c := range []delegation.Condition{delegation.Created, delegation.Ahead, delegation.Lost, delegation.Good, delegation.Good, delegation.Full, delegation.Good} {
		h.ofDelegates(delegation.State{Condition: c, Detail: "detail"})
	}
	want := []string{"STATUS=delegates: lost: detail", "STATUS=serving", "STATUS=delegates: no space left: detail", "STATUS=serving"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
}

// Whoever asks systemd is told that the server is read-only.
func TestHealthOfMaintenance(t *testing.T) {
	var told []string
	h := &health{notify: func(s string) { told = append(told, s) }, now: time.Now}
	h.maintenance(&admin.Maintenance{})
	h.maintenance(&admin.Maintenance{On: true, Since: time.Unix(1_700_000_000, 0)})
	h.maintenance(&admin.Maintenance{})
	if want := []string{"STATUS=read-only for maintenance since 2023-11-14T22:13:20Z", "STATUS=serving"}; !slices.Equal(told, want) || h.err() != nil {
		t.Errorf("%q, %v", told, h.err())
	}
}

// systemd is told when the audit log cannot be written, once it can be again, and of
// nothing in between that went well. It does not change the exit status: it
// mends itself.
func TestHealthOfAudit(t *testing.T) {
	var told []string
	h := health{notify: func(s string) { told = append(told, s) }, now: time.Now}
	c := config.Config{}
	c.Server.Data, c.Log.Audit = t.TempDir(), "audit.log"
	log, err := openAudit(&c, slog.New(slog.DiscardHandler), time.Now, h.of("audit log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	record := func(ok bool) {
		t.Helper()
		if err := log.Record(audit.Act{Verb: "test"}, nil); (err == nil) != ok || log.Err() == nil != ok {
			t.Errorf("Record: %v, Err: %v", err, log.Err())
		}
	}
	record(true)
	record(true)
	witness := filepath.Join(c.Server.Data, "audit.head")
	if err := errors.Join(os.Rename(witness, witness+".kept"), os.MkdirAll(filepath.Join(witness, "x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	record(false)
	if err := h.err(); err != nil {
		t.Errorf("the exit status would say %v", err)
	}
	if err := errors.Join(os.RemoveAll(witness), os.Rename(witness+".kept", witness)); err != nil {
		t.Fatal(err)
	}
	record(true)
	record(true)
	want := []string{"STATUS=audit log: cannot be written; what must be recorded is refused", "STATUS=serving"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
}
