package admin

import (
	"context"
	"errors"
	"fmt"

	"convene/directory"
	"convene/sacl"
	"convene/store"
)

// Usage is what a principal stores and may store.
type Usage struct {
	Name  string `json:"name"`
	GUID  string `json:"guid"`
	Used  int64  `json:"used"`  // bytes
	Limit int64  `json:"limit"` // bytes; -1: none
	Own   bool   `json:"own"`   // the limit was set for this principal
	// Home is false for a principal that has stored nothing yet.
	Home    bool  `json:"home"`
	Objects int64 `json:"objects"`
}

// QuotaRequest names a principal: a GUID, a login, or a short name.
type QuotaRequest struct {
	Who   string `json:"who"`
	Limit int64  `json:"limit"` // for SetQuota: bytes; 0: the default, -1: none
	By    string `json:"by"`
}

// Quota says what a principal stores and may store. Errors: those of the
// directory; a GUID need not be in it any more if it has a home.
func Quota(ctx context.Context, c Conn, who string) (Usage, error) {
	return call[Usage](ctx, c, "quota", QuotaRequest{Who: who})
}

// SetQuota sets what a principal may store: bytes, 0 for the default, -1 for
// no limit. Errors: as Quota; store.ErrNotFound: the principal has no home
// yet, and so nothing to limit.
func SetQuota(ctx context.Context, c Conn, q QuotaRequest) (Usage, error) {
	return call[Usage](ctx, c, "set-quota", q)
}

func (a *Admin) quota(ctx context.Context, q QuotaRequest) (u Usage, err error) {
	found, err := a.find(ctx, q.Who)
	if err != nil {
		return found, err
	}
	err = a.Store.View(ctx, func(tx *store.Tx) error {
		u = found
		h, err := tx.Home(u.GUID)
		if errors.Is(err, store.ErrNotFound) {
			u.Limit = tx.Quota(&store.Home{})
			return nil
		}
		if err == nil {
			u.from(tx, h)
		}
		return err
	})
	return u, err
}

func (a *Admin) setQuota(ctx context.Context, q QuotaRequest) (Usage, error) {
	if q.Limit < -1 {
		return Usage{}, fmt.Errorf("quota of %d bytes: %w", q.Limit, ErrRequest)
	}
	found, err := a.find(ctx, q.Who)
	if err != nil {
		return found, err
	}
	var u Usage
	err = a.Store.Update(ctx, func(tx *store.Tx) error {
		h, err := tx.Home(found.GUID)
		if err != nil {
			return fmt.Errorf("%s has stored nothing yet: %w", found.Name, err)
		}
		if err := tx.SetQuota(h.ID, q.Limit); err != nil {
			return err
		}
		if h, err = tx.HomeByID(h.ID); err != nil {
			return err
		}
		u = found
		u.from(tx, h)
		return nil
	})
	if err == nil {
		a.Audit.Info("quota: set", "who", u.Name, "guid", u.GUID, "bytes", q.Limit, "by", q.By)
	}
	return u, err
}

// find looks a principal up, for who is a GUID that the directory has
// forgotten, by that alone.
func (a *Admin) find(ctx context.Context, who string) (Usage, error) {
	p, err := sacl.Find(ctx, a.Directory, who)
	if err == nil {
		return Usage{Name: p.Name, GUID: p.GUID}, nil
	}
	guid := directory.CanonicalGUID(who)
	if !errors.Is(err, directory.ErrNotFound) {
		return Usage{}, err
	}
	if a.Store.View(ctx, func(tx *store.Tx) error { _, err := tx.Home(guid); return err }) == nil {
		return Usage{Name: guid, GUID: guid}, nil
	}
	return Usage{}, err
}

func (u *Usage) from(tx *store.Tx, h *store.Home) {
	u.Home, u.Used, u.Objects, u.Limit, u.Own = true, h.UsedBytes, h.Objects, tx.Quota(h), h.QuotaOverride != 0
}
