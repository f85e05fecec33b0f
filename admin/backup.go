package admin

import (
	"context"
	"io"
	"os"
	"time"

	"convene/admin/backup"
)

// BackupRequest asks for an archive.
type BackupRequest struct {
	// Config is the text of the configuration that goes with it.
	Config  []byte `json:"config"`
	Version string `json:"version"` // of the program
	By      string `json:"by"`
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
	if len(r.Config) > 0 {
		members = append(members, backup.Text{FileName: backup.ConfigName, Content: r.Config})
	}
	m, err := backup.Write(ctx, out, members, backup.Origin{Version: r.Version, Host: host, Time: time.Now()})
	if err != nil {
		a.Audit.Warn("backup: failed", "err", err, "by", r.By)
		return err
	}
	a.Audit.Info("backup: written", "bytes", m.Bytes(), "by", r.By)
	return nil
}
