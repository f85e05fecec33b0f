package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"time"

	"convene/acl"
	"convene/caldav"
	"convene/config"
	"convene/directory"
	"convene/quota"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/sacl"
)

// resolveLimit is how long a reload waits for the directory to say who the administrators
// are, and for each of some other questions. It goes on without, and asks again (see
// watch).
const resolveLimit = 2 * time.Second

// startLimit is that of a start, for all questions together: clients are served within
// a second, with what is known, while directory servers hang.
const startLimit = 700 * time.Millisecond

// setCalendars makes the handler of a generation, with the administrators and
// readers that the directory knows now. log gets the names that it does not
// know.
func (s *Server) setCalendars(ctx context.Context, next *generation, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	policy := accessPolicy(ctx, s.pins, next.directory, &next.config, log)
	s.setSudo(ctx, next, policy, log)
	if next.calendars.Load() != nil && (policy.Incomplete || reflect.DeepEqual(policy, next.policy)) {
		return nil // those known before stay
	}
	if policy.Incomplete {
		log.Warn("the directory does not say who the administrators are; it will be asked again")
	}
	h, err := caldav.New(caldav.Options{
		Calendars: next.calendarData,
		Directory: next.directory, Access: &policy, Acts: s.audit, Audit: s.accesses, AuditPrivate: next.config.Log.AuditPrivate,
		Delegates: caldav.Delegates{Book: s.data.delegates, Appointed: next.appointed, View: next.config.Delegates.DelegateView},
		Limits:    next.config.Calendars, PublicURL: next.config.Server.PublicURL, Domains: next.config.Scheduling.Domains, OldDrafts: next.config.Scheduling.OldDrafts, Mail: next.mail != nil, Memory: s.limits.memory, Log: s.log, Now: s.now,
		Rooms: roomPolicies(&next.config.Rooms, s.data.rooms), RoomIndex: next.rooms, Language: next.config.Mail.Language,
	})
	if err != nil {
		return err
	}
	next.policy = policy
	next.calendars.Store(h)
	return nil
}

// roomPolicies gives how rooms are set: by the configuration, the directory and
// commands.
func roomPolicies(c *rooms.Config, settings *rooms.Settings) func(context.Context, *directory.Principal) (*policy.Policy, error) {
	return func(ctx context.Context, p *directory.Principal) (*policy.Policy, error) {
		local, err := settings.Get(ctx, p.GUID)
		if err != nil {
			return nil, err
		}
		return &c.Resolve(p, local).Policy, nil
	}
}

// roomIndex has the rooms by which people find them. Settings of groups are those by which
// any may be a pool.
func roomIndex(c *config.Config, d directory.Directory, settings *rooms.Settings) *rooms.Index {
	x := rooms.NewIndex(d, &c.Rooms, settings)
	groups := &c.Directory.LDAP.Groups
	if c.Directory.Kind == directory.KindFile {
		groups = &c.Directory.File.Groups
	}
	x.GroupSettings = len(groups.RoomSettings) > 0
	return x
}

// accessPolicy is what a configuration says of everybody's resources, with those whom
// the directory knows now.
func accessPolicy(ctx context.Context, pins *sacl.Pins, d directory.Directory, c *config.Config, log *slog.Logger) acl.Policy {
	policy := resolvePolicy(ctx, pins, d, c.Access, log)
	policy.FreeBusy, policy.Anyone = acl.FreeBusyNamed[c.Calendars.FreeBusy], acl.ReachNamed[c.Access.Anonymous]
	return policy
}

// setSudo sets who may act as others, as the directory knows them now. Those known
// before stay while it cannot be asked.
func (s *Server) setSudo(ctx context.Context, next *generation, policy acl.Policy, log *slog.Logger) {
	sudoers, complete := resolveAll(ctx, s.pins, next.directory, "access.sudoers", next.config.Access.Sudoers, log)
	before := next.sudo.Load()
	if before != nil && policy.Incomplete {
		policy = before.policy
	}
	if before != nil && !complete {
		sudoers, complete = before.sudoers, !before.incomplete
	}
	next.sudo.Store(&sudo{sudoers: sudoers, policy: policy, incomplete: !complete})
}

