package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"convene/admin"
	"convene/directory"
	"convene/store"
)

// report says how everything is that the server depends on.
func (s *Server) report(g *generation) admin.Health {
	h := admin.Health{State: admin.Healthy, Parts: append(s.health.parts(), directoryPart(g.directory.Health(), g.directory.Tracking()), s.maintenancePart())}
	last, err := admin.ReadLastBackup(g.config.Server.Data)
	h.LastBackup = last
	h.Parts = append(h.Parts, backupPart(last, err, g.config.Storage.BackupWithin, s.now()))
	if slices.ContainsFunc(h.Parts, func(p admin.HealthPart) bool { return p.State != admin.Healthy }) {
		h.State = admin.Degraded
	}
	return h
}

// directoryPart is the health of the directory's servers: one that is away is said, though
// others answer in its place; and so are changes that are not followed.
func directoryPart(hosts []directory.HostStatus, changes directory.TrackStatus) admin.HealthPart {
	p := admin.HealthPart{Name: directoryHealth, State: admin.Healthy}
	var away []string
	for _, h := range hosts {
		if h.Up {
			continue
		}
		away = append(away, h.URL+": "+h.Err)
		if since := h.Since.UTC().Truncate(time.Second); p.Since.IsZero() || since.Before(p.Since) {
			p.Since = since
		}
	}
	if away != nil {
		p.State, p.Error = admin.Degraded, strings.Join(away, "; ")
		p.Cure = "see to it that the server can reach the directory; the error log has each failure"
	} else if changes.Err != "" {
		p.State, p.Error = admin.Degraded, "changes are not followed: "+changes.Err
		p.Cure = "convene doctor"
	}
	return p
}

func (s *Server) maintenancePart() admin.HealthPart {
	p := admin.HealthPart{Name: "maintenance", State: admin.Healthy}
	if m := s.maintenance.State(); m.On {
		p.State, p.Since, p.Cure = admin.Degraded, m.Since, "convene maintenance off"
		p.Error = strings.TrimSuffix("read-only for maintenance, by "+m.By+": "+m.Reason, ": ")
	}
	return p
}

// backupPart says whether there is a backup that is young enough. within 0: any age will
// do, and none.
func backupPart(last *admin.BackupDone, err error, within time.Duration, now time.Time) admin.HealthPart {
	p := admin.HealthPart{Name: backupHealth, State: admin.Healthy}
	switch {
	case err != nil:
		p.Error = err.Error()
	case within <= 0:
		return p
	case last == nil:
		p.Error = "there was no backup yet"
	case now.Sub(last.Of) > within:
		p.Since = last.Of.Add(within).UTC()
		p.Error = fmt.Sprintf("the last backup is of %s, which is more than %s ago", last.Of.UTC().Format(time.RFC3339), within)
	default:
		return p
	}
	p.State, p.Cure = admin.Degraded, "look at what calls convene backup, such as systemctl status convene-backup"
	return p
}

// aliveWithin is how long a transaction may take before the server counts as stuck.
const aliveWithin = 5 * time.Second

// serveHealth answers monitoring, which has no name here and learns no more than states:
// causes and cures are for convene health.
//
//	/health/live    200 while the files can be read, 503 if they hang
//	/health/ready   200 while requests are served, also if something is degraded
//	/health         200 and JSON: {"state": STATE, "parts": {NAME: STATE, …}}
func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Health is read with GET.", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	switch path.Clean(r.URL.Path) {
	case "/health/live":
		ctx, cancel := context.WithTimeout(r.Context(), aliveWithin)
		defer cancel()
		if err := s.data.store.View(ctx, func(*store.Tx) error { return nil }); err != nil {
			http.Error(w, "The calendars cannot be read.", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, admin.Healthy)
	case "/health/ready":
		fmt.Fprintln(w, s.currentReport().State)
	case "/health":
		h := s.currentReport()
		states := struct {
			State string            `json:"state"`
			Parts map[string]string `json:"parts"`
		}{h.State, map[string]string{}}
		for _, p := range h.Parts {
			states.Parts[p.Name] = p.State
		}
		w.Header().Set("Content-Type", "application/json")
		// Nobody is left to tell if this fails.
		_ = json.NewEncoder(w).Encode(states)
	default:
		http.NotFound(w, r)
	}
}

// currentReport is the report of the generation in use.
func (s *Server) currentReport() admin.Health {
	current := s.current.Load()
	for !current.enter() {
		current = s.current.Load()
	}
	defer current.leave()
	return s.report(current)
}
