package main

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/delegation"
	"convene/sacl"
)

func newPrincipalCmd(a *app) *cobra.Command {
	var p proxyFlags
	cmd := &cobra.Command{
		Use:   "principal WHO",
		Short: "What is known of a person, group, room or resource",
		Long: `What is known of a person, group, room or resource. The flags are those by which Apple's
calendarserver_manage_principals sees and changes who acts for WHO, for scripts that have
them; "convene delegate" does the same and more. WHO and the delegates are named as there,
or as Apple does: users:NAME, groups:NAME, locations:NAME, resources:NAME.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.run(a, cmd, appleName(args[0])) },
	}
	p.flags(cmd)
	service := string(sacl.Calendar)
	why := newSACLExplainCmd(a, &service)
	why.Use = "why WHO"
	why.Flags().StringVarP(&service, "service", "s", service, "calendar, web or admin")
	cmd.AddCommand(why)
	return a.changes(cmd)
}

// proxyFlags are Apple's names for what is done with somebody's delegates.
type proxyFlags struct {
	list, listRead, listWrite  bool
	addRead, addWrite, removed []string
}

func (p *proxyFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&p.list, "list-proxies", false, "list who acts for WHO")
	f.BoolVar(&p.listRead, "list-read-proxies", false, "list who reads for WHO")
	f.BoolVar(&p.listWrite, "list-write-proxies", false, "list who reads and writes for WHO")
	f.StringArrayVar(&p.addRead, "add-read-proxy", nil, "let `DELEGATE` read; may be given more than once")
	f.StringArrayVar(&p.addWrite, "add-write-proxy", nil, "let `DELEGATE` read and write; may be given more than once")
	f.StringArrayVar(&p.removed, "remove-proxy", nil, "end the delegation of `DELEGATE`; may be given more than once")
}

// run makes the changes first, and then lists.
func (p *proxyFlags) run(a *app, cmd *cobra.Command, who string) error {
	lists := p.list || p.listRead || p.listWrite
	changes := p.changes(a, cmd, who)
	switch {
	case !lists && len(changes) == 0:
		return usageError(errors.New("say what to do with the delegates, such as --list-proxies"))
	case lists && len(changes) > 0 || len(changes) > 1 && a.json:
		return usageError(errors.New("one thing at a time"))
	}
	for _, change := range changes {
		if err := a.changeDelegates(cmd, change); err != nil {
			return err
		}
	}
	if !lists {
		return nil
	}
	return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
		list, err := admin.ListDelegates(cmd.Context(), c, admin.DelegatesRequest{Who: who})
		if err != nil {
			return err
		}
		list.Delegates = slices.DeleteFunc(list.Delegates, func(d admin.Delegate) bool { return !p.shows(d.Level) })
		return a.print(cmd, list, func(w io.Writer) error { return a.table(w, delegateRows(list)) })
	})
}

func (p *proxyFlags) shows(l delegation.Level) bool {
	return p.list || p.listRead && l == delegation.LevelRead || p.listWrite && l == delegation.LevelWrite
}

// changes are what is to be done, in the order of the flags' description.
func (p *proxyFlags) changes(a *app, cmd *cobra.Command, who string) (list []func(admin.Conn) (admin.DelegatesChanged, error)) {
	change := func(names []string, level delegation.Level, do func(admin.Conn, admin.DelegateChange) (admin.DelegatesChanged, error)) {
		for _, n := range names {
			r := admin.DelegateChange{Delegator: who, Delegate: appleName(n), Level: level, By: operator(), Reason: a.reason}
			list = append(list, func(c admin.Conn) (admin.DelegatesChanged, error) { return do(c, r) })
		}
	}
	add := func(c admin.Conn, r admin.DelegateChange) (admin.DelegatesChanged, error) {
		return admin.AddDelegate(cmd.Context(), c, r)
	}
	change(p.addRead, delegation.LevelRead, add)
	change(p.addWrite, delegation.LevelWrite, add)
	change(p.removed, delegation.LevelNone, func(c admin.Conn, r admin.DelegateChange) (admin.DelegatesChanged, error) {
		return admin.RemoveDelegate(cmd.Context(), c, r)
	})
	return list
}

// appleName is a name that may be as Apple's commands have it, as ours have it.
func appleName(name string) string {
	typ, rest, ok := strings.Cut(name, ":")
	if !ok {
		return name
	}
	switch typ {
	case "users":
		return "user:" + rest
	case "groups":
		return "group:" + rest
	case "locations", "resources":
		return rest
	}
	return name
}
