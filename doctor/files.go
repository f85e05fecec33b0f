package doctor

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"convene/delegation"
	"convene/internal/engine"
)

// degraded are the parts of a running server that other checks do not tell about.
func (p *patient) degraded(e *examination) {
	var well []string
	for _, part := range p.Running.Parts {
		switch {
		case part.Err == "":
			well = append(well, part.Name)
		default:
			e.found(Fail, part.Name, "degraded", "", orLog(part.Cure), "%s", part.Err)
		}
	}
	if len(well) > 0 {
		e.ok("running server", "%s: as they should be", strings.Join(well, ", "))
	}
}

func orLog(cure string) string {
	if cure == "" {
		return "look at the server's log"
	}
	return cure
}

// stores looks at the files of a server that does not run: whether their pages can be
// followed. What the records in them say is for "convene verify".
func (p *patient) stores(ctx context.Context, e *examination) {
	folder := p.Config.Server.Data
	for _, name := range []string{"calendars.db", "auth.db"} {
		path := filepath.Join(folder, name)
		switch err := engine.CheckFile(ctx, path); {
		case errors.Is(err, fs.ErrNotExist):
			e.ok(name, "there is none yet")
		case errors.Is(err, fs.ErrPermission):
			e.found(Warn, name, "file-permission", "server.data", "run doctor as the server's account, or as root", "%v", err)
		case err != nil:
			e.found(Fail, name, "damaged", "", "restore it from a backup (convene restore), or save what can be read (convene recover)", "%v", err)
		default:
			info, err := os.Stat(path)
			if err != nil {
				e.found(Fail, name, "damaged", "", "look at the file system", "%v", err)
				continue
			}
			e.ok(name, "%d kB, its pages are in order", info.Size()>>10)
		}
	}
	p.delegates(ctx, e, filepath.Join(folder, "delegates.db"))
}

// delegates looks at the delegate database, which is never made anew where one was.
func (p *patient) delegates(ctx context.Context, e *examination, path string) {
	const what = "delegates"
	state, err := delegation.Inspect(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, was := os.Stat(path[:len(path)-len(".db")] + ".state"); was == nil {
			e.found(Fail, what, "lost", "", "put the file back, or restore one of the copies in delegates.d: convene delegate restore", "%s is not there any more", path)
			return
		}
		e.ok(what, "there is none yet")
	case errors.Is(err, fs.ErrPermission):
		e.found(Warn, what, "file-permission", "server.data", "run doctor as the server's account, or as root", "%v", err)
	case errors.Is(err, delegation.ErrCopy):
		e.found(Fail, what, "damaged", "", orLog(state.Cure()), "%s", state)
	case err != nil:
		e.found(Fail, what, "damaged", "", "look at the file system", "%v", err)
	default:
		e.ok(what, "%s, in order", plural(state.Records, "record", "records"))
	}
}

// ports looks whether the addresses are free on which a server would listen.
func (p *patient) ports(ctx context.Context, e *examination) {
	var free []string
	for _, l := range []struct {
		setting   string
		addresses []string
	}{{"server.http", p.Config.Server.HTTP}, {"server.https", p.Config.Server.HTTPS}} {
		setting := l.setting
		for _, address := range l.addresses {
			l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
			switch {
			case err == nil:
				_ = l.Close() // nobody has connected
				free = append(free, address)
			case errors.Is(err, syscall.EADDRINUSE):
				e.found(Fail, address, "port", setting, `see who listens there ("ss -ltnp") and end it, or choose another port`, "another program listens there")
			case errors.Is(err, syscall.EADDRNOTAVAIL):
				e.found(Fail, address, "address", setting, "correct it; this machine's are in \"ip address\"", "this machine does not have the address")
			case errors.Is(err, syscall.EACCES):
				// The service has a right that whoever runs this lacks.
			default:
				e.found(Fail, address, "address", setting, "correct it", "%v", err)
			}
		}
	}
	if len(free) > 0 {
		e.ok("ports", "%s: free", strings.Join(free, ", "))
	}
}
