package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/rooms/policy"
)

func newRoomCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "room",
		Short: "See and change what rooms and resources are set to, and what they are booked by",
		Long: `Settings of rooms and resources come from the configuration, the directory and from
here; what is set here counts before all others. ROOM is a short name or a GUID; of a
pool of rooms, group:NAME.`,
	}
	cmd.AddCommand(newRoomListCmd(a), newRoomShowCmd(a), newRoomSetCmd(a), newRoomUnsetCmd(a), newRoomImportCmd(a), newRoomCheckCmd(a))
	cmd.AddCommand(newRoomBookingCmds(a)...)
	cmd.AddCommand(newRoomFindCmds(a)...)
	return cmd
}

func newRoomListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the rooms and resources of the directory",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				list, err := admin.ListRooms(cmd.Context(), c)
				if err != nil {
					return err
				}
				return a.print(cmd, list, func(w io.Writer) error { return a.table(w, roomRows(list)) })
			})
		},
	}
}

func roomRows(list []admin.Room) (rows [][]string) {
	for _, r := range list {
		seats := ""
		if r.Capacity > 0 {
			seats = strconv.Itoa(r.Capacity)
		}
		remarks := []string{}
		if !r.Bookable {
			remarks = append(remarks, "not bookable")
		}
		if r.Bad > 0 {
			remarks = append(remarks, "bad settings: convene room check")
		}
		rows = append(rows, []string{r.Name, r.FullName, r.Type, r.Mode, seats, r.Building, r.Floor, strings.Join(remarks, ", ")})
	}
	return rows
}

func newRoomShowCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show ROOM",
		Short: "Print every setting of a room with its value and where that is from",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				s, err := admin.ShowRoom(cmd.Context(), c, args[0])
				if err != nil {
					return err
				}
				return a.printRoom(cmd, s)
			})
		},
	}
}

func (a *app) printRoom(cmd *cobra.Command, s admin.RoomSettings) error {
	return a.print(cmd, s, func(w io.Writer) error {
		var rows [][]string
		for _, one := range s.Settings {
			rows = append(rows, []string{one.Name, one.Value, one.Source})
		}
		for _, one := range s.Bad {
			rows = append(rows, []string{one.Name, one.Value, "does not count, in " + one.Source + ": " + one.Error})
		}
		return a.table(w, rows)
	})
}

func newRoomSetCmd(a *app) *cobra.Command {
	r := admin.RoomRequest{Set: map[string]string{}}
	return a.changesRoom(&r, &cobra.Command{
		Use:   "set ROOM NAME=VALUE …",
		Short: "Make settings of a room",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, arg := range args[1:] {
				name, value, ok := strings.Cut(arg, "=")
				if !ok {
					return usageError(fmt.Errorf("%q: write NAME=VALUE", arg))
				}
				r.Set[name] = value
			}
			r.Who = args[0]
			return a.changeRoom(cmd, r)
		},
	})
}

func newRoomUnsetCmd(a *app) *cobra.Command {
	var r admin.RoomRequest
	return a.changesRoom(&r, &cobra.Command{
		Use:   "unset ROOM NAME …",
		Short: "Take back settings of a room that were made with set",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Who, r.Unset = args[0], args[1:]
			return a.changeRoom(cmd, r)
		},
	})
}

// changesRoom adds the flags of a command that changes settings of a room.
func (a *app) changesRoom(r *admin.RoomRequest, cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&r.Grandfather, "grandfather", false, "also if more is booked at one time than the room would have slots: that stays")
	return a.changes(cmd)
}

func (a *app) changeRoom(cmd *cobra.Command, r admin.RoomRequest) error {
	r.By, r.Reason = operator(), a.reason
	return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
		s, err := admin.SetRoom(cmd.Context(), c, r)
		if err != nil {
			return err
		}
		return a.printRoom(cmd, s)
	})
}

func newRoomImportCmd(a *app) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Set many rooms from a table, or as Exchange or Apple's server has them",
		Long: `Set many rooms from a table (CSV) whose first line is "room" and then names of
settings, as "convene room show" has them; each further line is a room, by its name or
GUID, and its values. An empty cell changes nothing.

Or take over what Exchange has set of its rooms, from a file made with
Get-Mailbox -RecipientTypeDetails RoomMailbox | Get-CalendarProcessing | Export-Csv FILE.
Each room is found by the last part of its Identity, as its short or its full name.
Of Apple's Calendar Server augments.xml and resources.xml are taken, one at a time;
their rooms are found by their GUID or short name.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			lines, err := readRooms(args[0])
			if err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				done := []admin.RoomImported{}
				for batch := range slices.Chunk(lines, importBatch) {
					some, err := admin.ImportRooms(cmd.Context(), c, admin.RoomImport{Lines: batch, DryRun: dryRun, By: operator(), Reason: a.reason})
					if err != nil {
						return err
					}
					done = append(done, some...)
				}
				return a.print(cmd, done, func(w io.Writer) error { return a.table(w, importRows(done)) })
			})
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be set")
	return a.changes(cmd)
}

// importBatch is how many rooms go into one request, which has a limit.
const importBatch = 100

// readRooms reads a table, ours or of Exchange, or XML of Apple.
func readRooms(path string) ([]policy.Imported, error) {
	text, err := readImported(path)
	if err != nil {
		return nil, err
	}
	parse := policy.ParseExchange
	switch {
	case formatOf(text) == admin.FormatProxies: // XML
		parse = policy.ParseApple
	case policy.IsTable(text):
		parse = policy.ParseTable
	}
	lines, err := parse(bytes.NewReader(text))
	if err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", path, err))
	}
	return lines, nil
}

func importRows(done []admin.RoomImported) (rows [][]string) {
	for _, one := range done {
		outcome := fmt.Sprintf("%d settings", len(one.Values))
		if one.Name == "" {
			outcome = "left out"
		}
		rows = append(rows, []string{one.Identity, one.Name, outcome})
		for _, note := range one.Notes {
			rows = append(rows, []string{one.Identity, one.Name, note})
		}
	}
	return rows
}

func newRoomCheckCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Find settings of rooms that do not do what somebody meant",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				found, err := admin.CheckRooms(cmd.Context(), c)
				if err != nil {
					return err
				}
				err = a.print(cmd, found, func(w io.Writer) error {
					var rows [][]string
					for _, p := range found {
						rows = append(rows, []string{p.Room, p.Setting, p.Problem})
					}
					return a.table(w, rows)
				})
				if err == nil && len(found) > 0 {
					err = failure{kind: kindProblems, error: fmt.Errorf("problems found: %d", len(found))}
				}
				return err
			})
		},
	}
}