// resolvePolicy finds the records that the entries of c name. Those that the
// directory does not know are left out with a warning; the policy is incomplete
// if it could not be asked about some.
func resolvePolicy(ctx context.Context, pins *sacl.Pins, d directory.Directory, c config.Access, log *slog.Logger) acl.Policy {
	administrators, all := resolveAll(ctx, pins, d, "access.administrators", c.Administrators, log)
	readers, too := resolveAll(ctx, pins, d, "access.readers", c.Readers, log)
	return acl.Policy{Administrators: administrators, Readers: readers, Incomplete: !all || !too}
}

// resolveAll returns the GUIDs of the records that the entries of a setting name,
// sorted, and whether the directory could be asked about all of them.
func resolveAll(ctx context.Context, pins *sacl.Pins, d directory.Directory, setting string, entries []string, log *slog.Logger) (out []string, complete bool) {
	complete = true
	for _, s := range entries {
		guid := ""
		who, err := directory.ParseRef(s)
		if err == nil {
			guid, err = pins.Resolve(ctx, d, setting, who)
		}
		switch {
		case err == nil:
			out = append(out, guid)
		case errors.Is(err, directory.ErrUnavailable):
			complete = false
		default:
			log.Warn("nobody has the rights of an entry", "setting", setting, "entry", s, "err", err)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), complete
}

// pinned are the entries of a configuration whose names are remembered.
func pinned(c *config.Config) []string {
	out := slices.Concat(c.Access.Administrators, c.Access.Readers, c.Access.Sudoers)
	for _, entries := range c.SACL.Lists() {
		out = append(out, entries...)
	}
	for name := range c.Quota.Groups {
		out = append(out, quotaGroup(name).String())
	}
	return out
}

// setQuota makes what may be stored under the configuration of a generation, with the
// groups that the directory knows now. While it is away those known before stay.
// log gets the names that it does not know.
func (s *Server) setQuota(ctx context.Context, next *generation, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	p := resolveQuota(ctx, s.pins, next.directory, next.config.QuotaPolicy(), log)
	if before := next.quota.Load(); before != nil && p.Incomplete {
		return
	}
	next.quota.Store(p)
}

// resolveQuota adds to p who the groups are. It is incomplete if the directory
// could not be asked about some.
func resolveQuota(ctx context.Context, pins *sacl.Pins, d directory.Directory, policy *quota.Policy, log *slog.Logger) *quota.Policy {
	ids := make(map[string]string, len(policy.Groups))
	for _, name := range slices.Sorted(maps.Keys(policy.Groups)) {
		switch guid, err := pins.Resolve(ctx, d, "quota.groups", quotaGroup(name)); {
		case err == nil:
			ids[guid] = name
		case errors.Is(err, directory.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
			policy.Incomplete = true
		default:
			log.Warn("nobody has the quota of a group", "setting", "quota.groups", "group", name, "err", err)
		}
	}
	policy.GroupIDs = ids
	return policy
}

// quotaGroup is the group that quota.groups has under a short name or GUID.
func quotaGroup(name string) directory.Ref {
	if group, err := directory.ParseRef(name); err == nil && group.GUID != "" {
		return group
	}
	return directory.Ref{Type: directory.Group, Name: name}
}

// checkNames warns of entries of the access list that are about nobody, such as a
// misspelt one that was to turn people away. It says nothing while the directory is
// away.
func checkNames(ctx context.Context, list *sacl.SACL, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	list.Pin(ctx)
	for r, err := range list.Unknown(ctx) {
		log.Warn("an entry of the access list is about nobody", "setting", fmt.Sprintf("sacl.%s.%s", r.Service, r.Effect), "entry", r.Entry(), "err", err)
	}
}
