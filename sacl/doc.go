// Package sacl is the service access list: who may use the service at all.
//
// Two things must both say yes to a person: the access list, which the
// administrator of this server keeps, and the person's directory record, which
// the directory's administrator keeps. The list decides first; whoever it
// turns away is turned away whatever the record says.
//
// # The list
//
// There are rules for each service (calendar, web, admin) and rules for all
// of them. The rules for all services are looked at first, then those of the
// service asked for; both must let the person in. A service's rules are
// entries that allow or deny everyone, a person, or a group with its nested
// members:
//
//   - no rules: everyone, except for the admin service: nobody;
//   - only deny entries: everyone but those denied;
//   - allow entries: those listed, and nobody else.
//
// An entry that names the person goes before those that name groups, and these
// before one for everyone; at the same level deny goes before allow. So a
// group can be denied with the exception of one of its members, and a group
// allowed but for one of them.
//
// # The record
//
// The record must permit signing in, and for the services calendar and web it
// must be enabled for calendars.
//
// # Where rules come from
//
// From the configuration, and from a file in the data folder that the
// operator's commands change while the server runs. The entries of both count
// together. Entries of the configuration may name people and groups by their
// short names. A name means the record that had it when it was first found (see
// Pins); the file holds GUIDs: a name that is given to somebody else brings no rights,
// and a group that is renamed keeps its rules. A name
// that several groups have at once lets nobody in, and turns the members of all of
// them away.
//
// # When the directory is away
//
// The groups of a caller came with the sign-in. A rule that names a group by
// its name needs the directory (through its cache). If it does not respond, and
// no other entry decides, then Check returns its error: the response is then 503
// and nobody is denied.
package sacl
