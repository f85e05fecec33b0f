// Command convene is the calendar server and its operator's commands.
//
//	convene serve     run the server
//	convene demo      run one with an invented company, nothing needed
//	convene config    print an example configuration, check one
//	convene sacl      who may use the service, and why
//	convene devicepw  device passwords
//	convene quota     what people, rooms and resources store and may store
//	convene admin     verify, reindex, statistics, reload
//
// There is one file for each command. Commands that look at data or change it
// talk to the running server, or open the files of one that is stopped; either
// way the work is done in package admin.
package main
