package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"convene/discover"
)

func newJoinCmd(a *app) *cobra.Command {
	var o discover.Options
	var yes bool
	var testPassword, ldapi string
	cmd := &cobra.Command{
		Use:   "join [DOMAIN | URL...]",
		Short: "Find a directory, look at it as the server will, and write a configuration",
		Long: `Find the directory of DOMAIN by DNS, or ask the servers named (ldaps://host,
ldap://host with StartTLS, ldapi://path), look at people, groups and rooms as the
server will see them, compare keytab, names and clocks, and write a configuration.
A check that fails writes nothing. A configuration that is there is changed, and
what is right stays.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Output = a.config
			for _, arg := range args {
				if strings.Contains(arg, "://") {
					o.URLs = append(o.URLs, arg)
				} else if o.Domain == "" && len(args) == 1 {
					o.Domain = arg
				} else {
					return usageError(fmt.Errorf("join takes one domain, or URLs: %q", arg))
				}
			}
			if ldapi != "" {
				o.URLs = append(o.URLs, "ldapi://"+strings.TrimPrefix(ldapi, "ldapi://"))
			}
			var err error
			if o.TestPassword, err = firstLine(testPassword); err != nil {
				return err
			}
			asker := discover.Asker(nobody{})
			if in, ok := cmd.InOrStdin().(*os.File); ok && !yes && term.IsTerminal(int(in.Fd())) {
				asker = &person{in: in, lines: bufio.NewReader(in), out: terminal{cmd.ErrOrStderr()}}
			}
			tell := func(f discover.Finding) {
				if !a.json {
					_ = a.finding(cmd.OutOrStdout(), f) // a terminal that is gone stops nothing
				}
			}
			report, err := discover.Join(cmd.Context(), o, asker, tell)
			if shown := a.print(cmd, report, func(w io.Writer) error { return showJoin(w, report, o, err == nil) }); shown != nil {
				return shown
			}
			if errors.Is(err, discover.ErrNoAnswer) {
				return usageError(err)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVarP(&a.config, "output", "o", a.config, "configuration `file` to write")
	f.BoolVarP(&yes, "yes", "y", false, "ask nothing: take the defaults, and fail where there is none")
	f.BoolVar(&o.DryRun, "dry-run", false, "write nothing, and make nothing in the directory")
	f.StringVar(&o.BindUser, "bind-user", "", "`account` that looks people up: a DN, user@domain or a short name of Active Directory")
	f.StringVar(&o.PasswordFile, "password-file", "", "`file` whose first line is its password")
	f.StringVar(&o.BindKeytab, "bind-keytab", "", "`file` with Kerberos keys of --bind-user, in place of a password")
	f.BoolVar(&o.Anonymous, "anonymous", false, "look people up as nobody")
	f.StringVar(&ldapi, "ldapi", "", "`path` of the directory's socket, on the same machine")
	f.StringVar(&o.CAFile, "ca", "", "PEM `file` of the authority that signs the directory's certificates")
	f.StringSliceVar(&o.Pins, "pin", nil, "`fingerprint` (sha256:…) of a certificate of the directory to trust as it is")
	f.BoolVar(&o.TrustFirst, "trust-first", false, "pin the certificates that are shown now, unseen")
	f.StringVar(&o.Site, "site", "", "`site` of Active Directory that this machine is in")
	f.StringVar(&o.Preset, "preset", "", "`kind` of directory, if it does not tell")
	f.StringArrayVar(&o.Base, "base", nil, "search `base` of all records; may be repeated, as the next three")
	f.StringArrayVar(&o.UsersBase, "users-base", nil, "search `base` of users")
	f.StringArrayVar(&o.GroupsBase, "groups-base", nil, "search `base` of groups")
	f.StringArrayVar(&o.RoomsBase, "rooms-base", nil, "search `base` of rooms")
	f.StringVar(&o.AdminGroup, "admin-group", "", "`group` whose members may do everything")
	f.StringVar(&o.HostName, "host-name", "", "DNS `name` by which clients reach the server")
	f.StringVar(&o.Keytab, "keytab", "", "`file` with the keys of HTTP/host-name")
	f.BoolVar(&o.CreateKeytab, "create-keytab", false, "make an account for the server and its keytab in Active Directory, with the rights of --bind-user, who is then forgotten")
	f.StringVar(&o.TestUser, "test-user", "", "`login` of somebody to sign in as")
	f.StringVar(&testPassword, "test-password-file", "", "`file` whose first line is that person's password")
	return cmd
}

// firstLine reads a password; "" is no file.
func firstLine(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

// finding prints one line, or two with a cure.
func (a *app) finding(w io.Writer, f discover.Finding) error {
	line := fmt.Sprintf("%-5s %-13s %s", strings.ToUpper(f.Level.String()), f.What, f.Detail)
	if f.Setting != "" {
		line += " [" + f.Setting + "]"
	}
	if f.Cure != "" {
		line += "\n      → " + f.Cure
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// showJoin prints what the findings do not say.
func showJoin(out io.Writer, r *discover.Report, o discover.Options, done bool) error {
	w := bufio.NewWriter(out)
	list := func(head string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(w, "\n%s\n", head)
		}
		for _, l := range lines {
			fmt.Fprintf(w, "    %s\n", l)
		}
	}
	for _, p := range r.People {
		var lines []string
		for _, s := range p.Samples {
			lines = append(lines, p.Sample(s))
		}
		list("Some of the "+p.Type+":", lines)
	}
	list("To be run for a keytab:", r.Commands)
	if done {
		var changes []string
		for _, c := range r.Changes {
			changes = append(changes, "- "+c.Setting+" = "+c.Old, "+ "+c.Setting+" = "+c.New)
		}
		list("Settings that change in "+o.Output+":", changes)
		verb := "Written:"
		if o.DryRun {
			verb = "Not written, as --dry-run says:"
		}
		list(verb, r.Files)
		if len(r.Files) == 0 {
			fmt.Fprintf(w, "\n%s is right as it is\n", o.Output)
		}
		list("DNS records to publish:", r.DNS)
		list("For sign-in without password:", r.Browsers)
	}
	return w.Flush()
}

// nobody answers with defaults.
type nobody struct{}

func (nobody) Ask(q discover.Question) (string, error) {
	if q.Default == "" {
		return "", fmt.Errorf("%w: %s is needed: %s", discover.ErrNoAnswer, q.Flag, q.Text)
	}
	return q.Default, nil
}

// person is at the terminal.
type person struct {
	in    *os.File
	lines *bufio.Reader
	out   io.Writer
}

func (p *person) Ask(q discover.Question) (string, error) {
	for {
		prompt := q.Text
		if len(q.Choices) > 0 {
			prompt += " (" + strings.Join(q.Choices, ", ") + ")"
		}
		if q.Default != "" {
			prompt += " [" + q.Default + "]"
		}
		if len(q.Why) > 0 {
			prompt = "  " + strings.Join(q.Why, "\n  ") + "\n" + prompt
		}
		if _, err := fmt.Fprint(p.out, "\n"+prompt+": "); err != nil {
			return "", err
		}
		answer, err := p.read(q.Secret)
		if err != nil {
			return "", fmt.Errorf("%w: %w", discover.ErrNoAnswer, err)
		}
		if answer == "" {
			answer = q.Default
		}
		if answer != "" && (len(q.Choices) == 0 || slices.Contains(q.Choices, answer)) {
			return answer, nil
		}
	}
}

func (p *person) read(secret bool) (string, error) {
	if secret {
		b, err := term.ReadPassword(int(p.in.Fd()))
		_, _ = fmt.Fprintln(p.out)
		return string(b), err
	}
	line, err := p.lines.ReadString('\n')
	return strings.TrimSpace(line), err
}
