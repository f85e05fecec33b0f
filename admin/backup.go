package admin

import (
	"context"
	"io"
	"os"
	"slices"
	"time"

	"convene/admin/backup"
	"convene/audit"
)

// BackupRequest asks for an archive.
type BackupRequest struct {
	// Config is the text of the configuration that goes with it.
	Config  []byte `json:"config"`
	Version string `json:"version"` // of the program
	// WithoutDelegates leaves the delegate database out.
	WithoutDelegates bool `json:"withoutDelegates,omitempty"`
	// Only is the name of the one file that is wanted, such as backup.DelegatesName.
	Only   string `json:"only,omitempty"`
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
}

// WriteBackup writes an archive of all that the server keeps to out, not compressed:
// see package backup. Errors: those of the members and of out.
func WriteBackup(ctx context.Context, c Conn, r BackupRequest, out io.Writer) error {
	return c.Stream(ctx, "backup", r, out)
}

// FollowBackup writes an archive as WriteBackup does, and then what changes, until ctx
// ends: backup.FollowReader reads it. Errors: as WriteBackup, and backup.ErrAnew.
func FollowBackup(ctx context.Context, c Conn, r BackupRequest, out io.Writer) error {
	return c.Stream(ctx, "backup-follow", r, out)
}

func (a *Admin) followBackup(ctx context.Context, r BackupRequest, out io.Writer) error {
	flush := func() {}
	if f, is := out.(interface{ Flush() }); is {
		flush = f.Flush
	}
	origin, err := r.origin()
	if err != nil {
		return err
	}
	return a.Audit.Do(ctx, a.backupAct(r), func() (any, error) {
		err := backup.Follow(ctx, out, flush, a.backupMembers(r), origin)
		if ctx.Err() != nil {
			err = nil // whoever followed went away, or the server stops: there is no other end
		}
		return nil, err
	})
}

func (r BackupRequest) origin() (backup.Origin, error) {
	host, err := os.Hostname()
	return backup.Origin{Version: r.Version, Host: host, Time: time.Now(), Only: r.Only}, err
}

func (a *Admin) backupMembers(r BackupRequest) []backup.Member {
	members := append([]backup.Member{}, a.Members...)
	if r.WithoutDelegates {
		members = slices.DeleteFunc(members, func(m backup.Member) bool { return m.Name() == backup.DelegatesName })
	}
	if len(r.Config) > 0 {
		members = append(members, backup.Text{FileName: backup.ConfigName, Content: r.Config})
	}
	return members
}

func (a *Admin) backupAct(r BackupRequest) audit.Act {
	return audit.Act{By: a.Operator.By(r.By, r.Reason), Verb: "server.backup", Object: audit.Object{Type: "server"}}
}

func (a *Admin) backup(ctx context.Context, r BackupRequest, out io.Writer) error {
	origin, err := r.origin()
	if err != nil {
		return err
	}
	return a.Audit.Do(ctx, a.backupAct(r), func() (any, error) {
		m, err := backup.Write(ctx, out, a.backupMembers(r), origin)
		if err != nil {
			return nil, err
		}
		return backedUp{m.Bytes()}, nil
	})
}

// backedUp is what a backup was, in the audit log.
type backedUp struct {
	Bytes int64 `json:"bytes"`
}
