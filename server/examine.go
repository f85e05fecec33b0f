package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"convene/directory"
	"convene/doctor"
)

const (
	// examineMost bounds the records of each type that are looked at.
	examineMost = 2000
	// examineFor bounds all of it.
	examineFor = time.Minute
)

// examine makes the cheap checks after the start and after each reload, beside the
// requests, and logs what is wrong, each fault with its cure.
func (s *Server) examine(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.examining:
		}
		within, cancel := context.WithTimeout(ctx, examineFor)
		report, err := s.examined(within)
		cancel()
		switch {
		case ctx.Err() != nil: // stopping: what was not found is no fault
		case err != nil:
			s.log.Warn("the surroundings could not be looked at", "err", err)
		default:
			s.tellReport(report)
		}
	}
}

// lookAgain asks for another examination.
func (s *Server) lookAgain() {
	select {
	case s.examining <- struct{}{}:
	default: // one is asked for already
	}
}

func (s *Server) examined(ctx context.Context) (doctor.Report, error) {
	current := s.enter()
	defer current.leave()
	// The server's own bind comes first: if it is refused there is no other.
	if err := current.directory.Ping(ctx); err != nil && !errors.Is(err, directory.ErrUnavailable) {
		return nil, err
	}
	return doctor.Run(ctx, doctor.Options{
		Config: current.config, Only: doctor.Cheap(), Most: examineMost, Now: s.now,
		Running: &doctor.Running{Servers: current.directory.Health(), Cache: current.directory.Stats(), Changes: current.directory.Tracking()},
	})
}

// tellReport logs what was found.
func (s *Server) tellReport(report doctor.Report) {
	counts := map[string]string{}
	for _, f := range report {
		if f.Count == 0 {
			continue
		}
		counts[f.What] = fmt.Sprint(f.Count)
		if f.Count >= examineMost {
			counts[f.What] = fmt.Sprintf("at least %d", f.Count)
		}
	}
	count := func(t directory.Type) string {
		if n := counts[t.String()]; n != "" {
			return n
		}
		return "no"
	}
	if len(counts) > 0 {
		s.log.Info(fmt.Sprintf("found %s people, %s rooms", count(directory.User), count(directory.Location)), "groups", count(directory.Group), "resources", count(directory.Resource))
	}
	for _, f := range report.Faults() {
		s.log.Warn(f.What+": "+f.Figure, "check", f.Check, "setting", f.Setting, "cure", f.Cure)
	}
}
