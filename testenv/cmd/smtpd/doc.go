// Command smtpd is a mail submission server for tests: it keeps what it takes in
// files, and refuses what the recipient's address asks it to refuse.
//
//	smtpd -listen HOST:PORT -dir FOLDER [-cert FILE -key FILE [-implicit]] [-user NAME -password TEXT] [-trap FILE]
//
// Each mail that is taken is a file of the folder, numbered from 1: the lines "MAIL
// FROM:<…>" and "RCPT TO:<…>", an empty line, and the mail. A file has its name when
// it is whole, and the client is told behind that.
//
// What is before the "@" of a recipient decides:
//
//	unknown…    550 5.1.1 to RCPT TO
//	refused…    554 5.7.1 to RCPT TO
//	spam…       554 5.7.1 to the mail itself
//	away…       451 4.3.0 to RCPT TO, always
//	laterN…     451 4.3.0 to RCPT TO, N times, and then it is taken
//	drop…       the connection ends before the answer to the mail, which is taken
//
// A file POINT N PID at the place that -trap names kills a process when a conversation
// without TLS comes to a point for the Nth time, and is removed then. The points, in
// order:
//
//	connect     there is a connection, and no greeting
//	mail        MAIL FROM is there, and no answer
//	rcpt        RCPT TO is there, and no answer
//	data        DATA is there, and no answer
//	body        some of the mail is there
//	taken       the mail is kept, and there is no answer
//	answered    the mail is kept, and the answer is on its way
package main
