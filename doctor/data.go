package doctor

import (
	"context"
	"os"

	"golang.org/x/sys/unix"

	"convene/internal/settings"
)

const (
	// littleSpace is worth a warning: backups and the engine's log need some.
	littleSpace = 1 << 30
	// filesPerConnection is what a connection may have open, its share of files included.
	filesPerConnection = 2
)

// data looks at the data folder, the files in it, the disk, the ports, and the limits of
// the process.
func (p *patient) data(ctx context.Context, e *examination) {
	folder := p.Config.Server.Data
	info, err := os.Stat(folder)
	switch {
	case err != nil:
		e.found(Fail, "data folder", "data-folder", "server.data", "make it, owned by the server's account, mode 0700", "%v", err)
		return
	case info.Mode().Perm()&0o007 != 0:
		e.found(Warn, "data folder", "file-mode", "server.data", "chmod o= "+folder, "every account of this machine may look into %s (mode %04o)", folder, info.Mode().Perm())
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(folder, &disk); err != nil {
		e.found(Fail, "disk", "disk", "server.data", "look at the file system", "%v", err)
		return
	}
	if free := int64(disk.Bavail) * int64(disk.Bsize); free < littleSpace {
		e.found(Warn, "disk", "disk-space", "server.data", "make room, or move the folder", "%d MB are free", free/int64(settings.MB))
	} else {
		e.ok("disk", "%d MB are free", free/int64(settings.MB))
	}
	if p.Running != nil {
		p.degraded(e)
	} else {
		p.stores(ctx, e)
		p.ports(ctx, e)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err == nil && limit.Max < uint64(filesPerConnection*p.Config.Limits.Connections) {
		e.found(Warn, "limits", "open-files", "limits.max-connections", "raise LimitNOFILE of the service, or lower the setting",
			"%d open files are allowed, and limits.max-connections is %d", limit.Max, p.Config.Limits.Connections)
	}
}

// secret looks at the file with the password or the keys of the service account.
func (p *patient) secret(e *examination) {
	if p.ldap.BindKeytab != "" {
		p.mode(e, "keytab", "directory.ldap.bind-keytab", p.ldap.BindKeytab)
	}
	if p.ldap.BindPasswordFile != "" {
		p.mode(e, "password file", "directory.ldap.bind-password-file", p.ldap.BindPasswordFile)
	}
}
