package server

import (
	"log/slog"
	"os"

	"convene/config"
)

// warnReadable warns of what other accounts of the machine can read: the password for
// mail, the key for an ACME server, and the folder with everybody's calendars. Other secrets are looked at where they are
// read.
func warnReadable(c *config.Config, log *slog.Logger) {
	if info, err := os.Stat(c.Server.Data); err == nil && info.Mode().Perm()&0o007 != 0 {
		log.Warn("the data folder is open to every account of this machine", "folder", c.Server.Data, "cure", "chmod o= "+c.Server.Data)
	}
	for _, file := range []string{c.Mail.Password, c.TLS.ACME.EABKeyFile} {
		if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o004 != 0 {
			log.Warn("a file with secrets can be read by every account of this machine", "file", file, "cure", "chmod o= "+file)
		}
	}
}
