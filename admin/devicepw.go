package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"convene/audit"
	"convene/auth"
	"convene/directory"
)

// ErrNoDevices says that this server keeps no device passwords.
var ErrNoDevices = errors.New("device passwords are not in use")

// DeviceRequest names a principal, and one of its device passwords.
type DeviceRequest struct {
	Who   string `json:"who"`
	Label string `json:"label,omitempty"` // to enrol
	ID    string `json:"id,omitempty"`    // to revoke; empty: all
	By    string `json:"by"`              // who they say they are
	// Reason is why, for the audit log.
	Reason string `json:"reason,omitempty"`
}

// deviceState is a device password in the audit log.
type deviceState struct {
	ID    string `json:"id,omitempty"`
	Label string `json:"label,omitempty"`
}

// A Device is a device password, without its secret.
type Device struct {
	ID       string    `json:"id"`
	Label    string    `json:"label"`
	Created  time.Time `json:"created"`
	LastUsed time.Time `json:"lastUsed,omitzero"` // to about ten minutes; zero: never
	Address  string    `json:"address,omitempty"` // of the client that used it last
	Agent    string    `json:"agent,omitempty"`   // what that client called itself
	Logins   []string  `json:"logins"`            // names with which Digest works
}

// NewDevice is a device password just enrolled.
type NewDevice struct {
	Device
	// Secret is what the device signs in with. It cannot be had again.
	Secret string `json:"secret"`
}

// AddDevice enrols a device password. Errors: those of the directory,
// auth.ErrTooManyDevices, auth.ErrNotEnabled, ErrNoDevices.
func AddDevice(ctx context.Context, c Conn, r DeviceRequest) (NewDevice, error) {
	return call[NewDevice](ctx, c, "device-add", r)
}

// Devices lists a principal's device passwords, without their secrets.
func Devices(ctx context.Context, c Conn, who string) ([]Device, error) {
	return call[[]Device](ctx, c, "device-list", DeviceRequest{Who: who})
}

// Revoked counts what RevokeDevices has revoked.
type Revoked struct {
	Revoked int `json:"revoked"`
}

// RevokeDevices revokes one device password of a principal, or all. Errors:
// those of the directory, and its ErrNotFound for an ID that the principal does
// not have; ErrNoDevices.
func RevokeDevices(ctx context.Context, c Conn, r DeviceRequest) (Revoked, error) {
	return call[Revoked](ctx, c, "device-revoke", r)
}

func (a *Admin) device(ctx context.Context, who string) (guid, name string, err error) {
	if a.Devices == nil {
		return "", "", ErrNoDevices
	}
	p, err := directory.Find(ctx, a.Directory, who)
	if err != nil {
		return "", "", err
	}
	return p.GUID, p.Name, nil
}

func (a *Admin) deviceAdd(ctx context.Context, r DeviceRequest) (NewDevice, error) {
	guid, name, err := a.device(ctx, r.Who)
	if err != nil {
		return NewDevice{}, err
	}
	var d auth.Device
	var secret string
	act := audit.Act{
		By: a.Operator.By(r.By, r.Reason), Verb: "device.add",
		Object: audit.Object{Type: "principal", GUID: guid, Name: name}, After: deviceState{Label: r.Label},
	}
	err = a.Audit.Do(ctx, act, func() (after any, err error) {
		d, secret, err = a.Devices.Add(ctx, guid, r.Label)
		return deviceState{d.ID, d.Label}, err
	})
	if err != nil {
		return NewDevice{}, err
	}
	return NewDevice{deviceOf(d), secret}, nil
}

func (a *Admin) deviceList(ctx context.Context, r DeviceRequest) ([]Device, error) {
	guid, _, err := a.device(ctx, r.Who)
	if err != nil {
		return nil, err
	}
	list, err := a.Devices.List(ctx, guid)
	if err != nil {
		return nil, err
	}
	out := []Device{}
	for _, d := range list {
		out = append(out, deviceOf(d))
	}
	return out, nil
}

func deviceOf(d auth.Device) Device {
	return Device{d.ID, d.Label, d.Created, d.LastUsed, d.Address, d.Agent, append([]string{}, d.Logins...)}
}

func (a *Admin) deviceRevoke(ctx context.Context, r DeviceRequest) (Revoked, error) {
	guid, name, err := a.device(ctx, r.Who)
	if err != nil {
		return Revoked{}, err
	}
	before, err := a.revocable(ctx, guid, r.ID)
	if err != nil || len(before) == 0 {
		return Revoked{}, err
	}
	act := audit.Act{
		By: a.Operator.By(r.By, r.Reason), Verb: "device.revoke",
		Object: audit.Object{Type: "principal", GUID: guid, Name: name}, Before: before,
	}
	var n int
	err = a.Audit.Do(ctx, act, func() (after any, err error) {
		if r.ID == "" {
			n, err = a.Devices.RevokeAll(ctx, guid)
		} else if err = a.Devices.Revoke(ctx, guid, r.ID); err == nil {
			n = 1
		}
		return Revoked{n}, err
	})
	return Revoked{n}, err
}

// revocable lists the device passwords of a principal that have an ID, or all if it
// is empty. Error: directory.ErrNotFound, if none has it.
func (a *Admin) revocable(ctx context.Context, guid, id string) (found []deviceState, err error) {
	list, err := a.Devices.List(ctx, guid)
	for _, d := range list {
		if id == "" || d.ID == id {
			found = append(found, deviceState{d.ID, d.Label})
		}
	}
	if err == nil && id != "" && len(found) == 0 {
		err = fmt.Errorf("device password %q: %w", id, directory.ErrNotFound)
	}
	return found, err
}
