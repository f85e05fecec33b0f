package admin

import (
	"context"
	"errors"
	"fmt"

	"convene/audit"
	"convene/directory"
)

// SignOutRequest says who is to be signed out.
type SignOutRequest struct {
	Who     string `json:"who,omitempty"`
	All     bool   `json:"all,omitempty"`     // everybody; Who is empty then
	Devices bool   `json:"devices,omitempty"` // revoke the device passwords, too; of Who only
	By      string `json:"by"`                // who they say they are
	Reason  string `json:"reason,omitempty"`
}

// SignedOut is what SignOut has ended.
type SignedOut struct {
	GUID     string `json:"guid,omitempty"` // empty: everybody's
	Name     string `json:"name,omitempty"`
	Sessions int    `json:"sessions"` // of browsers
	Devices  int    `json:"devices"`  // device passwords revoked
}

// SignOut ends the sessions of somebody's browsers, and whatever else spares them
// proving who they are; the directory is asked anew about them. Errors: those of the
// directory; ErrNotRunning.
func SignOut(ctx context.Context, c Conn, r SignOutRequest) (SignedOut, error) {
	return call[SignedOut](ctx, c, "signout", r)
}

// FlushRequest names a record of the directory.
type FlushRequest struct {
	Who    string `json:"who,omitempty"` // empty: all
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
}

// Flushed says what of the directory will be asked for again.
type Flushed struct {
	GUID string `json:"guid,omitempty"` // empty: everything
	Name string `json:"name,omitempty"`
}

// FlushDirectory makes what is remembered of the directory, or of one record, be asked
// for again. While the directory is away it goes on being used. Errors: those of the
// directory, but who has left it may be named; ErrNotRunning.
func FlushDirectory(ctx context.Context, c Conn, r FlushRequest) (Flushed, error) {
	return call[Flushed](ctx, c, "directory-flush", r)
}

// anyone finds who an operator means, also if they have left the directory: by what is
// remembered of it, or by GUID.
func (a *Admin) anyone(ctx context.Context, who string) (guid, name string, err error) {
	p, err := directory.Find(ctx, a.Directory, who)
	if errors.Is(err, directory.ErrNotFound) && a.Cache != nil {
		if former, formerErr := a.Cache.Former(who); !errors.Is(formerErr, directory.ErrNotFound) {
			p, err = former, formerErr
		}
	}
	if err == nil {
		return p.GUID, p.Name, nil
	}
	if ref, refErr := directory.ParseRef(who); errors.Is(err, directory.ErrNotFound) && refErr == nil && ref.GUID != "" {
		return ref.GUID, "", nil
	}
	return "", "", err
}

func (a *Admin) signOut(ctx context.Context, r SignOutRequest) (out SignedOut, err error) {
	switch {
	case r.All == (r.Who != "") || r.All && r.Devices:
		return out, fmt.Errorf("%w: one person, or all and without their device passwords", ErrRequest)
	case a.SignIn == nil || a.Sessions == nil || a.Cache == nil:
		return out, ErrNotRunning
	case !r.All:
		if out.GUID, out.Name, err = a.anyone(ctx, r.Who); err != nil {
			return out, err
		}
	}
	act := audit.Act{By: a.Operator.By(r.By, r.Reason), Verb: "signout", Object: audit.Object{Type: "principal", GUID: out.GUID, Name: out.Name}}
	if r.All {
		act.Object = audit.Object{Type: "server"}
	}
	err = a.Audit.Do(ctx, act, func() (any, error) { return out, a.endAll(ctx, r, &out) })
	return out, err
}

// endAll signs out. The sessions go first: what can fail is then told before anything
// else was done.
func (a *Admin) endAll(ctx context.Context, r SignOutRequest, out *SignedOut) (err error) {
	if r.All {
		out.Sessions, err = a.Sessions.EndEverybody(ctx)
		a.Cache.Flush()
	} else {
		out.Sessions, err = a.Sessions.EndAll(ctx, out.GUID)
		a.Cache.FlushRecord(out.GUID)
	}
	err = errors.Join(err, a.SignIn.SignOut(ctx, out.GUID))
	if r.Devices && a.Devices != nil {
		n, devicesErr := a.Devices.RevokeAll(ctx, out.GUID)
		out.Devices, err = n, errors.Join(err, devicesErr)
	}
	return err
}

func (a *Admin) directoryFlush(ctx context.Context, r FlushRequest) (out Flushed, err error) {
	if a.Cache == nil {
		return out, ErrNotRunning
	}
	act := audit.Act{By: a.Operator.By(r.By, r.Reason), Verb: "directory.flush", Object: audit.Object{Type: "server"}}
	if r.Who != "" {
		if out.GUID, out.Name, err = a.anyone(ctx, r.Who); err != nil {
			return out, err
		}
		act.Object = audit.Object{Type: "principal", GUID: out.GUID, Name: out.Name}
	}
	return out, a.Audit.Do(ctx, act, func() (any, error) {
		if r.Who == "" {
			a.Cache.Flush()
		} else {
			a.Cache.FlushRecord(out.GUID)
		}
		return nil, nil
	})
}
