package server

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"convene/internal/logging"
)

// stop ends the runners; one that ended before, with an error, is in the log under
// its name, and one that ends because it was stopped is not.
func TestRunners(t *testing.T) {
	lines := make(logLines, 10)
	log := slog.New(logging.NewTextHandler(lines, slog.LevelInfo))
	var r runners
	r.stop() // nothing was started
	r.start(log,
		runner{"broken", func(context.Context) error { return errors.New("no more") }},
		runner{"steady", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
	)
	if got := <-lines; !strings.Contains(got, "work=broken") || !strings.Contains(got, `err="no more"`) {
		t.Errorf("log: %s", got)
	}
	r.stop()
	if len(lines) > 0 {
		t.Errorf("log: %s", <-lines)
	}
}

// logLines gets a log line by line.
type logLines chan string

func (l logLines) Write(p []byte) (int, error) { l <- string(p); return len(p), nil }
