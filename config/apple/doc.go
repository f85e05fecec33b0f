// Package apple reads the configuration of Apple's Calendar Server and makes settings of
// convene of it: caldavd.plist with the files that it names, an XML property list. It is
// pure: what is read and written is its caller's. Names and meanings of the keys are those
// of twistedcaldav/stdconfig.py and conf/*.plist in github.com/apple/ccs-calendarserver.
//
// plist.go reads property lists, import.go makes the configuration, keys.go is the table
// of keys with one counterpart here, directory.go and parts.go what several keys say
// together, left.go why the others are left out.
package apple
