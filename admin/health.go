package admin

import (
	"context"
	"time"
)

// Health says what the running server depends on, and how that is.
type Health struct {
	State string       `json:"state"` // Healthy, or Degraded if one of the parts is
	Parts []HealthPart `json:"parts"`
	// LastBackup is the last one that was completed; nil: there was none.
	LastBackup *BackupDone `json:"lastBackup"`
}

// The states of parts, and of the whole.
const (
	Healthy  = "ok"
	Degraded = "degraded" // the server goes on without, as far as it can
)

// A HealthPart is one thing that the server depends on.
type HealthPart struct {
	Name  string    `json:"name"`
	State string    `json:"state"`
	Since time.Time `json:"since,omitzero"` // when it was found degraded
	Error string    `json:"error,omitempty"`
	Cure  string    `json:"cure,omitempty"`
}

// ReadHealth returns the health of the running server. Error: ErrNotRunning.
func ReadHealth(ctx context.Context, c Conn) (Health, error) {
	return call[Health](ctx, c, "health", None{})
}

func (a *Admin) health(context.Context, None) (Health, error) {
	if a.Health == nil {
		return Health{}, ErrNotRunning
	}
	return a.Health(), nil
}
