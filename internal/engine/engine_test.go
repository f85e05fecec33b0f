package engine_test

import (
	"path/filepath"
	"testing"

	"convene/internal/engine"
	"convene/internal/engine/enginetest"
)

func TestMemory(t *testing.T) {
	enginetest.Run(t, func(testing.TB) engine.Engine { return engine.OpenMemory(enginetest.Tables()) })
}

func TestBolt(t *testing.T) {
	for name, o := range map[string]engine.BoltOptions{
		"default":       {},
		"hot table":     {Hot: "hot"},
		"small batches": {MaxBatch: 2, MaxBatchBytes: 10},
		"near its size": {MaxSize: 30 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.Run(t, func(tb testing.TB) engine.Engine {
				o.Tables = enginetest.Tables()
				o.NoSync = true
				e, err := engine.OpenBolt(filepath.Join(tb.TempDir(), "test.db"), o)
				if err != nil {
					tb.Fatal(err)
				}
				return e
			})
		})
	}
}
