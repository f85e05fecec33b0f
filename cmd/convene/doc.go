// Command convene is the calendar server and its operator's commands.
//
//	convene serve      run the server
//	convene demo       run one with an invented company, nothing needed
//	convene config     print an example configuration, check one
//	convene principal  why somebody may use the service or not
//	convene sacl       who may use the service
//	convene audit      what was done by whom
//	convene devicepw   device passwords
//	convene verify     check all data; reindex rebuilds the indexes
//	convene stats      count what is stored
//	convene quota      what people, rooms and resources store and may store
//	convene reload     read the configuration again
//
// There is one file for each command. Commands that look at data or change it
// talk to the running server, or open the files of one that is stopped; either
// way the work is done in package admin.
package main
