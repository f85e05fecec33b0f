package server

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"convene/directory"
	"convene/quota"
)

// setQuota makes what may be stored under the configuration of a site, with the
// groups that the directory knows now. While it is away those known before stay.
// log is told of names that it does not know.
func (s *Server) setQuota(ctx context.Context, next *site, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	p := next.people.quotaPolicy(ctx, next.config.QuotaPolicy(), log)
	if before := next.quota.Load(); before != nil && p.Incomplete {
		return
	}
	next.quota.Store(p)
}

// quotaPolicy adds to p who the groups are. It is incomplete if the directory
// could not be asked about some.
func (p *people) quotaPolicy(ctx context.Context, policy *quota.Policy, log *slog.Logger) *quota.Policy {
	ids := make(map[string]string, len(policy.Groups))
	for _, name := range slices.Sorted(maps.Keys(policy.Groups)) {
		group, err := directory.ParseRef(name)
		if err != nil || group.GUID == "" {
			group = directory.Ref{Type: directory.Group, Name: name}
		}
		switch guid, err := group.Resolve(ctx, p.cache); {
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

// freeDisk returns how many bytes may still be written to the disk of a folder.
func freeDisk(folder string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(folder, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
