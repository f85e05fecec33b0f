package logging_test

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"

	"convene/internal/logging"
)

func TestTextHandler(t *testing.T) {
	var out bytes.Buffer
	h := logging.NewTextHandler(&out, slog.LevelInfo)
	at := time.Date(2026, 11, 21, 10, 4, 5, 123e6, time.UTC)
	for _, tt := range []struct {
		name string
		h    slog.Handler
		msg  string
		args []any
		want string
	}{
		{"plain", h, "directory: no answer", []any{"host", "ldap1", "after", 2 * time.Second},
			"2026-11-21T10:04:05.123Z INFO directory: no answer host=ldap1 after=2s\n"},
		{"quoted", h, "x\ny", []any{"err", errors.New("a=b c"), "empty", "", "bad", "\xff"},
			`2026-11-21T10:04:05.123Z INFO x\ny err="a=b c" empty="" bad="\xff"` + "\n"},
		{"groups", h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g"), "m", []any{slog.Group("h", "b", 2), "t", at},
			"2026-11-21T10:04:05.123Z INFO m a=1 g.h.b=2 g.t=2026-11-21T10:04:05Z\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out.Reset()
			r := slog.NewRecord(at, slog.LevelInfo, tt.msg, 0)
			r.Add(tt.args...)
			if err := tt.h.Handle(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if out.String() != tt.want {
				t.Errorf("got  %swant %s", out.String(), tt.want)
			}
		})
	}
	if h.Enabled(t.Context(), slog.LevelDebug) || !h.Enabled(t.Context(), slog.LevelError) {
		t.Error("Enabled does not follow the level")
	}
}
