package calendar

import (
	"context"

	"convene/store"
)

// A Membership is which groups that have quotas somebody is in. The zero value is
// not known.
type Membership struct {
	names string // as quota.Policy.GroupsOf gives them
	known bool
}

// QuotaGroups asks the directory for a principal's groups, if any have quotas. It
// is not known while the directory is away.
func (c *Calendars) QuotaGroups(ctx context.Context, guid string) Membership {
	if c.Groups == nil || len(c.Store.QuotaPolicy().Groups) == 0 {
		return Membership{known: true}
	}
	ids, err := c.Groups(ctx, guid)
	if err != nil {
		return Membership{}
	}
	return c.QuotaGroupsOf(ids)
}

// QuotaGroupsOf is QuotaGroups of somebody whose groups are known, by their GUIDs.
func (c *Calendars) QuotaGroupsOf(ids []string) Membership {
	names, known := c.Store.QuotaPolicy().GroupsOf(ids)
	return Membership{names, known}
}

// SetQuotaGroups brings a home's record up to date with m, if that is known and tx
// may write. home is changed with it.
func (tx *Tx) SetQuotaGroups(home *store.Home, m Membership) error {
	if !m.known || tx.ReadOnly() || home.QuotaGroups == m.names {
		return nil
	}
	home.QuotaGroups = m.names
	return tx.Tx.SetQuotaGroups(home.ID, m.names)
}
