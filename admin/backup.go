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

func (a *Admin) backup(ctx context.Context, r BackupRequest, out io.Writer) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	members := append([]backup.Member{}, a.Members...)
	if r.WithoutDelegates {
		members = slices.DeleteFunc(members, func(m backup.Member) bool { return m.Name() == backup.DelegatesName })
	}
	if len(r.Config) > 0 {
		members = append(members, backup.Text{FileName: backup.ConfigName, Content: r.Config})
	}
	act := audit.Act{By: a.Operator.By(r.By, r.Reason), Verb: "server.backup", Object: audit.Object{Type: "server"}}
	return a.Audit.Do(ctx, act, func() (any, error) {
		m, err := backup.Write(ctx, out, members, backup.Origin{Version: r.Version, Host: host, Time: time.Now(), Only: r.Only})
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
