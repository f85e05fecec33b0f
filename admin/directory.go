package admin

import (
	"context"

	"convene/directory"
)

// DirectoryState is how a running server stands with its directory.
type DirectoryState struct {
	Servers []directory.HostStatus `json:"servers"` // none: it is in files
	Cache   directory.CacheStats   `json:"cache"`
	Changes directory.TrackStatus  `json:"changes"`
}

// StateOfDirectory asks a running server; no server of the directory is asked for it.
// Error: ErrNotRunning.
func StateOfDirectory(ctx context.Context, c Conn) (DirectoryState, error) {
	return call[DirectoryState](ctx, c, "directory-state", None{})
}

func (a *Admin) directoryState(context.Context, None) (DirectoryState, error) {
	if a.Cache == nil {
		return DirectoryState{}, ErrNotRunning
	}
	return DirectoryState{a.Cache.Health(), a.Cache.Stats(), a.Cache.Tracking()}, nil
}
