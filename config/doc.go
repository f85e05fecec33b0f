// Package config is the server's configuration: one struct whose fields are
// documented by their tags, its defaults, the checks of a file, and the example
// file made from all of it.
//
// It names the tables that other packages declare ([convene/auth.Config],
// [convene/sacl.Config] and so on) and adds its own; nothing else of the server
// is known here, so that a command can read and check a configuration without
// starting anything.
package config
