package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"convene/admin"
	"convene/internal/atomicfile"
	"convene/store"
)

// maintenance is the switch that makes the server read-only: calendars and delegates
// stay as they are, while people go on reading. Rights are not touched, since clients
// take a calendar that they may no longer write for read-only for good.
//
// It is a file, since it outlasts a restart and is in no backup.
type maintenance struct {
	file  string
	mu    sync.Mutex // held by who switches
	state atomic.Pointer[admin.Maintenance]
}

// openMaintenance reads the switch of a data folder. A file that cannot be understood
// was meant to hold changes up.
func openMaintenance(dataDir string, log *slog.Logger) (*maintenance, error) {
	m := &maintenance{file: filepath.Join(dataDir, "maintenance.json")}
	state := new(admin.Maintenance)
	text, err := os.ReadFile(m.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(text, state); err != nil {
			*state = admin.Maintenance{By: "a file that cannot be read", Reason: err.Error()}
		}
		state.On = true
		log.Warn("the server is read-only for maintenance", "since", state.Since, "by", state.By, "reason", state.Reason, "end", "convene maintenance off")
	}
	m.state.Store(state)
	return m, nil
}

// State implements admin.MaintenanceSwitch.
func (m *maintenance) State() admin.Maintenance { return *m.state.Load() }

// Switch implements admin.MaintenanceSwitch, for the files of a stopped server.
func (m *maintenance) Switch(_ context.Context, to admin.Maintenance) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.save(to); err != nil {
		return fmt.Errorf("maintenance: %w", err)
	}
	m.state.Store(&to)
	return nil
}

func (m *maintenance) save(to admin.Maintenance) error {
	if !to.On {
		if err := os.Remove(m.file); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return atomicfile.Write(m.file, 0o600, func(w io.Writer) error { return json.NewEncoder(w).Encode(to) })
}

// gate is that of the store and of the delegate database.
func (m *maintenance) gate(ctx context.Context) error {
	if !m.state.Load().On || ctx.Value(admittedKey{}) != nil {
		return nil
	}
	return store.ErrPaused
}

type admittedKey struct{}

// admitted is the context of what was begun while the gate was open and must be noted
// whatever happens: a letter that the mail server has taken would go out again.
func admitted(ctx context.Context) context.Context {
	return context.WithValue(ctx, admittedKey{}, true)
}

// A maintenanceSwitch is the switch of a running server.
type maintenanceSwitch struct{ s *Server }

// State implements admin.MaintenanceSwitch.
func (m maintenanceSwitch) State() admin.Maintenance { return m.s.maintenance.State() }

// Switch implements admin.MaintenanceSwitch. When it returns, no transaction is under
// way any more that was let in before.
func (m maintenanceSwitch) Switch(ctx context.Context, to admin.Maintenance) error {
	s := m.s
	if err := s.maintenance.Switch(ctx, to); err != nil {
		return err
	}
	s.health.maintenance(&to)
	if !to.On {
		s.log.Info("maintenance is over: changes are taken again")
		return nil
	}
	s.log.Warn("the server is read-only for maintenance", "since", to.Since, "by", to.By, "reason", to.Reason, "end", "convene maintenance off")
	ctx, cancel := context.WithTimeout(admitted(ctx), time.Minute)
	defer cancel()
	// Transactions run one behind the other: when this one has, those before it have.
	return s.data.store.Update(ctx, func(*store.Tx) error { return nil })
}
