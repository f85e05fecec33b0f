package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"convene/audit"
	"convene/directory"
	"convene/quota"
	"convene/store"
)

// Usage is what a principal stores and may store.
type Usage struct {
	Name   string `json:"name"`
	GUID   string `json:"guid"`
	Used   int64  `json:"used"`   // bytes
	Limit  int64  `json:"limit"`  // bytes; -1: none
	Own    bool   `json:"own"`    // the limit was set for this principal
	Source string `json:"source"` // where the limit comes from: "own", "group NAME", "type", "default"
	// Home is false for a principal that has stored nothing yet.
	Home    bool  `json:"home"`
	Objects int64 `json:"objects"`
	// Percent of the limit is used, rounded down; -1 without a limit.
	Percent int64 `json:"percent"`
}

// QuotaRequest names a principal: a GUID, a login, or a short name.
type QuotaRequest struct {
	Who   string `json:"who"`
	Limit int64  `json:"limit"` // for SetQuota: bytes; 0: the default, -1: none
	By    string `json:"by"`    // who they say they are
	// Reason is why, for the audit log.
	Reason string `json:"reason,omitempty"`
}

// quotaState is the limit of one principal in the audit log, as QuotaRequest has it.
type quotaState struct {
	Limit int64 `json:"limit"`
}

// QuotaListRequest says whose usage to list: of who has used at least so much of
// their limit, in percent. 0: of all.
type QuotaListRequest struct {
	Percent int64 `json:"percent"`
}

// QuotaList is what principals store, who has used most of their limit first.
type QuotaList struct {
	Usages []Usage `json:"usages"`
}

// ErrNoCalendars says that a principal may have no calendars, and so no quota.
var ErrNoCalendars = errors.New("this record has no calendars")

// Quota says what a principal stores and may store. Errors: those of the
// directory; a GUID need not be in it any more if it has a home.
func Quota(ctx context.Context, c Conn, who string) (Usage, error) {
	return call[Usage](ctx, c, "quota", QuotaRequest{Who: who})
}

// SetQuota sets what a principal may store: bytes, 0 for the default, -1 for
// no limit. If they have stored nothing yet, their home is made. Errors: as
// Quota; ErrNoCalendars.
func SetQuota(ctx context.Context, c Conn, q QuotaRequest) (Usage, error) {
	return call[Usage](ctx, c, "set-quota", q)
}

// ListQuotas says what everybody with a home stores and may store. Who the
// directory does not know any more, or while it is away, is named by their GUID.
func ListQuotas(ctx context.Context, c Conn, q QuotaListRequest) (QuotaList, error) {
	return call[QuotaList](ctx, c, "list-quotas", q)
}

func (a *Admin) quota(ctx context.Context, q QuotaRequest) (u Usage, err error) {
	p, err := a.find(ctx, q.Who)
	if err != nil {
		return u, err
	}
	policy := a.Store.QuotaPolicy()
	home := &store.Home{OwnerType: uint8(p.Type)}
	err = a.Store.View(ctx, func(tx *store.Tx) error {
		u = Usage{Name: p.Name, GUID: p.GUID}
		h, err := tx.Home(p.GUID)
		if err == nil {
			u.from(policy, h)
			return nil
		}
		return skipNotFound(err)
	})
	if err != nil || u.Home {
		return u, err
	}
	ids, err := a.Directory.Groups(ctx, p.GUID)
	if err != nil {
		return Usage{}, err // a group's limit may count, and must not be left out
	}
	// While a group of the configuration has not been found, no group's limit counts.
	home.QuotaGroups, _ = policy.GroupsOf(ids)
	u.from(policy, home)
	u.Home = false
	return u, nil
}

func (a *Admin) setQuota(ctx context.Context, q QuotaRequest) (u Usage, err error) {
	if q.Limit < quota.Unlimited {
		return Usage{}, fmt.Errorf("quota of %d bytes: %w", q.Limit, ErrRequest)
	}
	p, err := a.find(ctx, q.Who)
	if err != nil {
		return Usage{}, err
	}
	before, err := a.ownQuota(ctx, p)
	if err != nil {
		return Usage{}, err
	}
	act := audit.Act{
		By: a.Operator.By(q.By, q.Reason), Verb: "quota.set",
		Object: audit.Object{Type: "principal", GUID: p.GUID, Name: p.Name}, Before: before, After: quotaState{q.Limit},
	}
	err = a.Audit.Do(ctx, act, func() (after any, err error) {
		u, err = a.storeQuota(ctx, p, q.Limit)
		return quotaState{q.Limit}, err
	})
	return u, err
}

