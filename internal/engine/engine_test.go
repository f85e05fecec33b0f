package engine_test

import (
	"path/filepath"
	"testing"

	"convene/internal/engine"
	"convene/internal/engine/enginetest"
)

func openMemory(testing.TB) engine.Engine { return engine.OpenMemory(enginetest.Tables()) }

func openBolt(tb testing.TB, o engine.BoltOptions) engine.Engine {
	tb.Helper()
	o.Tables, o.NoSync = enginetest.Tables(), true
	e, err := engine.OpenBolt(filepath.Join(tb.TempDir(), "test.db"), o)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func TestMemory(t *testing.T) { enginetest.Run(t, openMemory) }

func TestBolt(t *testing.T) {
	for name, o := range map[string]engine.BoltOptions{
		"default":       {},
		"hot table":     {Hot: "hot"},
		"small batches": {MaxBatch: 2, MaxBatchBytes: 10},
		"near its size": {MaxSize: 30 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.Run(t, func(tb testing.TB) engine.Engine { return openBolt(tb, o) })
		})
	}
}

// below are engines to put others over.
var below = map[string]func(testing.TB) engine.Engine{
	"memory": openMemory,
	"bolt":   func(tb testing.TB) engine.Engine { return openBolt(tb, engine.BoltOptions{Hot: "hot"}) },
}

func TestChaos(t *testing.T) {
	for name, open := range below {
		t.Run(name, func(t *testing.T) {
			enginetest.Run(t, func(tb testing.TB) engine.Engine { return enginetest.NewChaos(open(tb), 1) })
		})
	}
}

// TestShared: two handles of one engine, as two servers have of one database.
func TestShared(t *testing.T) {
	for name, open := range below {
		t.Run(name, func(t *testing.T) {
			enginetest.RunShared(t, func(tb testing.TB) (one, other engine.Engine) {
				e := open(tb)
				tb.Cleanup(func() {
					if err := e.Close(); err != nil {
						tb.Error(err)
					}
				})
				return enginetest.NewChaos(e, 1), enginetest.NewChaos(e, 2)
			})
		})
	}
}
