package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"convene/admin/backup"
)

// recipientFlags say whom a backup is encrypted to.
type recipientFlags struct {
	names []string
	file  string
}

func (f *recipientFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.names, "recipient", nil, "encrypt to this `KEY` of age (age1…); may be given more than once")
	cmd.Flags().StringVar(&f.file, "recipients-file", "", "encrypt to the keys in `FILE`, one a line")
}

// read returns the recipients, none if there are no flags.
func (f *recipientFlags) read() ([]backup.Recipient, error) {
	text := strings.Join(f.names, "\n")
	if f.file != "" {
		b, err := os.ReadFile(f.file)
		if err != nil {
			return nil, err
		}
		text += "\n" + string(b)
	} else if len(f.names) == 0 {
		return nil, nil
	}
	return backup.ParseRecipients(text)
}

// identityFlags name files of keys that decrypt.
type identityFlags struct{ files []string }

func (f *identityFlags) flag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.files, "identity", nil, "decrypt with the key in `FILE`, as age-keygen writes it; may be given more than once")
}

func (f *identityFlags) read() (list []backup.Identity, err error) {
	for _, name := range f.files {
		keys, err := backup.ReadIdentities(name)
		if err != nil {
			return nil, err
		}
		list = append(list, keys...)
	}
	return list, nil
}