// ownQuota is the limit that was set for a principal. Error: ErrNoCalendars.
func (a *Admin) ownQuota(ctx context.Context, p *directory.Principal) (s quotaState, err error) {
	err = a.Store.View(ctx, func(tx *store.Tx) error {
		s = quotaState{}
		h, err := tx.Home(p.GUID)
		if err == nil {
			s.Limit = h.QuotaOverride
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) && !p.CalendarEnabled {
		return s, fmt.Errorf("%s: %w", p.Name, ErrNoCalendars)
	}
	return s, skipNotFound(err)
}

func (a *Admin) storeQuota(ctx context.Context, p *directory.Principal, limit int64) (u Usage, err error) {
	if err := a.makeHome(ctx, p); err != nil {
		return Usage{}, err
	}
	err = a.Store.Update(ctx, func(tx *store.Tx) error {
		h, err := tx.Home(p.GUID)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		if err := tx.SetQuota(h.ID, limit); err != nil {
			return err
		}
		if h, err = tx.HomeByID(h.ID); err != nil {
			return err
		}
		u = Usage{Name: p.Name, GUID: p.GUID}
		u.from(tx.QuotaPolicy(), h)
		return nil
	})
	return u, err
}

// makeHome makes the home of a principal unless there is one.
func (a *Admin) makeHome(ctx context.Context, p *directory.Principal) error {
	err := a.Store.View(ctx, func(tx *store.Tx) error { _, err := tx.Home(p.GUID); return err })
	switch {
	case !errors.Is(err, store.ErrNotFound):
		return err
	case !p.CalendarEnabled:
		return fmt.Errorf("%s: %w", p.Name, ErrNoCalendars)
	}
	return a.Provision(ctx, p)
}

// listQuotas reads the homes in one view, and then asks the directory for the
// names of those that are listed.
func (a *Admin) listQuotas(ctx context.Context, q QuotaListRequest) (list QuotaList, err error) {
	err = a.Store.View(ctx, func(tx *store.Tx) error {
		list.Usages = []Usage{}
		for h := range tx.Homes() {
			u := Usage{Name: h.Owner, GUID: h.Owner}
			if u.from(tx.QuotaPolicy(), h); u.Percent >= q.Percent || q.Percent <= 0 {
				list.Usages = append(list.Usages, u)
			}
		}
		return nil
	})
	if err != nil {
		return QuotaList{}, err
	}
	for i := range list.Usages {
		u := &list.Usages[i]
		p, err := a.Directory.Lookup(ctx, directory.Key{By: directory.GUID, Value: u.GUID})
		if err == nil {
			u.Name = p.Name
		} else if errors.Is(err, directory.ErrUnavailable) {
			break // the others would wait as long
		}
	}
	slices.SortFunc(list.Usages, func(a, b Usage) int {
		return cmp.Or(cmp.Compare(b.Percent, a.Percent), cmp.Compare(b.Used, a.Used), cmp.Compare(a.Name, b.Name))
	})
	return list, ctx.Err()
}

// find looks a principal up. One that the directory has forgotten is found by
// their GUID alone, if they have a home.
func (a *Admin) find(ctx context.Context, who string) (*directory.Principal, error) {
	p, err := directory.Find(ctx, a.Directory, who)
	if !errors.Is(err, directory.ErrNotFound) {
		return p, err
	}
	guid := directory.CanonicalGUID(who)
	if a.Store.View(ctx, func(tx *store.Tx) error { _, err := tx.Home(guid); return err }) == nil {
		return &directory.Principal{Name: guid, GUID: guid}, nil
	}
	return nil, err
}

func (u *Usage) from(policy *quota.Policy, h *store.Home) {
	owner := h.QuotaOwner()
	u.Home, u.Used, u.Objects = true, h.UsedBytes, h.Objects
	u.Source, u.Own = policy.Source(owner), h.QuotaOverride != 0
	u.Limit, u.Percent = -1, -1
	if limit := policy.Limits(owner).Bytes; limit > 0 {
		u.Limit, u.Percent = limit, int64(float64(u.Used)/float64(limit)*100)
	}
}

// skipNotFound makes nothing of an error that says that there is no home.
func skipNotFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
