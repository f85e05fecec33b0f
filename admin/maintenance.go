package admin

import (
	"context"
	"time"

	"convene/audit"
)

// Maintenance is the state in which the server changes neither calendars nor delegates:
// who writes gets 503, who reads is served.
type Maintenance struct {
	On     bool      `json:"on"`
	Since  time.Time `json:"since,omitzero"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// A MaintenanceSwitch begins and ends maintenance, also over a restart.
type MaintenanceSwitch interface {
	State() Maintenance
	// Switch returns when no change is under way any more.
	Switch(ctx context.Context, to Maintenance) error
}

// The requests of MaintenanceRequest.
const (
	MaintenanceOn     = "on"
	MaintenanceOff    = "off"
	MaintenanceStatus = "status"
)

// A MaintenanceRequest asks for the state, or for another one.
type MaintenanceRequest struct {
	Switch string `json:"switch"`
	By     string `json:"by"` // who they say they are
	Reason string `json:"reason,omitempty"`
}

// SwitchMaintenance begins or ends maintenance, or only says what there is. It returns
// the state after that. What is so already is not done again.
func SwitchMaintenance(ctx context.Context, c Conn, r MaintenanceRequest) (Maintenance, error) {
	return call[Maintenance](ctx, c, "maintenance", r)
}

func (a *Admin) maintenance(ctx context.Context, r MaintenanceRequest) (Maintenance, error) {
	before := a.Maintenance.State()
	to := Maintenance{On: r.Switch == MaintenanceOn}
	switch {
	case r.Switch == MaintenanceStatus:
		return before, nil
	case r.Switch != MaintenanceOn && r.Switch != MaintenanceOff:
		return before, ErrRequest
	case to.On == before.On:
		return before, nil
	}
	by := a.Operator.By(r.By, r.Reason)
	if to.On {
		to.Since, to.By, to.Reason = a.now().UTC().Truncate(time.Second), by.Actor.Name, r.Reason
		if to.By == "" {
			to.By = r.By
		}
	}
	act := audit.Act{By: by, Verb: "maintenance." + r.Switch, Object: audit.Object{Type: "server"}, Before: before}
	err := a.Audit.Do(ctx, act, func() (any, error) { return to, a.Maintenance.Switch(ctx, to) })
	if err != nil {
		return a.Maintenance.State(), err
	}
	return to, nil
}
