// Package settings reads a TOML file into a tree of structs, strictly, and
// writes such a tree as a commented file. The structs are the manual: a
// field's tags are its name and its documentation, its value before reading
// is its default, and there is no other list of settings anywhere.
//
//	type Config struct {
//		Listen []string      `toml:"listen" doc:"Addresses to serve on."`
//		Wait   time.Duration `toml:"wait" doc:"Longest wait for an answer."`
//		Login  struct {
//			Password string `toml:"pass-word" doc:"Of the server's account."`
//		} `toml:"login" doc:"How the server signs in."`
//	}
//
// Fields may be strings, numbers, booleans, [time.Duration] (written "30s"),
// anything with UnmarshalText and MarshalText, slices and string-keyed maps of
// these, structs (tables) and slices of structs (arrays of tables).
//
// Every field that is not in a slice or a map can be overridden by an
// environment variable, named after its place: with the prefix CONVENE_,
// login.pass-word is CONVENE_LOGIN_PASS_WORD. Lists are separated by commas; those
// with commas in their items are written as in the file: ["a,b"].
//
// Each fault is reported with its line, its key, and what to do about it;
// all faults are reported at once. The package imports nothing of ours.
package settings
