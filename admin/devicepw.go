package admin

import (
	"context"
	"errors"
	"time"

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
	By    string `json:"by"`
}

// A Device is a device password, without its secret.
type Device struct {
	ID       string    `json:"id"`
	Label    string    `json:"label"`
	Created  time.Time `json:"created"`
	LastUsed time.Time `json:"lastUsed,omitzero"` // to about ten minutes; zero: never
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
	d, secret, err := a.Devices.Add(ctx, guid, r.Label)
	if err != nil {
		return NewDevice{}, err
	}
	a.Audit.Info("device password: enrolled", "who", name, "guid", guid, "id", d.ID, "label", d.Label, "by", r.By)
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
	return Device{d.ID, d.Label, d.Created, d.LastUsed, append([]string{}, d.Logins...)}
}

func (a *Admin) deviceRevoke(ctx context.Context, r DeviceRequest) (Revoked, error) {
	guid, name, err := a.device(ctx, r.Who)
	if err != nil {
		return Revoked{}, err
	}
	var n int
	if r.ID == "" {
		n, err = a.Devices.RevokeAll(ctx, guid)
	} else if err = a.Devices.Revoke(ctx, guid, r.ID); err == nil {
		n = 1
	}
	if n > 0 {
		a.Audit.Info("device password: revoked", "who", name, "guid", guid, "id", r.ID, "count", n, "by", r.By)
	}
	return Revoked{n}, err
}
